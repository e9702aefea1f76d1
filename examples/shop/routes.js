import { createPages } from "./pages.js";

const formBytesMax = 16 * 1024;
const sessionCookie = "shop_session";

/** Returns the function that answers one request. It rejects on a mistake of the shop itself. */
export function createRoutes({ release, database, assets, isFaulty }) {
  const pages = createPages({ release, assets });

  const sessionOf = (request) => {
    const id = readCookie(request, sessionCookie);
    return id === undefined ? undefined : database.findSession(id);
  };
  /** The visitor's session; a new one, with its cookie on the response, when there is none. */
  const ensureSession = (request, response) => {
    const known = sessionOf(request);
    if (known !== undefined) return known;
    const session = database.openSession();
    response.setHeader("set-cookie", `${sessionCookie}=${session.id}; Path=/; HttpOnly; SameSite=Lax`);
    return session;
  };
  const putIntoBasket = (session, form) => {
    const item = database.findItem(Number(form.get("item")));
    if (item === undefined) return false;
    database.addToBasket(session.id, item.id);
    return true;
  };

  const routes = {
    "GET /": (_request, response) => sendHtml(response, 200, pages.catalogue(database.listItems())),
    "GET /basket": (request, response) => {
      const session = sessionOf(request);
      sendHtml(response, 200, pages.basket(session === undefined ? [] : database.listBasket(session.id)));
    },
    "POST /basket": async (request, response) => {
      const form = await readForm(request);
      const session = ensureSession(request, response);
      if (!putIntoBasket(session, form)) return sendHtml(response, 404, pages.message("No such item"));
      return sendHtml(response, 200, pages.basket(database.listBasket(session.id)));
    },
    "POST /checkout": async (request, response) => {
      const form = await readForm(request);
      const session = ensureSession(request, response);
      if (form.has("item") && !putIntoBasket(session, form)) return sendHtml(response, 404, pages.message("No such item"));
      const order = database.placeOrder(session.id, form.get("giftNote"));
      if (order === undefined) return sendHtml(response, 409, pages.message("Your basket is empty"));
      return sendHtml(response, 200, pages.confirmed(order));
    },
    "POST /login": async (request, response) => {
      const name = (await readForm(request)).get("name");
      if (!name) return sendHtml(response, 400, pages.logIn());
      database.logIn(ensureSession(request, response).id, name);
      return sendHtml(response, 200, pages.account(name));
    },
    "GET /account": (request, response) => {
      const member = sessionOf(request)?.member;
      sendHtml(response, member ? 200 : 401, member ? pages.account(member) : pages.logIn());
    },
    "GET /healthz": (_request, response) => response.writeHead(200, { "content-type": "text/plain" }).end("ok\n"),
  };

  const sendItem = (response, id) => {
    const item = database.findItem(Number(id));
    if (item === undefined) sendHtml(response, 404, pages.message("No such item"));
    else sendHtml(response, 200, pages.item(item));
  };
  const sendAsset = (response, path) => {
    const asset = assets.find(path);
    if (asset === undefined) sendHtml(response, 404, pages.message("No such file"));
    else
      response
        .writeHead(200, { "content-type": asset.type, "cache-control": "public, max-age=31536000, immutable" })
        .end(asset.body);
  };

  return async (request, response) => {
    const path = request.url.split("?", 1)[0];
    if (isFaulty(path)) {
      request.resume();
      sendHtml(response, 500, pages.message("Something went wrong"));
      return;
    }
    const route = routes[`${request.method} ${path}`];
    if (route !== undefined) await route(request, response);
    else if (request.method === "GET" && path.startsWith("/item/")) sendItem(response, path.slice("/item/".length));
    else if (request.method === "GET" && path.startsWith("/assets/")) sendAsset(response, path);
    else sendHtml(response, 404, pages.message("No such page"));
  };
}

function sendHtml(response, status, html) {
  response.writeHead(status, {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    "content-length": Buffer.byteLength(html),
  });
  response.end(html);
}

function readCookie(request, name) {
  for (const pair of (request.headers.cookie ?? "").split(";")) {
    const [key, value] = pair.trim().split("=", 2);
    if (key === name && value) return value;
  }
  return undefined;
}

async function readForm(request) {
  const chunks = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > formBytesMax) throw new Error(`a form above ${formBytesMax} bytes`);
    chunks.push(chunk);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString("utf8"));
}
