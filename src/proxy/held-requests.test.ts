// Requests that find no instance, through a worker on a real socket.
import assert from "node:assert/strict";
import http from "node:http";
import net from "node:net";
import { type TestContext, test } from "node:test";
import type { Target } from "../routing/table.ts";
import { closedTarget, openApp, openWorld, tableWith, textOf, until, watchHolds } from "./loopback-world.ts";
import { StandingClock } from "./standing-clock.ts";

function startAgain(t: TestContext, { port, host }: Target, handler: http.RequestListener): void {
  const app = http.createServer(handler);
  t.after(() => {
    app.close();
    app.closeAllConnections();
  });
  app.listen(port, host);
}

test("requests wait while nobody takes them and follow in their order, each once", async (t) => {
  const world = await openWorld(t);
  const holds = watchHolds(world);
  const gone = closedTarget("only");
  await world.serve(tableWith(1, [gone]));
  const answers: Promise<{ status: number; body: string }>[] = [];
  for (let at = 0; at < 20; at += 1) {
    answers.push(world.send({ method: "POST", path: `/${at}`, body: `order ${at}` }));
    await until(() => holds().waiting === at + 1);
  }
  const seen: string[] = [];
  startAgain(t, gone, async (incoming, response) => {
    seen.push(incoming.url ?? "");
    response.end(await textOf(incoming));
  });
  const bodies = (await Promise.all(answers)).map(({ status, body }) => `${status} ${body}`);
  assert.deepEqual(
    bodies,
    Array.from(bodies, (_, at) => `200 order ${at}`),
  );
  // The first has asked alone; connections of the others are opened side by side.
  assert.equal(seen[0], "/0");
  assert.equal(new Set(seen).size, 20);
  await until(() => holds().waiting === 0 && holds().held === 20 && world.count({ outcome: "ok" }) === 20);
  assert.deepEqual([holds().expired, holds().overflowed], [0, 0]);
});

test("a request that nobody takes in time is told when to come again; those after it at once, until somebody is back", async (t) => {
  const clock = new StandingClock(t);
  const world = await openWorld(t, { limits: { holdMs: 400 }, clock });
  const holds = watchHolds(world);
  const gone = closedTarget("only");
  await world.serve(tableWith(1, [gone]));
  const waiting = world.send({});
  await until(() => holds().waiting === 1);
  await clock.pass(399);
  assert.equal(holds().expired, 0);
  await clock.pass(1);
  const first = await waiting;
  assert.deepEqual([first.status, first.headers["retry-after"]], [503, "5"]);
  await until(() => holds().expired === 1 && holds().waiting === 0);
  assert.equal((await world.send({})).status, 503);
  assert.equal(holds().held, 1);
  startAgain(t, gone, (_, response) => response.end("back"));
  await until(async () => (await world.send({})).body === "back");
  await until(() => world.count({ outcome: "failed" }) >= 2);
});

test("only so many wait; a client that leaves makes room", async (t) => {
  const world = await openWorld(t, { limits: { heldMax: 2 } });
  const holds = watchHolds(world);
  await world.serve(tableWith(1, [closedTarget("only")]));
  const leaving = ["/a", "/b"].map((path) => {
    const request = http.get({ port: world.port, path, headers: { host: "shop.test" }, agent: false });
    return request.on("error", () => {});
  });
  await until(() => holds().waiting === 2);
  assert.equal((await world.send({})).status, 503);
  await until(() => holds().overflowed === 1);
  leaving[0]?.socket?.resetAndDestroy();
  await until(() => holds().waiting === 1);
  leaving.push(http.get({ port: world.port, headers: { host: "shop.test" }, agent: false }).on("error", () => {}));
  await until(() => holds().waiting === 2 && holds().held === 3);
  for (const request of leaving) request.socket?.resetAndDestroy();
  await until(() => holds().waiting === 0);
});

