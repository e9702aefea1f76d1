// Goal: a sender without a token, a slow one and one that holds connections take nothing from services that post.
// Method: the events' app on a real socket, raw clients beside a service.
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { type TestContext, test } from "node:test";
import { silentLog } from "../ports/log.ts";
import { createEventsApp } from "./events-app.ts";
import { serveApi } from "./serve-api.ts";

const head = (token: string, length = 60_000) =>
  `POST /events/production/shop HTTP/1.1\r\nHost: belay\r\nAuthorization: Bearer ${token}\r\nContent-Length: ${length}\r\n\r\n`;
/** How long it becomes, nobody knows from the head. */
const chunked = (token: string) => head(token).replace(/Content-Length: .*/, "Transfer-Encoding: chunked");

test("a sender without the token is answered from its head alone, however slowly its body comes", {
  timeout: 120_000,
}, async (t) => {
  const { connect, taken } = await openListener(t, { connectionsMax: 10, requestWithinMs: 60_000 });
  const { socket, seen, closed } = await connect();
  socket.write(chunked("wrong"));
  const dripping = setInterval(() => socket.write("1\r\nx\r\n"), 20);
  t.after(() => clearInterval(dripping));
  await closed;
  assert.match(seen.text, /^HTTP\/1.1 401 [\s\S]*BELAY_API_UNAUTHENTICATED/);
  assert.deepEqual(taken, []);
});

test("a body that is announced as too large is refused unread", async (t) => {
  const { connect } = await openListener(t, { connectionsMax: 10, requestWithinMs: 60_000 });
  const { socket, seen, closed } = await connect();
  socket.write(head("token", 70_000));
  await closed;
  assert.match(seen.text, /^HTTP\/1.1 413 /);
});

test("slow heads and slow bodies end in time, also with the token, and others are served meanwhile", async (t) => {
  const { address, connect, taken, bugs } = await openListener(t, { connectionsMax: 100, requestWithinMs: 1_000 });
  const slow = await Promise.all(Array.from({ length: 40 }, () => connect()));
  const drips: NodeJS.Timeout[] = [];
  for (const [at, { socket }] of slow.entries()) {
    const text = head("token");
    socket.write(at % 2 === 0 ? text : text.slice(0, text.indexOf("belay")));
    drips.push(setInterval(() => socket.writable && socket.write("x"), 50));
  }
  t.after(() => drips.map((drip) => clearInterval(drip)));
  await untilTaken(address);
  await Promise.all(slow.map(({ closed }) => closed));
  for (const { seen } of slow) assert.match(seen.text, /^HTTP\/1.1 408 /);
  await untilTaken(address);
  assert.equal(taken.length, 2);
  assert.deepEqual(bugs, [], "a client that is late is none");
});

test("a body that turns out too large is refused as it comes", async (t) => {
  const { connect } = await openListener(t, { connectionsMax: 10, requestWithinMs: 60_000 });
  const { socket, seen, closed } = await connect();
  socket.write(chunked("token"));
  for (let at = 0; at < 20; at += 1) socket.write(`1000\r\n${"x".repeat(4_096)}\r\n`);
  await closed;
  assert.match(seen.text, /^HTTP\/1.1 413 /);
});

test("no more connections than the bound, and one that closes makes room", async (t) => {
  const { address, connect } = await openListener(t, { connectionsMax: 3, requestWithinMs: 60_000 });
  const held = [await connect(), await connect(), await connect()];
  const { closed, seen } = await connect();
  await closed;
  assert.equal(seen.text, "");
  held[0]?.socket.destroy();
  await untilTaken(address);
});

/** A machine that is held up for a second makes anybody late. */
async function untilTaken(address: string): Promise<void> {
  while ((await post(address).catch(() => null))?.status !== 202);
}

function post(address: string): Promise<Response> {
  return fetch(`http://${address}/events/production/shop`, {
    method: "POST",
    headers: { authorization: "Bearer token", connection: "close" },
    body: "{}",
    signal: AbortSignal.timeout(60_000),
  });
}

async function openListener(t: TestContext, bounds: { readonly connectionsMax: number; readonly requestWithinMs: number }) {
  const taken: unknown[] = [];
  const bugs: unknown[] = [];
  const app = createEventsApp({
    log: { ...silentLog, error: (...said) => bugs.push(said) },
    senderOf: (_, token) => (token === "token" ? "service" : null),
    take: (_, posted) => {
      taken.push(...posted);
      return { accepted: posted.length, refused: [] };
    },
  });
  const served = await serveApi({ app, listener: { kind: "port", host: "127.0.0.1", port: 0 }, bounds });
  t.after(() => served.close());
  const port = Number(served.address.split(":")[1]);
  const connect = async () => {
    const socket = net.connect(port, "127.0.0.1");
    t.after(() => socket.destroy());
    const seen = { text: "" };
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      seen.text += chunk.toString("latin1");
    });
    const closed = new Promise((resolve) => socket.once("close", resolve));
    await once(socket, "connect");
    return { socket, seen, closed };
  };
  return { address: served.address, connect, taken, bugs };
}
