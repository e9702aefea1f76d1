// Goal: a connection that breaks hides neither a success nor a refusal, and nothing is begun twice.
// Method: servers that close the connection at each moment at which it matters.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { createSeededRandom } from "../ports/random.ts";
import { ApiConnection, type WhenLost } from "./api-connection.ts";
import { type Client, createClient } from "./client.ts";

/** A control plane that answers the n-th request, from 1 on, as it is told to. */
async function openClient(
  t: Pick<TestContext, "after">,
  answer: (nth: number, incoming: IncomingMessage, response: ServerResponse) => void,
): Promise<{ readonly client: Client; readonly connections: () => number; close(): Promise<void> }> {
  let requests = 0;
  let connections = 0;
  const listener: RequestListener = (incoming, response) => {
    requests += 1;
    answer(requests, incoming, response);
  };
  const server = createServer(listener);
  server.on("connection", () => {
    connections += 1;
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const target = { kind: "url", url: `http://127.0.0.1:${port}`, token: undefined } as const;
  const client = createClient(target, { random: createSeededRandom(1), signal: new AbortController().signal });
  const close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  t.after(async () => {
    await client.close();
    if (server.listening) await close();
  });
  return { client, connections: () => connections, close };
}

const cut = (incoming: IncomingMessage) => incoming.socket.destroy();
const say = (response: ServerResponse, body: object, status = 200) => {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
};
const refused = { code: "BELAY_RELEASE_PACK_REFUSED", message: "not taken in", next: "Repair it." };
const request = { commit: "a".repeat(40), isDirty: false, root: "", environment: "production", supersede: false };
const of = { service: "shop", environment: "production" };

test("a question that changes nothing is asked again, on a connection of its own", async (t) => {
  const { client } = await openClient(t, (nth, incoming, response) =>
    nth === 2 ? cut(incoming) : say(response, { commits: [String(nth)] }),
  );
  assert.deepEqual(await client.knownCommits(), ["1"]);
  assert.deepEqual(await client.knownCommits(), ["3"]);
});

test("it is asked again once, and then told", async (t) => {
  let asked = 0;
  const { client } = await openClient(t, (nth, incoming) => {
    asked = nth;
    cut(incoming);
  });
  await assert.rejects(client.status(), { code: "BELAY_CLI_CONNECTION_LOST", next: /^Try again/ });
  assert.equal(asked, 2);
});

test("an upload that was cut off is made anew and sent again, and its refusal is what is told", async (t) => {
  const bodies: string[] = [];
  let made = 0;
  const pack = {
    async *[Symbol.asyncIterator]() {
      made += 1;
      yield Buffer.from(`pack ${made}, `);
      yield Buffer.alloc(1_000_000, "x");
    },
  };
  const { client } = await openClient(t, async (nth, incoming, response) => {
    if (nth === 1) return void incoming.once("data", () => cut(incoming));
    bodies.push(await text(incoming));
    say(response, refused, 409);
  });
  await assert.rejects(client.sendPack({ commit: request.commit, shallow: [], pack }), { code: refused.code });
  assert.deepEqual(
    bodies.map((body) => [body.slice(0, 8), body.length]),
    [["pack 2, ", 1_000_008]],
  );
});

test("nothing is asked before an upload has begun to come, so that no connection is closed over the wait", async (t) => {
  const first = Promise.withResolvers<Buffer>();
  const pack = {
    async *[Symbol.asyncIterator]() {
      yield await first.promise;
    },
  };
  const { client, connections } = await openClient(t, async (_nth, incoming, response) => {
    const body = await text(incoming);
    say(response, { commit: body });
  });
  const sent = client.sendPack({ commit: request.commit, shallow: [], pack });
  await client.status();
  assert.equal(connections(), 1, "the status's");
  first.resolve(Buffer.from("a pack"));
  await sent;
});

test("a deploy whose answer was lost is asked again under the same key; another deploy has another", async (t) => {
  const keys: unknown[] = [];
  const { client } = await openClient(t, (nth, incoming, response) => {
    keys.push(incoming.headers["idempotency-key"]);
    if (nth % 2 === 1) cut(incoming);
    else say(response, { rollout: `shop-${nth}`, forecast: "", judgement: null }, 202);
  });
  assert.equal((await client.deploy(request)).rollout, "shop-2");
  assert.equal((await client.releaseConfig(of, { supersede: false, config: {} })).rollout, "shop-4");
  assert.equal(keys[0], keys[1]);
  assert.equal(keys[2], keys[3]);
  assert.notEqual(keys[0], keys[2]);
  assert.match(String(keys[0]), /^[0-9a-f]{32}$/);
});

test("a deploy of which nothing can be found out says so, also when nobody is there any more", async (t) => {
  const lost = {
    code: "BELAY_CLI_CONNECTION_LOST",
    message: /whether a rollout was begun is not known/,
    next: /^Run `belay status`/,
  };
  const twice = await openClient(t, (_, incoming) => cut(incoming));
  await assert.rejects(twice.client.deploy(request), lost);
  const gone = await openClient(t, () => void gone.close());
  await assert.rejects(gone.client.deploy(request), lost);
});

test("a control plane that hangs is told from one that went away, with how to end it", async (t) => {
  const server = createServer(() => {});
  await once(server.listen(0, "127.0.0.1"), "listening");
  const target = { kind: "url", url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, token: undefined } as const;
  const connection = new ApiConnection({ target, random: createSeededRandom(1), signal: new AbortController().signal });
  t.after(async () => {
    server.closeAllConnections();
    await connection.close();
    server.close();
  });
  // Node's HTTP client rounds its timeouts up to a second or so.
  const ask = (whenLost: WhenLost) => connection.ask({ method: "GET", path: "/status", whenLost, withinMs: 100 });
  await assert.rejects(ask("harmless"), {
    code: "BELAY_CLI_CONNECTION_LOST",
    message: /^the control plane at http:\/\/127\.0\.0\.1:\d+ did not answer in time$/,
    next: /end its process, and it is started anew by itself\. Visitors are served meanwhile/,
  });
  await assert.rejects(ask("told"), { message: /did not answer in time; whether it did what it was asked for is not known/ });
});

test("what may have been done is not asked again", async (t) => {
  let asked = 0;
  const { client } = await openClient(t, (nth, incoming) => {
    asked = nth;
    cut(incoming);
  });
  await assert.rejects(client.command("abort", of, { reason: "no" }), {
    code: "BELAY_CLI_CONNECTION_LOST",
    message: /whether it did what it was asked for is not known/,
    next: /before you ask again/,
  });
  assert.equal(asked, 1);
});