test("a client that ends its side while nothing was sent is waited with no longer, and what it asked for is not done behind its back", async (t) => {
  const world = await openWorld(t);
  const holds = watchHolds(world);
  const gone = closedTarget("only");
  await world.serve(tableWith(1, [gone]));
  const leaving = net.connect(world.port, "127.0.0.1");
  leaving.write("POST /given-up HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 5\r\n\r\norder");
  const answer = textOf(leaving);
  await until(() => holds().waiting === 1);
  const staying = world.send({ method: "POST", path: "/kept", body: "order" });
  await until(() => holds().waiting === 2);
  leaving.end();
  // It may only have half-closed.
  assert.match(await answer, /^HTTP\/1.1 503 [\s\S]*retry-after: 5/i);
  await until(() => holds().waiting === 1);
  const seen: (string | undefined)[] = [];
  startAgain(t, gone, (incoming, response) => {
    seen.push(incoming.url);
    response.end("done");
  });
  assert.equal((await staying).body, "done");
  assert.deepEqual(seen, ["/kept"]);
  await until(() => holds().expired === 1 && world.count({ outcome: "failed" }) === 1);
});

test("uploads that wait take the memory that they may take, and no more of them are held than fit", async (t) => {
  const world = await openWorld(t, { limits: { heldBytesMax: 100_000 } });
  const holds = watchHolds(world);
  const gone = closedTarget("only");
  await world.serve(tableWith(1, [gone]));
  const upload = world.send({ method: "POST", body: "x".repeat(50_000) });
  await until(() => holds().waiting === 1);
  assert.equal((await world.send({ method: "POST", body: "x" })).status, 503);
  startAgain(t, gone, async (incoming, response) => response.end(String((await textOf(incoming)).length)));
  assert.equal((await upload).body, "50000");
});

test("a table with another address, or the word that maintenance is on, ends the waiting", async (t) => {
  const world = await openWorld(t);
  const holds = watchHolds(world);
  const gone = closedTarget("only");
  await world.serve(tableWith(1, [gone]));
  const moved = world.send({});
  await until(() => holds().waiting === 1);
  const app = await openApp(t, (_, response) => response.end("elsewhere"));
  await world.serve(tableWith(2, [app]));
  assert.equal((await moved).body, "elsewhere");
  await world.serve(tableWith(3, [gone]));
  const told = world.send({});
  await until(() => holds().waiting === 1);
  await world.serve(tableWith(4, [gone], undefined, { maintenance: { message: "Moving house." } }));
  const { status, body, headers } = await told;
  assert.deepEqual([status, headers["retry-after"]], [503, "60"]);
  assert.match(body, /Moving house/);
  await until(() => world.count({ outcome: "excluded" }) === 1);
  assert.equal(world.count({ outcome: "failed" }), 0);
});

test("a worker that ends tells those who still wait when to come again", async (t) => {
  const world = await openWorld(t, { limits: { drainMs: 1_000 } });
  const holds = watchHolds(world);
  await world.serve(tableWith(1, [closedTarget("only")]));
  const waiting = world.send({});
  await until(() => holds().waiting === 1);
  await world.end();
  const { status, headers } = await waiting;
  assert.deepEqual([status, headers["retry-after"], headers.connection], [503, "5", "close"]);
});

test("who finds nobody after maintenance has begun is told of that, and does not wait", async (t) => {
  const world = await openWorld(t);
  const holds = watchHolds(world);
  const asked = Promise.withResolvers<() => void>();
  const app = await openApp(t, (incoming) => asked.resolve(() => incoming.socket.destroy()));
  const canary = { release: "new", targets: [{ instance: "c", host: app.host, port: app.port }] };
  const gone = closedTarget("s");
  await world.serve(tableWith(1, [gone], { canary }));
  const answer = world.send({ headers: { cookie: `belay_uid=${world.cookieOnCanary}` } });
  const breakOff = await asked.promise;
  await world.serve(tableWith(2, [gone], { canary }, { maintenance: { message: "Moving house." } }));
  breakOff();
  assert.match((await answer).body, /Moving house/);
  await until(() => holds().held === 1 && holds().waiting === 0);
  assert.equal(holds().expired, 0);
});

test("what its canary refuses does not wait while stable takes it, and nobody waits longer than an answer may take", async (t) => {
  const world = await openWorld(t);
  const holds = watchHolds(world);
  const app = await openApp(t, (_, response) => response.end("old"));
  const canary = { release: "new", targets: [closedTarget("c")] };
  await world.serve(tableWith(1, [app], { canary }));
  const headers = { cookie: `belay_uid=${world.cookieOnCanary}` };
  assert.equal((await world.send({ headers })).body, "old");
  await world.serve(tableWith(2, [closedTarget("s")], undefined, { responseDeadlineMs: 300 }));
  const answer = await world.send({});
  assert.deepEqual([answer.status, answer.headers["retry-after"]], [503, "5"]);
  await until(() => holds().held === 1 && holds().expired === 1);
});
