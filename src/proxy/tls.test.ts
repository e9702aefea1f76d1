// TLS and HTTP/2 in front, through a worker on real sockets, with certificates that are made for the test.
import assert from "node:assert/strict";
import { renameSync, rmSync, symlinkSync } from "node:fs";
import http2 from "node:http2";
import https from "node:https";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import tls from "node:tls";
import { missing } from "../../scripts/setup-debian.ts";
import type { Clock } from "../ports/clock.ts";
import { createSystemClock } from "../ports/system-clock.ts";
import type { FrontReport } from "../routing/front-counts.ts";
import { type LoopbackWorld, makeCertificate, openApp, openWorld, tableWith, textOf, until } from "./loopback-world.ts";

const skip = missing("openssl");

test("a client meets the certificate of the host that it asks for, over HTTP/1.1 and HTTP/2", { skip }, async (t) => {
  const world = await openWorld(t, { certificates: { first: "a.test", second: "shop.test" } });
  const app = await openApp(t, (incoming, response) =>
    response.end(`${incoming.headers["x-forwarded-proto"]} ${incoming.headers["via"]}`),
  );
  await world.serve(tableWith(1, [app]));
  assert.equal(await subjectAt(world, "shop.test"), "CN=shop.test");
  assert.equal(await subjectAt(world, "a.test"), "CN=a.test");
  assert.equal(await subjectAt(world, "unknown.test"), "CN=a.test");
  assert.equal(await subjectAt(world, undefined), "CN=a.test");
  assert.deepEqual(await getOverTls(world), { status: 200, body: "https 1.1 belay" });
  const client = connectHttp2(t, world);
  const answer = await ask(client, { ":path": "/" });
  assert.deepEqual([answer.status, answer.body], [200, "https 2 belay"]);
});

test("a status that HTTP/2 cannot say is a 502 there, and passed on over HTTP/1.1", { skip }, async (t) => {
  const world = await openWorld(t, { certificates: { shop: "shop.test" } });
  const app = await openApp(t, (_, response) => response.writeHead(799).end("odd"));
  await world.serve(tableWith(1, [app]));
  const answer = await ask(connectHttp2(t, world), { ":path": "/" });
  assert.equal(answer.status, 502);
  assert.match(answer.body, /a status that HTTP\/2 cannot say \(Belay\)/);
  assert.equal((await getOverTls(world)).status, 799);
  await until(() => world.count({ outcome: "failed" }) === 2);
});

test("HTTP/2 carries bodies, repeated fields, cookies, early hints and trailers", { skip }, async (t) => {
  const world = await openWorld(t, { certificates: { shop: "shop.test" } });
  const app = await openApp(t, async (incoming, response) => {
    response.writeEarlyHints({ link: "</a.css>; rel=preload" });
    const body = await textOf(incoming);
    response.writeHead(
      200,
      [
        ["X-App", "one"],
        ["X-App", "two"],
        ["Connection", "X-Secret"],
        ["X-Secret", "s"],
        ["Trailer", "X-Sum"],
      ].flat(),
    );
    response.write(`${incoming.method} ${incoming.url} ${incoming.headers.host} ${incoming.headers.cookie} ${body.length} `);
    // The second is of HTTP/1.1 alone: HTTP/2 refuses to send it at all.
    response.addTrailers({ "X-Sum": "7", "HTTP2-Settings": "AAMAAABkAAQAAP__" });
    response.end("end");
  });
  await world.serve(tableWith(1, [app]));
  const client = connectHttp2(t, world);
  const body = "x".repeat(1_000_000);
  const answer = await ask(client, { ":path": "/a?b", ":method": "POST", cookie: ["a=1", "b=2"] }, body);
  assert.equal(answer.body, `POST /a?b shop.test:${world.tlsPort} a=1; b=2 1000000 end`);
  assert.equal(answer.headers["x-app"], "one, two");
  assert.equal(answer.headers["x-secret"], undefined);
  assert.deepEqual([answer.hints, answer.trailers["x-sum"]], [["</a.css>; rel=preload"], "7"]);
  await until(() => world.count({ outcome: "ok" }) === 1);
});

