// Bodies, streams and tunnels through a worker on a real socket.
import assert from "node:assert/strict";
import { once } from "node:events";
import type http from "node:http";
import net from "node:net";
import { test } from "node:test";
import { collect, openApp, openWorld, shop, tableWith, textOf, until } from "./loopback-world.ts";
import { StandingClock } from "./standing-clock.ts";

test("large bodies are streamed both ways, with and without a length", async (t) => {
  const world = await openWorld(t);
  const app = await openApp(t, (incoming, response) => {
    if (incoming.headers["content-length"] !== undefined)
      response.setHeader("content-length", incoming.headers["content-length"]);
    incoming.pipe(response);
  });
  await world.serve(tableWith(1, [app]));
  const body = "0123456789abcdef".repeat(256 * 1024);
  for (const headers of [{ "content-length": String(body.length) }, { "transfer-encoding": "chunked" }]) {
    const answer = await world.send({ method: "POST", headers, body });
    assert.equal(answer.body.length, body.length);
    assert.ok(answer.body === body);
  }
});

test("a client that reads slowly slows the application down instead of filling the worker", async (t) => {
  const world = await openWorld(t);
  const pieces = 1024;
  let written = 0;
  const app = await openApp(t, async (_, response) => {
    for (; written < pieces; written += 1) if (!response.write(Buffer.alloc(65_536))) await once(response, "drain");
    response.end();
  });
  await world.serve(tableWith(1, [app]));
  const incoming = await world.open({});
  let before = -1;
  while (written !== before) {
    before = written;
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
  assert.ok(written < pieces / 2, `${written} of ${pieces} pieces before anything was read`);
  let bytes = 0;
  for await (const chunk of incoming) bytes += (chunk as Buffer).length;
  assert.equal(bytes, pieces * 65_536);
});

test("an application that reads slowly slows the upload down instead of filling the worker", async (t) => {
  const world = await openWorld(t);
  const { promise: mayRead, resolve: letRead } = Promise.withResolvers<void>();
  const app = await openApp(t, async (incoming, response) => {
    await mayRead;
    response.end(String((await textOf(incoming)).length));
  });
  await world.serve(tableWith(1, [app]));
  const [piece, pieces] = [Buffer.alloc(65_536, "x"), 1_000];
  const socket = net.connect(world.port, "127.0.0.1");
  const received = collect(socket);
  socket.write(`POST / HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\nContent-Length: ${pieces * piece.length}\r\n\r\n`);
  let sent = 0;
  let isTaken = true;
  const more = () => {
    isTaken = true;
    while (isTaken && sent < pieces) {
      sent += 1;
      isTaken = socket.write(piece);
    }
  };
  socket.on("drain", more);
  more();
  let before = -1;
  await until(async () => {
    const isStill = before === sent;
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 300));
    return isStill && before === sent;
  });
  // What the kernel keeps on two connections is some megabytes.
  assert.ok(sent < pieces / 2, `${sent} of ${pieces} pieces of which none was read`);
  letRead();
  await received.ended;
  assert.ok(received.text.endsWith(String(pieces * piece.length)), received.text);
});

test("an upload with Expect: 100-continue is told to go on and gets its answer", async (t) => {
  const world = await openWorld(t);
  const app = await openApp(t, async (incoming, response) => response.end(await textOf(incoming)));
  await world.serve(tableWith(1, [app]));
  const answer = await world.sendRaw(
    "POST / HTTP/1.1\r\nHost: shop.test\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab",
  );
  assert.match(answer, /^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 OK\r\n[\s\S]*ab/);
});

test("server-sent events arrive one by one", async (t) => {
  const world = await openWorld(t);
  const answers: http.ServerResponse[] = [];
  const app = await openApp(t, (_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.flushHeaders();
    answers.push(response);
  });
  await world.serve(tableWith(1, [app]));
  const incoming = await world.open({});
  assert.equal(incoming.headers["content-type"], "text/event-stream");
  const events = incoming.iterator();
  for (const event of ["data: 1\n\n", "data: 2\n\n"]) {
    answers[0]?.write(event);
    assert.equal(String((await events.next()).value), event);
  }
  answers[0]?.end();
  assert.equal((await events.next()).done, true);
});

test("a WebSocket's bytes pass both ways, from the first on, and it ends with either side", async (t) => {
  const world = await openWorld(t);
  const app = await openApp(t, () => {});
  app.server.on("upgrade", (incoming: http.IncomingMessage, socket: net.Socket, first: Buffer) => {
    assert.equal(incoming.headers["sec-websocket-key"], "k");
    socket.write(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: a\r\n\r\nfirst ",
    );
    socket.write(first);
    socket.pipe(socket);
  });
  await world.serve(tableWith(1, [app]));
  const socket = net.connect(world.port, "127.0.0.1");
  const handshake =
    "GET /ws HTTP/1.1\r\nHost: shop.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n";
  socket.write(`${handshake}early `);
  const received = collect(socket);
  await until(() => received.text.includes("early "));
  socket.write("late");
  await until(() => received.text.endsWith("late"));
  assert.match(received.text, /^HTTP\/1.1 101 [\s\S]*Sec-WebSocket-Accept: a\r\n[\s\S]*\r\n\r\nfirst early late$/);
  await until(() => world.inFlight("old") === 1);
  socket.end();
  await received.ended;
  await until(() => world.inFlight("old") === 0);
});

