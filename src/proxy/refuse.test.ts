// Goal: who is refused hears it, however much it still sends, and no refusal keeps a connection or a stream for ever.
// Method: clients that write megabytes, each piece before they look for an answer, on real sockets.
import assert from "node:assert/strict";
import { once } from "node:events";
import http2 from "node:http2";
import net from "node:net";
import type { Writable } from "node:stream";
import { type TestContext, test } from "node:test";
import { missing } from "../../scripts/setup-debian.ts";
import type { Clock } from "../ports/clock.ts";
import { createSystemClock } from "../ports/system-clock.ts";
import { type LoopbackWorld, openApp, openWorld, tableWith, until } from "./loopback-world.ts";
import { StandingClock } from "./standing-clock.ts";

const system = createSystemClock();
/** Waits ten times as long for those who fall silent: a machine that is held up for seconds makes nobody silent. */
const patient: Clock = { ...system, sleep: (durationMs, signal) => system.sleep(10 * durationMs, signal) };

const piece = Buffer.alloc(65_536, "x");
/** Several times what the sockets on the way take while nobody reads. */
const pieces = 256;
const bodyBytes = pieces * piece.length;

/** Sends all of it, and only then looks at what came. */
async function sendAll(t: TestContext, port: number, head: string) {
  const socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  t.after(() => socket.destroy());
  const seen = { text: "", error: "", hasEnd: false };
  socket.on("error", (error: NodeJS.ErrnoException) => {
    seen.error = error.code ?? error.message;
  });
  socket.on("end", () => {
    seen.hasEnd = true;
  });
  await once(socket, "connect");
  socket.write(head, "latin1");
  for (let sent = 0; sent < pieces && seen.error === ""; sent += 1) if (!socket.write(piece)) await drained(socket);
  socket.on("data", (chunk: Buffer) => {
    seen.text += chunk.toString("latin1");
  });
  return { socket, seen };
}

/** Or gone. */
function drained(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      stream.off("drain", settle).off("close", settle);
      resolve();
    };
    stream.on("drain", settle).on("close", settle);
  });
}

const post = (host: string) => `POST / HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${bodyBytes}\r\n`;
const closing: readonly (readonly [string, string, RegExp])[] = [
  [
    "a request that could be read in two ways",
    `${post("shop.test")}Host: other.test\r\n\r\n`,
    /^HTTP\/1.1 400 [\s\S]*\(Belay\)\n$/,
  ],
  ["a proxy request", "CONNECT a.test:1 HTTP/1.1\r\nHost: a.test:1\r\n\r\n", /^HTTP\/1.1 405 [\s\S]*\(Belay\)\n$/],
  [
    "a tunnel to nobody",
    "GET / HTTP/1.1\r\nHost: nobody.test\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    /^HTTP\/1.1 404 [\s\S]*\(Belay\)\n$/,
  ],
  ["a head that is too large", "GET / HTTP/1.1\r\nHost: shop.test\r\nX-Large: ", /^HTTP\/1.1 431 [\s\S]*\r\n\r\n$/],
  ["what is no HTTP", "GET / HTTP/9.9 what\r\n\r\n", /^HTTP\/1.1 400 [\s\S]*\r\n\r\n$/],
];

test("whoever is refused and sends on reads why, and then the end of the connection", { timeout: 120_000 }, async (t) => {
  const world = await openWorld(t, { clock: patient });
  await world.serve(tableWith(1, [await openApp(t, (_, response) => response.end("hello"))]));
  for (const [name, head, answer] of closing) {
    const { socket, seen } = await sendAll(t, world.port, head);
    await until(() => seen.hasEnd || seen.error !== "");
    assert.equal(seen.error, "", name);
    assert.match(seen.text, answer, name);
    socket.end();
    await once(socket, "close");
  }
});

test("a connection is kept for the next request when a refused one is sent to its end", async (t) => {
  const world = await openWorld(t, { clock: patient });
  await world.serve(tableWith(1, [await openApp(t, (_, response) => response.end("hello"))]));
  const { socket, seen } = await sendAll(t, world.port, `${post("nobody.test")}\r\n`);
  await until(() => seen.text.endsWith("(Belay)\n"));
  socket.write("GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n");
  await until(() => seen.text.endsWith("hello"));
  assert.match(seen.text, /^HTTP\/1.1 404 /);
});

test("one connection too many hears so while it sends", async (t) => {
  const world = await openWorld(t, { limits: { connectionsMax: 1 }, clock: patient });
  await world.serve(tableWith(1, []));
  const first = net.connect(world.port, "127.0.0.1");
  t.after(() => first.destroy());
  await once(first, "connect");
  const { seen } = await sendAll(t, world.port, `${post("shop.test")}\r\n`);
  await until(() => seen.hasEnd || seen.error !== "");
  assert.deepEqual([seen.error, seen.text.slice(0, 12)], ["", "HTTP/1.1 503"]);
});

test("a refused client that neither closes nor sends is let go", async (t) => {
  const world = await openWorld(t, { limits: { connectionsMax: 1 }, clock: new StandingClock(t, 20) });
  await world.serve(tableWith(1, [await openApp(t, (_, response) => response.end("hello"))]));
  const isServed = async () => (await world.send({}).catch(() => null))?.status === 200;
  for (const [name, head] of closing) {
    const socket = net.connect({ port: world.port, host: "127.0.0.1", allowHalfOpen: true });
    t.after(() => socket.destroy());
    const ended = new Promise((resolve) => socket.once("end", resolve));
    socket.resume().write(name === "a head that is too large" ? head + "x".repeat(20_000) : head);
    await ended;
    await until(isServed);
    assert.ok(!socket.destroyed, `${name}: it has not closed its side`);
    socket.destroy();
  }
});

test("over HTTP/2 a refused upload is answered and ended, and a refusal that nobody takes is let go", {
  skip: missing("openssl"),
}, async (t) => {
  const certificates = { shop: "shop.test" };
  const world = await openWorld(t, { certificates });
  const impatient = await openWorld(t, { certificates, limits: { readerStallMs: 500 } });
  for (const one of [world, impatient]) await one.serve(tableWith(1, []));
  const open = ({ tlsPort }: LoopbackWorld, settings: http2.Settings = {}) => {
    const session = http2.connect(`https://127.0.0.1:${tlsPort}`, {
      servername: "shop.test",
      rejectUnauthorized: false,
      settings,
    });
    t.after(() => session.destroy());
    return session;
  };
  const upload = open(world).request({ ":path": "/", ":authority": "nobody.test", ":method": "POST" });
  const statuses: unknown[] = [];
  upload.on("response", (headers) => statuses.push(headers[":status"]));
  upload.on("error", () => {});
  upload.resume();
  const closed = new Promise((resolve) => upload.once("close", resolve));
  for (let sent = 0; sent < pieces && !upload.closed; sent += 1) if (!upload.write(piece)) await drained(upload);
  upload.end();
  await closed;
  assert.deepEqual(statuses, [404]);

  let refused = 0;
  impatient.plane.onReport(({ front }) => {
    refused = front?.turnedAway.find(({ by }) => by === "reader-late")?.count ?? 0;
  });
  const blind = open(impatient, { initialWindowSize: 0 }).request({ ":path": "/", ":authority": "nobody.test" });
  blind.on("error", () => {});
  const reset = new Promise((resolve) => blind.once("close", resolve));
  await until(() => refused === 1);
  await reset;
});