test("a head is bounded over HTTP/2 as over HTTP/1.1, however many fields its cookies come in", { skip }, async (t) => {
  const world = await openWorld(t, { certificates: { shop: "shop.test" } });
  const app = await openApp(t, (incoming, response) => response.end(incoming.headers.cookie));
  let report: FrontReport | undefined;
  world.plane.onReport(({ front }) => {
    report = front;
  });
  await world.serve(tableWith(1, [app]));
  const client = connectHttp2(t, world);
  const crumbs = Array.from({ length: 180 }, (_, index) => `c${index}=${"v".repeat(40)}`);
  assert.equal((await ask(client, { ":path": "/", cookie: crumbs })).body, crumbs.join("; "));
  const many = Object.fromEntries(Array.from({ length: 201 }, (_, index) => [`x-${index}`, "1"]));
  assert.equal((await ask(client, { ":path": "/", ...many })).status, 400);
  const large = await ask(client, { ":path": "/", "x-large": "a".repeat(17_000) });
  assert.deepEqual(
    [large.status, large.body],
    [431, "431 Request Header Fields Too Large: The head of the request is too large (Belay)\n"],
  );
  await until(() => report?.turnedAway.some(({ by, count }) => by === "head-large" && count === 1) === true);
  assert.equal((await ask(client, { ":path": "/" })).status, 200);
});

test("answers without a body, and of Belay itself, are whole over HTTP/2", { skip }, async (t) => {
  const world = await openWorld(t, { certificates: { shop: "shop.test" } });
  const app = await openApp(t, (incoming, response) =>
    response
      .writeHead(incoming.url === "/204" ? 204 : 200, { "content-length": incoming.url === "/204" ? 0 : 3 })
      .end(incoming.method === "HEAD" ? "" : "abc"),
  );
  await world.serve(tableWith(1, [app]));
  const client = connectHttp2(t, world);
  const statusOf = async (headers: http2.OutgoingHttpHeaders) => (await ask(client, headers)).status;
  assert.equal(await statusOf({ ":path": "/204" }), 204);
  assert.equal(await statusOf({ ":path": "/", ":method": "HEAD" }), 200);
  assert.equal(await statusOf({ ":path": "/a#b" }), 400);
  assert.equal(await statusOf({ ":path": "/", ":authority": "other.test" }), 404);
  assert.equal(await statusOf({ ":method": "CONNECT", ":authority": "other.test:443" }), 405);
  assert.equal(await statusOf({ ":path": "/" }), 200);
});

test("an answer that breaks off resets its stream, and no other on the connection", { skip }, async (t) => {
  const world = await openWorld(t, { certificates: { shop: "shop.test" } });
  const app = await openApp(t, (incoming, response) => {
    if (incoming.url === "/whole") response.end("whole");
    else response.write("part", () => setTimeout(() => response.socket?.resetAndDestroy(), 50));
  });
  await world.serve(tableWith(1, [app]));
  const client = connectHttp2(t, world);
  await assert.rejects(ask(client, { ":path": "/part" }), { code: "ERR_HTTP2_STREAM_ERROR" });
  assert.equal((await ask(client, { ":path": "/whole" })).body, "whole");
});

test("a client that leaves ends the exchange, and half an upload is never taken for the whole", { skip }, async (t) => {
  const world = await openWorld(t, { certificates: { shop: "shop.test" } });
  const { promise: ended, resolve } = Promise.withResolvers<string>();
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const app = await openApp(t, (incoming) => {
    incoming.on("end", () => resolve("whole")).on("error", () => resolve("broken"));
    incoming.on("data", () => begin());
  });
  await world.serve(tableWith(1, [app]));
  const client = connectHttp2(t, world);
  const request = client.request({ ":path": "/", ":method": "POST" });
  request.on("error", () => {});
  request.write("half");
  await begun;
  client.destroy();
  assert.equal(await ended, "broken");
  await until(() => world.count({ outcome: "excluded" }) === 1);
});

