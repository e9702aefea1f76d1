// What a worker allows its clients, on a real socket, with small limits.
import assert from "node:assert/strict";
import { once } from "node:events";
import http2 from "node:http2";
import net from "node:net";
import { type TestContext, test } from "node:test";
import tls from "node:tls";
import type { TurnedAwayBy } from "../routing/front-counts.ts";
import { ClientPace } from "./client-pace.ts";
import { ConnectionLimits } from "./connection-limits.ts";
import { defaultLimits } from "./limits.ts";
import { collect, type LoopbackWorld, openApp, openWorld, tableWith, until } from "./loopback-world.ts";
import { StandingClock } from "./standing-clock.ts";

function watchTurnedAway(world: LoopbackWorld): (by: TurnedAwayBy) => number {
  let last: readonly { readonly by: TurnedAwayBy; readonly count: number }[] = [];
  world.plane.onReport(({ front }) => {
    last = front?.turnedAway ?? [];
  });
  return (by) => last.find((counted) => counted.by === by)?.count ?? 0;
}

async function connectTo(t: TestContext, world: LoopbackWorld, port = world.port): Promise<net.Socket> {
  const socket = net.connect(port, "127.0.0.1");
  socket.on("error", () => {});
  t.after(() => socket.destroy());
  await once(socket, "connect");
  return socket;
}

/** What is on its way may still be taken for a while: only then the client's stall begins. */
async function stall(clock: StandingClock, isNoticed: () => boolean): Promise<void> {
  await until(async () => {
    await clock.pass(600);
    return isNoticed();
  });
}

const get = "GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n";

test("one connection too many is told so, counted, and takes nothing from the others", async (t) => {
  const world = await openWorld(t, { limits: { connectionsMax: 3 } });
  const count = watchTurnedAway(world);
  const app = await openApp(t, (_, response) => response.end("hello"));
  await world.serve(tableWith(1, [app]));
  const sockets = [await connectTo(t, world), await connectTo(t, world), await connectTo(t, world)];
  const received = collect(sockets[0] as net.Socket);
  sockets[0]?.write(get);
  await until(() => received.text.endsWith("hello"));
  const refused = collect(await connectTo(t, world));
  await refused.ended;
  assert.match(refused.text, /^HTTP\/1.1 503 [\s\S]*Retry-After: 1\r\n[\s\S]*Too many connections/);
  await until(() => count("connections") === 1);
  sockets[2]?.destroy();
  await until(async () => (await world.send({}).catch(() => ({ body: "" }))).body === "hello");
});

test("connections of one address are counted together; those over TLS before their handshake", async (t) => {
  const world = await openWorld(t, {
    limits: { connectionsPerAddressMax: 2, unboundedNetworks: [] },
    certificates: { shop: "shop.test" },
  });
  const count = watchTurnedAway(world);
  await world.serve(tableWith(1, []));
  const plain = await connectTo(t, world);
  const secure = tls.connect({ host: "127.0.0.1", port: world.tlsPort, servername: "shop.test", rejectUnauthorized: false });
  secure.on("error", () => {});
  t.after(() => secure.destroy());
  // Accepted and counted, which an open connection alone does not say.
  await once(secure, "secureConnect");
  const refused = collect(await connectTo(t, world));
  await refused.ended;
  assert.match(refused.text, /^HTTP\/1.1 429 /);
  const closed = collect(await connectTo(t, world, world.tlsPort));
  await closed.ended;
  assert.equal(closed.text, "");
  await until(() => count("address") === 2);
  for (const socket of [plain, secure]) socket.destroy();
});

test("an address is one of IPv4 or a /64 of IPv6, and trusted proxies have no bound", () => {
  let table = tableWith(1, []);
  const limits = { ...defaultLimits, connectionsPerAddressMax: 1, connectionsMax: 9 };
  const sockets = new ConnectionLimits(limits, () => table);
  const closed: (() => void)[] = [];
  const open = (remoteAddress: string) =>
    sockets.refusalOf({
      remoteAddress,
      once: ((_: string, left: () => void) => closed.push(left)) as unknown as net.Socket["once"],
    });
  assert.equal(open("203.0.113.7"), null);
  assert.equal(open("203.0.113.7"), "address");
  assert.equal(open("203.0.113.8"), null);
  assert.equal(open("2001:db8:0:1::7"), null);
  assert.equal(open("2001:db8::1:9:9:9:9"), "address");
  assert.equal(open("2001:db8:0:2::7"), null);
  assert.equal(open("::ffff:203.0.113.9"), null);
  assert.equal(open("::ffff:203.0.113.9"), "address");
  assert.deepEqual([open("127.0.0.1"), open("127.0.0.1")], [null, null]);
  closed[0]?.();
  assert.equal(open("203.0.113.7"), null);
  table = tableWith(2, [], undefined, { trustedProxies: ["203.0.113.0/24"] });
  assert.equal(open("203.0.113.7"), null);
  assert.equal(open("203.0.113.7"), null);
  assert.equal(open("198.51.100.1"), "connections");
});