test("either side of a WebSocket may be done sending before the other", async (t) => {
  const world = await openWorld(t);
  const app = await openApp(t, () => {});
  app.server.on("upgrade", (incoming: http.IncomingMessage, socket: net.Socket) => {
    socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    if (incoming.url === "/app-first") socket.end("all ");
    else socket.on("end", () => socket.end("late"));
    socket.on("data", (chunk) => void heard.push(String(chunk)));
  });
  const heard: string[] = [];
  await world.serve(tableWith(1, [app]));
  for (const path of ["/app-first", "/client-first"]) {
    const socket = net.connect({ port: world.port, host: "127.0.0.1", allowHalfOpen: true });
    const received = collect(socket);
    socket.write(`GET ${path} HTTP/1.1\r\nHost: shop.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`);
    await until(() => received.text.includes("\r\n\r\n"));
    if (path === "/app-first") await until(() => socket.readableEnded);
    socket.end(`said at ${path}`);
    await received.ended;
    await until(() => heard.includes(`said at ${path}`));
    assert.ok(received.text.endsWith(path === "/app-first" ? "all " : "late"), received.text);
    await until(() => world.inFlight("old") === 0);
  }
});

test("a handshake that the application declines is answered as it answers", async (t) => {
  const world = await openWorld(t);
  const app = await openApp(t, (_, response) => response.writeHead(403).end("no"));
  await world.serve(tableWith(1, [app]));
  const answer = await world.sendRaw("GET /ws HTTP/1.1\r\nHost: shop.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  assert.match(answer, /^HTTP\/1.1 403 Forbidden\r\n[\s\S]*no/);
});

test("a handshake that is none, by its method, its version or its body, is an ordinary request", async (t) => {
  const world = await openWorld(t);
  const app = await openApp(t, async (incoming, response) => {
    const body = await textOf(incoming);
    response.end(`${incoming.method} ${incoming.headers.upgrade} ${body}`);
  });
  app.server.on("upgrade", (_, socket: net.Socket) => socket.end("HTTP/1.1 101 Switching Protocols\r\n\r\ntunnel"));
  await world.serve(tableWith(1, [app]));
  const wish = "Host: shop.test\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n";
  const asked = {
    "POST undefined ": `POST /ws HTTP/1.1\r\n${wish}\r\n`,
    "GET undefined ": `GET /ws HTTP/1.0\r\n${wish}\r\n`,
    "GET undefined GET / HTTP/1.1\r\n": `GET /ws HTTP/1.1\r\n${wish}Content-Length: 16\r\n\r\nGET / HTTP/1.1\r\n`,
    "GET undefined ab": `GET /ws HTTP/1.1\r\n${wish}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n`,
  };
  for (const [seen, text] of Object.entries(asked)) {
    const answer = await world.sendRaw(text);
    assert.deepEqual([answer.slice(9, 12), answer.slice(answer.indexOf("\r\n\r\n") + 4)], ["200", seen]);
  }
});

test("a client that gets no tunnel is let go of, also when it keeps its own side open and sends on", async (t) => {
  const world = await openWorld(t, { clock: new StandingClock(t, 20) });
  const app = await openApp(t, (_, response) => response.writeHead(403).end("no"));
  await world.serve(tableWith(1, [app]));
  const handshakeTo = (host: string) =>
    `GET /ws HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n`;
  const asked = {
    403: handshakeTo("shop.test"),
    404: handshakeTo("other.test"),
    405: "CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n",
  };
  for (const [status, text] of Object.entries(asked)) {
    const socket = net.connect({ port: world.port, host: "127.0.0.1", allowHalfOpen: true });
    socket.on("error", () => {});
    socket.write(text);
    const received = collect(socket);
    await once(socket, "end");
    assert.equal(received.text.slice(9, 12), status);
    // Only on a connection that is closed at its other end, and not half, a write fails.
    await until(() => {
      socket.write("x");
      return socket.destroyed;
    });
  }
});

test("an answer before the end of an upload reaches the client", async (t) => {
  const world = await openWorld(t);
  const app = await openApp(t, (_, response) => response.writeHead(413).end("too large"));
  await world.serve(tableWith(1, [app]));
  const answer = await world.send({ method: "POST", body: "x".repeat(3_000_000) });
  assert.deepEqual([answer.status, answer.body], [413, "too large"]);
});

test("the streams of a canary that was given up are closed, those of a release that was promoted are not", async (t) => {
  const world = await openWorld(t);
  const stable = await openApp(t, (_, response) => response.end("old"));
  const canary = await openApp(t, (_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("data: 1\n\n");
  });
  const exposed = { canary: { release: "new", targets: [canary] } };
  const openStream = async () => (await world.open({ headers: { cookie: `belay_uid=${world.cookieOnCanary}` } })).iterator();
  await world.serve(tableWith(1, [stable], exposed));
  const promoted = await openStream();
  await promoted.next();
  await world.serve({ epoch: 2, services: [{ ...shop, stable: { release: "new", targets: [canary] } }] });
  await world.serve(tableWith(3, [stable], { ...exposed, epoch: 3 }));
  assert.equal(world.inFlight("new"), 1);
  const givenUp = await openStream();
  await givenUp.next();
  await world.serve(tableWith(4, [stable]));
  assert.equal((await givenUp.next()).done, true);
  await until(() => world.inFlight("new") === 0);
});
