// What HTTP/1.1 allows at its edges, through a worker on a real socket.
import assert from "node:assert/strict";
import net from "node:net";
import { type TestContext, test } from "node:test";
import type { FrontReport } from "../routing/front-counts.ts";
import { collect, openApp, openWorld, tableWith, textOf, until } from "./loopback-world.ts";

const waiting =
  "POST / HTTP/1.1\r\nHost: shop.test\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\n";

test("a client that waits is told to go on when an instance takes the body, and not before", async (t) => {
  const world = await openWorld(t);
  const app = await openApp(t, async (incoming, response) => response.end(await textOf(incoming)));
  await world.serve(tableWith(1, [app]));
  const { socket, received } = connect(world.port, waiting);
  await until(() => received.text === "HTTP/1.1 100 Continue\r\n\r\n");
  socket.write("ab");
  await until(() => received.text.endsWith("ab"));
  socket.destroy();
});

test("a client that was not told to go on gets the answer, and its connection is closed", async (t) => {
  const world = await openWorld(t, { limits: { holdMs: 100 } });
  await world.serve(tableWith(1, []));
  const other = await connect(world.port, waiting.replace("shop.test", "other.test")).finished();
  assert.match(other, /^HTTP\/1.1 404 [\s\S]*Connection: close/);
  const nobody = await connect(world.port, waiting).finished();
  assert.match(nobody, /^HTTP\/1.1 503 [\s\S]*Connection: close/);
  const unknown = await world.sendRaw(
    "POST / HTTP/1.1\r\nHost: shop.test\r\nExpect: miracles\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
  );
  assert.match(unknown, /^HTTP\/1.1 417 /);
});

test("early hints reach a client of HTTP/1.1 before the answer, and no other", async (t) => {
  const world = await openWorld(t);
  const app = await rawApp(
    t,
    "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nSet-Cookie: a=1\r\n\r\n" +
      "HTTP/1.1 103 Early Hints\r\nLink: </b.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
  );
  await world.serve(tableWith(1, [app]));
  const get = (version: string) => world.sendRaw(`GET / HTTP/${version}\r\nHost: shop.test\r\nConnection: close\r\n\r\n`);
  assert.match(
    await get("1.1"),
    /^HTTP\/1.1 103 Early Hints\r\nLink: <\/a.css>; rel=preload\r\n\r\nHTTP\/1.1 103 Early Hints\r\nLink: <\/b.css>\r\n\r\nHTTP\/1.1 200 OK\r\n/,
  );
  assert.match(await get("1.0"), /^HTTP\/1.1 200 OK\r\n/);
});

test("trailers follow a body in chunks, without those that would change how it is read", async (t) => {
  const world = await openWorld(t);
  const app = await rawApp(
    t,
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\nSet-Cookie: a=1\r\nAuthorization: x\r\n\r\n",
  );
  await world.serve(tableWith(1, [app]));
  const answer = await world.sendRaw("GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n");
  assert.match(answer, /\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n$/);
  const old = await world.sendRaw("GET / HTTP/1.0\r\nHost: shop.test\r\n\r\n");
  assert.match(old, /\r\n\r\nok$/);
});

test("what follows a request that was not understood is not read as another one", async (t) => {
  const world = await openWorld(t);
  let requests = 0;
  const app = await openApp(t, (_, response) => {
    requests += 1;
    response.end("ok");
  });
  await world.serve(tableWith(1, [app]));
  const next = "GET /smuggled HTTP/1.1\r\nHost: shop.test\r\n\r\n";
  const answer = await connect(world.port, `GET / HTTP/2.0\r\nHost: shop.test\r\n\r\n${next}`).finished();
  assert.equal(answer.match(/HTTP\/1.1 /g)?.length, 1);
  assert.match(answer, /^HTTP\/1.1 400 /);
  assert.equal(requests, 0);
});

test("requests in a row on one connection are answered in their order", async (t) => {
  const world = await openWorld(t);
  const app = await openApp(t, (incoming, response) =>
    setTimeout(() => response.end(incoming.url), incoming.url === "/1" ? 50 : 0),
  );
  await world.serve(tableWith(1, [app]));
  const [one, two] = ["/1", "/2"].map((path) => `GET ${path} HTTP/1.1\r\nHost: shop.test\r\n`);
  const answer = await connect(world.port, `${one}\r\n${two}Connection: close\r\n\r\n`).finished();
  assert.match(answer, /^HTTP\/1.1 200 [\s\S]*\/1HTTP\/1.1 200 [\s\S]*\/2$/);
});