test("requests on their way, and on one connection, are bounded", async (t) => {
  const world = await openWorld(t, { limits: { requestsMax: 4, pipelinedMax: 3 } });
  const count = watchTurnedAway(world);
  let asked = 0;
  const answers: (() => void)[] = [];
  const app = await openApp(t, (_, response) => {
    asked += 1;
    answers.push(() => response.end("hello"));
  });
  await world.serve(tableWith(1, [app]));
  const socket = await connectTo(t, world);
  const received = collect(socket);
  socket.write(get.repeat(500));
  await until(() => asked === 3 && count("pipeline") === 1);
  const fourth = world.send({});
  await until(() => asked === 4);
  const { status, headers, body } = await world.send({});
  assert.deepEqual([status, headers["retry-after"]], [503, "1"]);
  assert.match(body, /Too many requests at once/);
  for (const answer of answers) answer();
  assert.equal((await fourth).status, 200);
  await received.ended;
  assert.equal(received.text.match(/HTTP\/1.1 200 /g)?.length, 3);
  assert.equal(received.text.match(/HTTP\/1.1 429 /g)?.length, 1);
  assert.equal(asked, 4);
  await until(() => count("requests") === 1);
});

test("a body that comes a byte at a time ends with 408, and the release is not blamed", async (t) => {
  const clock = new StandingClock(t);
  const world = await openWorld(t, { limits: { uploadGraceMs: 1_500 }, clock });
  const count = watchTurnedAway(world);
  let bytes = 0;
  const app = await openApp(t, (incoming) => {
    incoming.on("error", () => {});
    incoming.on("data", ({ length }: Buffer) => {
      bytes += length;
    });
  });
  await world.serve(tableWith(1, [app]));
  const socket = await connectTo(t, world);
  const received = collect(socket);
  socket.write("POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 1000000\r\n\r\n");
  const drip = async () => {
    const before = bytes;
    socket.write("x");
    await until(() => bytes > before);
    await clock.pass(50);
  };
  for (let sentMs = 0; sentMs < 1_500; sentMs += 50) await drip();
  assert.equal(received.text, "");
  // Its thirty bytes are worth an eighth of a second.
  await clock.pass(150);
  await received.ended;
  assert.match(received.text, /^HTTP\/1.1 408 [\s\S]*too slowly/);
  await until(() => count("body-late") === 1 && world.count({ outcome: "excluded" }) === 1);
});

test("a client that takes nothing of its answer is let go, and the instance with it", async (t) => {
  const clock = new StandingClock(t);
  const world = await openWorld(t, { limits: { readerStallMs: 500 }, clock });
  const count = watchTurnedAway(world);
  let isLetGo = false;
  const app = await openApp(t, (_, response) => {
    response.on("close", () => {
      isLetGo = true;
    });
    const write = () => {
      while (!isLetGo && response.write(Buffer.alloc(65_536)));
    };
    response.on("drain", write);
    write();
  });
  await world.serve(tableWith(1, [app]));
  const socket = await connectTo(t, world);
  socket.pause().write(get);
  await stall(clock, () => isLetGo);
  await until(() => count("reader-late") === 1 && world.count({ outcome: "excluded" }) === 1);
});

test("nor does a handshake without a tunnel let a client keep an answer waiting", async (t) => {
  const clock = new StandingClock(t);
  const world = await openWorld(t, { limits: { readerStallMs: 500 }, clock });
  const count = watchTurnedAway(world);
  const app = await openApp(t, (incoming, response) => {
    if (incoming.url === "/whole") response.end(Buffer.alloc(6_000_000));
    else response.write(Buffer.alloc(60_000_000));
  });
  await world.serve(tableWith(1, [app]));
  for (const [index, path] of ["/endless", "/whole"].entries()) {
    const socket = await connectTo(t, world);
    socket.pause().write(`GET ${path} HTTP/1.1\r\nHost: shop.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`);
    await stall(clock, () => count("reader-late") === index + 1);
    await until(() => world.inFlight("old") === 0);
    socket.resume();
    await once(socket, "close");
  }
});