test("a stream that its client resets ends the exchange", { skip }, async (t) => {
  const world = await openWorld(t, { certificates: { shop: "shop.test" } });
  const { promise: broken, resolve } = Promise.withResolvers<void>();
  const app = await openApp(t, (incoming) => incoming.socket.once("close", () => resolve()));
  await world.serve(tableWith(1, [app]));
  const request = connectHttp2(t, world).request({ ":path": "/" });
  request.on("error", () => {});
  await until(() => world.inFlightNow() === 1);
  request.close(http2.constants.NGHTTP2_CANCEL);
  await broken;
  await until(() => world.count({ outcome: "excluded" }) === 1);
});

test("a client that opens streams only to reset them loses its connection, and nobody else notices", { skip }, async (t) => {
  const world = await openWorld(t, { certificates: { shop: "shop.test" } });
  const app = await openApp(t, (incoming, response) => {
    if (incoming.url !== "/never") response.end("ok");
  });
  await world.serve(tableWith(1, [app]));
  const good = connectHttp2(t, world);
  const flood = connectHttp2(t, world);
  let opened = 0;
  while (!flood.closed && !flood.destroyed && opened < 50_000) {
    for (let at = 0; at < 50 && !flood.closed && !flood.destroyed; at += 1) {
      const stream = flood.request({ ":path": "/never" });
      stream.on("error", () => {});
      stream.close(http2.constants.NGHTTP2_CANCEL);
      opened += 1;
    }
    assert.equal((await ask(good, { ":path": "/" })).body, "ok");
  }
  assert.ok(opened < 50_000, `${opened} streams on one connection`);
  await until(() => world.inFlight("old") === 0);
});

test("a connection of HTTP/2 that is not used is closed, also with half a head on it", { skip }, async (t) => {
  const clock = createSystemClock();
  let laterMs = 0;
  const world = await openWorld(t, {
    certificates: { shop: "shop.test" },
    clock: { ...clock, monotonicMs: () => clock.monotonicMs() + laterMs },
  });
  await world.serve(tableWith(1, [await openApp(t, (_, response) => response.end("ok"))]));
  const settings = "000000040000000000";
  // HEADERS of stream 1, with an end of the stream and without one of the head: `:method: GET`, by its number.
  const halfAHead = "000001010100000001".concat("82");
  for (const said of [settings, settings + halfAHead]) {
    const socket = tls.connect({ ...to(world), servername: "shop.test", ALPNProtocols: ["h2"] });
    socket.on("error", () => {});
    t.after(() => socket.destroy());
    let answered = 0;
    let isClosed = false;
    socket.on("data", ({ length }: Buffer) => {
      answered += length;
    });
    socket.on("close", () => {
      isClosed = true;
    });
    socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    socket.write(Buffer.from(said, "hex"));
    await until(() => answered > 0);
    laterMs += 70_000;
    await until(() => isClosed);
  }
});

test("plain requests for a host with a certificate are sent to TLS, others and those of ACME are not", { skip }, async (t) => {
  const world = await openWorld(t, { certificates: { shop: "shop.test" } });
  const app = await openApp(t, (_, response) => response.end("plain"));
  const table = tableWith(1, [app], undefined, { routes: [{ host: "*", path: "/" }], trustedProxies: ["127.0.0.1"] });
  await world.serve(table);
  const sent = await world.send({ method: "POST", path: "/a?b", body: "x" });
  assert.deepEqual([sent.status, sent.headers.location], [308, `https://shop.test:${world.tlsPort}/a?b`]);
  assert.equal((await world.send({ path: "/.well-known/acme-challenge/x" })).body, "plain");
  assert.equal((await world.send({ headers: { host: "plain.test" } })).body, "plain");
  assert.equal((await world.send({ headers: { "x-forwarded-proto": "https" } })).body, "plain");
});