test("a word before an answer never gets into another answer of the connection", async (t) => {
  const world = await openWorld(t);
  const app = await openApp(t, async (incoming, response) => {
    const body = await textOf(incoming);
    setTimeout(() => response.end(`${incoming.url}${body}`), incoming.url === "/1" ? 50 : 0);
  });
  await world.serve(tableWith(1, [app]));
  const second = waiting.replace("POST /", "POST /2").replace("keep-alive", "close");
  const answer = await connect(world.port, `GET /1 HTTP/1.1\r\nHost: shop.test\r\n\r\n${second}ab`).finished();
  assert.match(answer, /^HTTP\/1.1 200 [\s\S]*\r\n\r\n\/1(?:HTTP\/1.1 100 Continue\r\n\r\n)?HTTP\/1.1 200 [\s\S]*\r\n\r\n\/2ab$/);
});

test("a tunnel to elsewhere is refused", async (t) => {
  const world = await openWorld(t);
  await world.serve(tableWith(1, []));
  assert.match(
    await connect(world.port, "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n").finished(),
    /^HTTP\/1.1 405 /,
  );
});

test("what a proxy in front says counts when the service trusts it", async (t) => {
  const world = await openWorld(t);
  const app = await openApp(t, (incoming, response) => response.end(JSON.stringify(incoming.headers)));
  const headers = { "x-forwarded-proto": "https", "x-forwarded-for": "192.0.2.1" };
  const ask = async () => JSON.parse((await world.send({ headers })).body);
  await world.serve(tableWith(1, [app]));
  const stranger = await ask();
  assert.deepEqual([stranger["x-forwarded-proto"], stranger["x-forwarded-for"]], ["http", "127.0.0.1"]);
  await world.serve(tableWith(2, [app], undefined, { trustedProxies: ["127.0.0.0/8"] }));
  const trusted = await ask();
  assert.deepEqual([trusted["x-forwarded-proto"], trusted["x-forwarded-for"]], ["https", "192.0.2.1, 127.0.0.1"]);
});

test("a trusted proxy that does not say for whom it asks is counted, nobody else is", async (t) => {
  const world = await openWorld(t);
  const app = await openApp(t, (_, response) => response.end("ok"));
  let told: FrontReport["withoutClient"];
  world.plane.onReport(({ front }) => {
    told = front?.withoutClient;
  });
  await world.serve(tableWith(1, [app]));
  await world.send({});
  await world.serve(tableWith(2, [app], undefined, { trustedProxies: ["127.0.0.0/8"] }));
  await world.send({ headers: { "x-forwarded-for": "192.0.2.1" } });
  await world.send({});
  await world.send({});
  await until(() => told?.[0]?.count === 2);
  assert.deepEqual(told, [{ service: "shop", environment: "production", count: 2 }]);
});

test("an endless answer ends with a client that is done sending", async (t) => {
  const world = await openWorld(t);
  const app = await openApp(t, (_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("data: 1\n\n");
  });
  await world.serve(tableWith(1, [app]));
  const { socket, received } = connect(world.port, "GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n");
  await until(() => received.text.includes("data: 1"));
  await until(() => world.inFlight("old") === 1);
  socket.end();
  await received.ended;
  await until(() => world.inFlight("old") === 0);
});

function connect(port: number, text: string) {
  const socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  const received = collect(socket);
  socket.write(text, "latin1");
  socket.once("end", () => socket.end());
  const finished = async () => {
    await received.ended;
    return received.text;
  };
  return { socket, received, finished };
}

/** An application that says these bytes to every request and closes. */
async function rawApp(t: TestContext, answer: string) {
  const server = net.createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.end(answer, "latin1"));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const { port } = server.address() as net.AddressInfo;
  return { instance: `raw-${port}`, host: "127.0.0.1", port };
}

test("half an upload is never taken for the whole", async (t) => {
  const world = await openWorld(t);
  const { promise: ended, resolve } = Promise.withResolvers<string>();
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const app = await openApp(t, (incoming) => {
    incoming.on("end", () => resolve("whole"));
    incoming.on("error", () => resolve("broken"));
    incoming.once("data", () => begin());
  });
  await world.serve(tableWith(1, [app]));
  const { socket } = connect(world.port, "POST / HTTP/1.1\r\nHost: shop.test\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n");
  await begun;
  socket.resetAndDestroy();
  assert.equal(await ended, "broken");
});