test("a client that takes nothing of an answer that is all there is let go too, over HTTP/2 as well", async (t) => {
  const clock = new StandingClock(t);
  const world = await openWorld(t, { certificates: { shop: "shop.test" }, limits: { readerStallMs: 500 }, clock });
  const count = watchTurnedAway(world);
  const app = await openApp(t, (_, response) => response.end("x".repeat(1_000)));
  await world.serve(tableWith(1, [app]));
  const session = http2.connect(`https://127.0.0.1:${world.tlsPort}`, {
    servername: "shop.test",
    rejectUnauthorized: false,
    settings: { initialWindowSize: 0 },
  });
  t.after(() => session.destroy());
  const stream = session.request({ ":path": "/", ":authority": "shop.test" });
  const reset = new Promise((resolve) => stream.once("close", resolve));
  stream.on("error", () => {});
  await once(stream, "response");
  await stall(clock, () => count("reader-late") === 1);
  await reset;
  assert.equal(stream.rstCode, http2.constants.NGHTTP2_INTERNAL_ERROR);
  await until(() => world.count({ outcome: "ok" }) === 1);
});

test("patience is used up by waiting for bytes alone, and given back by bytes", () => {
  const pace = new ClientPace(defaultLimits);
  assert.equal(pace.faultAt(1e9), null);
  pace.bodyAwaited(0);
  pace.bodyAwaited(5_000);
  assert.equal(pace.faultAt(9_999), null);
  assert.equal(pace.faultAt(10_000), "body-late");
  pace.bodyArrived(1_200, 9_000);
  assert.equal(pace.faultAt(60_000), null);
  pace.bodyAwaited(60_000);
  assert.equal(pace.faultAt(65_999), null);
  assert.equal(pace.faultAt(66_000), "body-late");
  pace.bodyArrived(1e9, 65_000);
  pace.bodyAwaited(70_000);
  assert.equal(pace.faultAt(99_999), null);
  assert.equal(pace.faultAt(100_000), "body-late");
});

test("between two instances that wait for a body its client's patience stands still, and what it had used up stays so", () => {
  const pace = new ClientPace(defaultLimits);
  pace.bodyAwaited(0);
  pace.bodyLetGo(4_000);
  assert.equal(pace.faultAt(60_000), null);
  pace.bodyAwaited(60_000);
  assert.equal(pace.faultAt(65_999), null);
  assert.equal(pace.faultAt(66_000), "body-late");
});

test("a connection whose handshake does not come in time is closed, whether it says nothing or half of it", async (t) => {
  const world = await openWorld(t, { limits: { headMs: 500 }, certificates: { shop: "shop.test" } });
  const count = watchTurnedAway(world);
  await world.serve(tableWith(1, [await openApp(t, (_, response) => response.end("ok"))]));
  for (const said of ["", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"]) {
    const socket = net.connect(world.tlsPort, "127.0.0.1");
    t.after(() => socket.destroy());
    const { ended } = collect(socket);
    socket.write(said, "latin1");
    await ended;
  }
  await until(() => count("head-late") === 2);
});

test("a late head is answered with 408 and counted, a large one with 431, and neither with a body, for it may be a HEAD's", async (t) => {
  const patient = await openWorld(t);
  const countLarge = watchTurnedAway(patient);
  await patient.serve(tableWith(1, []));
  const large = await patient.sendRaw(`HEAD / HTTP/1.1\r\nHost: shop.test\r\nX-Large: ${"x".repeat(20_000)}\r\n\r\n`);
  assert.match(large, /^HTTP\/1.1 431 [\s\S]*\r\nContent-Length: 0\r\n[\s\S]*\r\n\r\n$/);
  await until(() => countLarge("head-large") === 1);
  const world = await openWorld(t, { limits: { headMs: 1_000 } });
  const count = watchTurnedAway(world);
  await world.serve(tableWith(1, []));
  const late = await world.sendRaw("GET / HTTP/1.1\r\nHost: shop.test\r\n");
  assert.match(late, /^HTTP\/1.1 408 [\s\S]*\r\nContent-Length: 0\r\n[\s\S]*\r\n\r\n$/);
  await until(() => count("head-late") === 1);
});