test("a renewed certificate is served without ending what is open, and a broken one never takes the place of a good one", {
  skip,
}, async (t) => {
  const clock = createSystemClock();
  const hasty: Clock = { ...clock, every: (periodMs, action) => clock.every(Math.min(periodMs, 100), action) };
  const world = await openWorld(t, { certificates: { shop: "shop.test" }, clock: hasty });
  const app = await openApp(t, (_, response) => response.end("ok"));
  await world.serve(tableWith(1, [app]));
  const client = connectHttp2(t, world);
  assert.equal((await ask(client, { ":path": "/" })).body, "ok");
  const serial = await serialAt(world);
  makeCertificate(world.certificatesFolder, "renewed", "shop.test");
  const live = join(world.certificatesFolder, "shop");
  rmSync(live, { recursive: true });
  renameSync(join(world.certificatesFolder, "renewed"), live);
  await until(async () => (await serialAt(world)) !== serial);
  const renewed = await serialAt(world);
  rmSync(join(live, "privkey.pem"));
  symlinkSync("fullchain.pem", join(live, "privkey.pem"));
  await world.certificateRefused();
  assert.equal(await serialAt(world), renewed);
  assert.equal((await ask(client, { ":path": "/" })).body, "ok");
});

interface Http2Answer {
  readonly status: number;
  readonly headers: http2.IncomingHttpHeaders;
  readonly trailers: http2.IncomingHttpHeaders;
  readonly hints: readonly string[];
  readonly body: string;
}

function connectHttp2(t: TestContext, world: LoopbackWorld): http2.ClientHttp2Session {
  const client = http2.connect(`https://shop.test:${world.tlsPort}`, {
    createConnection: () => tls.connect({ ...to(world), servername: "shop.test", ALPNProtocols: ["h2"] }),
  });
  client.on("error", () => {});
  t.after(() => client.destroy());
  return client;
}

function ask(client: http2.ClientHttp2Session, headers: http2.OutgoingHttpHeaders, body = ""): Promise<Http2Answer> {
  return new Promise((resolve, reject) => {
    const stream = client.request(headers, { endStream: body === "" && headers[":method"] !== "CONNECT" });
    const answer = { status: 0, headers: {}, trailers: {}, hints: [] as string[], body: "" } as {
      -readonly [Key in keyof Http2Answer]: Http2Answer[Key];
    } & { hints: string[] };
    stream.on("headers", (early) => answer.hints.push(String(early["link"])));
    stream.on("response", (head) => {
      answer.status = Number(head[":status"]);
      answer.headers = head;
    });
    stream.on("trailers", (trailers) => {
      answer.trailers = trailers;
    });
    stream.on("data", (chunk: Buffer) => {
      answer.body += chunk.toString();
    });
    stream.on("error", reject);
    stream.on("close", () => resolve(answer));
    if (body !== "") stream.end(body);
  });
}

function to(world: LoopbackWorld): tls.ConnectionOptions {
  return { host: "127.0.0.1", port: world.tlsPort, rejectUnauthorized: false };
}

async function peerCertificate(world: LoopbackWorld, servername: string | undefined): Promise<tls.PeerCertificate> {
  const socket = tls.connect({ ...to(world), ...(servername === undefined ? {} : { servername }) });
  await new Promise((resolve, reject) => socket.once("secureConnect", resolve).once("error", reject));
  const certificate = socket.getPeerCertificate();
  socket.destroy();
  return certificate;
}

async function subjectAt(world: LoopbackWorld, servername: string | undefined): Promise<string> {
  return `CN=${(await peerCertificate(world, servername)).subject.CN}`;
}

async function serialAt(world: LoopbackWorld): Promise<string> {
  return (await peerCertificate(world, "shop.test")).serialNumber;
}

function getOverTls(world: LoopbackWorld): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const options = { ...to(world), servername: "shop.test", headers: { host: "shop.test" }, agent: false };
    https
      .get(options, async (incoming) => resolve({ status: incoming.statusCode ?? 0, body: await textOf(incoming) }))
      .on("error", reject);
  });
}
