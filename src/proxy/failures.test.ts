// What a worker on a real socket does, and tells, when something fails: instances, leases, clients, the control plane.
import assert from "node:assert/strict";
import http from "node:http";
import net from "node:net";
import { test } from "node:test";
import { closedTarget, collect, openApp, openWorld, tableWith, textOf, until, watchHolds } from "./loopback-world.ts";
import { StandingClock } from "./standing-clock.ts";

test("a refused connection goes to another instance, with its body, for every method", async (t) => {
  const world = await openWorld(t);
  const app = await openApp(t, async (incoming, response) => response.end(await textOf(incoming)));
  await world.serve(tableWith(1, [closedTarget("gone"), app, closedTarget("gone too")]));
  for (const method of ["GET", "POST", "DELETE", "PATCH"]) {
    const answer = await world.send({ method, body: method === "GET" ? "" : "body" });
    assert.deepEqual([answer.status, answer.body], [200, method === "GET" ? "" : "body"]);
  }
});

test("a request that comes while the only instance is being started again waits for it", async (t) => {
  const world = await openWorld(t);
  const holds = watchHolds(world);
  const gone = closedTarget("only");
  await world.serve(tableWith(1, [gone]));
  const answers = Promise.all([world.send({ method: "POST", body: "order" }), world.send({})]);
  const app = http.createServer(async (incoming, response) => response.end(`again ${await textOf(incoming)}`));
  t.after(() => app.close());
  await until(() => holds().waiting === 2);
  app.listen(gone.port, gone.host);
  assert.deepEqual(
    (await answers).map(({ status, body }) => [status, body]),
    [
      [200, "again order"],
      [200, "again "],
    ],
  );
  await until(() => world.count({ arm: "stable", outcome: "ok" }) === 2);
});

test("a request that no canary instance takes goes to stable, fails the canary, harms nobody, and brakes it after five", async (t) => {
  const world = await openWorld(t);
  const app = await openApp(t, async (incoming, response) => response.end(`old ${await textOf(incoming)}`));
  await world.serve(tableWith(1, [app], { canary: { release: "new", targets: [closedTarget("c")] } }));
  for (let request = 0; request < 8; request += 1) {
    const answer = await world.send({ method: "POST", body: "x", headers: { cookie: `belay_uid=${world.cookieOnCanary}` } });
    assert.deepEqual([answer.status, answer.body], [200, "old x"]);
  }
  await until(() => world.plane.workers()[0]?.brakes[0]?.by === "health");
  await until(() => world.count({ arm: "stable" }) === 3);
  assert.equal(world.count({ arm: "canary", outcome: "failed", isHarm: false }), 5);
  assert.equal(world.records.filter(({ kind, arm }) => kind === "failed" && arm === "canary").length, 1);
});

test("answers of the canary are evidence, whatever their status, and never brake it", async (t) => {
  const world = await openWorld(t);
  const stable = await openApp(t, (_, response) => response.end("old"));
  const canary = await openApp(t, (_, response) => response.writeHead(500).end("new"));
  await world.serve(tableWith(1, [stable], { canary: { release: "new", targets: [canary] } }));
  for (let request = 0; request < 10; request += 1) {
    const answer = await world.send({ method: "POST", headers: { cookie: `belay_uid=${world.cookieOnCanary}` } });
    assert.equal(answer.status, 500);
  }
  await until(() => world.count({ arm: "canary", outcome: "failed", isHarm: true }) === 10);
  assert.deepEqual(world.plane.workers()[0]?.brakes, []);
});

test("when the lease is not renewed, the canary's visitors go to stable and stay there", async (t) => {
  const clock = new StandingClock(t);
  const world = await openWorld(t, { clock });
  const stable = await openApp(t, (_, response) => response.end("old"));
  const canary = await openApp(t, (_, response) => response.end("new"));
  const ask = async () => (await world.send({ headers: { cookie: `belay_uid=${world.cookieOnCanary}` } })).body;
  await world.serve(tableWith(1, [stable], { canary: { release: "new", targets: [canary] }, leaseTtlMs: 200 }));
  await clock.pass(199);
  assert.equal(await ask(), "new");
  await clock.pass(2);
  await until(() => world.plane.workers()[0]?.brakes[0]?.by === "lease");
  assert.equal(await ask(), "old");
  world.plane.renewLease(1, 10_000);
  assert.equal(await ask(), "old");
  await world.serve(tableWith(2, [stable], { canary: { release: "new", targets: [canary] }, epoch: 2 }));
  assert.equal(await ask(), "new");
});

test("after the acknowledgement of a table without it, no request reaches the canary", async (t) => {
  const world = await openWorld(t);
  const stable = await openApp(t, (_, response) => response.end("old"));
  const answers: http.ServerResponse[] = [];
  const canary = await openApp(t, (_, response) => void answers.push(response));
  await world.serve(tableWith(1, [stable], { canary: { release: "new", targets: [canary] } }));
  const headers = { cookie: `belay_uid=${world.cookieOnCanary}` };
  const before = Array.from({ length: 30 }, () => world.send({ headers }));
  await until(() => answers.length === 30);
  await world.serve(tableWith(2, [stable]));
  for (let request = 0; request < 10; request += 1) assert.equal((await world.send({ headers })).body, "old");
  for (const answer of answers) answer.end("new");
  assert.ok((await Promise.all(before)).every(({ status, body }) => status === 200 && body === "new"));
  assert.equal(answers.length, 30);
});

test("an answer that breaks off is never ended cleanly, and counts as failed", async (t) => {
  const world = await openWorld(t);
  const app = await openApp(t, (_, response) => {
    response.write("part of it", () => response.socket?.resetAndDestroy());
  });
  await world.serve(tableWith(1, [app]));
  await assert.rejects(world.send({}));
  await until(() => world.count({ arm: "stable", outcome: "failed" }) === 1);
});

test("a connection that breaks before an answer is a 502 in Belay's name", async (t) => {
  const world = await openWorld(t);
  const app = await openApp(t, (_, response) => response.socket?.destroy());
  await world.serve(tableWith(1, [app]));
  const answer = await world.send({ method: "POST", body: "x" });
  assert.equal(answer.status, 502);
  assert.match(answer.body, /Belay/);
});

test("a kept connection that the application has closed meanwhile is tried again on a new one", async (t) => {
  const world = await openWorld(t);
  let requests = 0;
  const app = await openApp(t, (incoming, response) => {
    requests += 1;
    if (requests === 2) incoming.socket.resetAndDestroy();
    else response.end("ok");
  });
  await world.serve(tableWith(1, [app]));
  assert.equal((await world.send({})).body, "ok");
  assert.equal((await world.send({})).body, "ok");
  assert.equal(requests, 3);
  await until(() => world.count({ outcome: "ok" }) === 2);
  assert.equal(world.count({ outcome: "failed" }), 0);
});

test("a head later than the deadline is a 504, the same for both arms", async (t) => {
  const clock = new StandingClock(t);
  const world = await openWorld(t, { clock });
  let asked = 0;
  const app = await openApp(t, () => {
    asked += 1;
  });
  await world.serve(tableWith(1, [app], { canary: { release: "new", targets: [app] } }, { responseDeadlineMs: 150 }));
  for (const cookie of [world.cookieOnCanary, world.cookieOnStable]) {
    const before = asked;
    let isAnswered = false;
    const answer = world.send({ headers: { cookie: `belay_uid=${cookie}` } }).finally(() => {
      isAnswered = true;
    });
    await until(() => asked > before);
    // The canary's is asked of stable as well.
    await until(async () => {
      await clock.pass(151);
      return isAnswered;
    });
    assert.equal((await answer).status, 504);
  }
  await until(() => world.count({ outcome: "failed" }) === 2);
  assert.deepEqual([world.count({ arm: "canary" }), world.count({ arm: "stable" })], [1, 1]);
});

test("a client that is done sending gets its answer, and is counted by it", async (t) => {
  const world = await openWorld(t);
  const app = await openApp(t, (_, response) => setTimeout(() => response.end("late"), 100));
  await world.serve(tableWith(1, [app]));
  const socket = net.connect({ port: world.port, host: "127.0.0.1", allowHalfOpen: true });
  const received = collect(socket);
  socket.end("GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n");
  await until(() => received.text.endsWith("late"));
  await received.ended;
  await until(() => world.count({ outcome: "ok" }) === 1);
});

test("a client that goes away ends the exchange and is evidence for nobody", async (t) => {
  const world = await openWorld(t);
  const { promise: broken, resolve } = Promise.withResolvers<void>();
  let asked = 0;
  const app = await openApp(t, (incoming) => {
    asked += 1;
    incoming.socket.once("close", () => resolve());
  });
  await world.serve(tableWith(1, [app]));
  const request = http.get({ port: world.port, host: "127.0.0.1", headers: { host: "shop.test" }, agent: false });
  request.on("error", () => {});
  await until(() => asked === 1 && world.inFlightNow() === 1);
  request.socket?.resetAndDestroy();
  await broken;
  await until(() => world.count({ outcome: "excluded" }) === 1);
});

test("a stored table is served without a control plane, and its canary gets nobody", async (t) => {
  const stable = await openApp(t, (_, response) => response.end("old"));
  const canary = await openApp(t, (_, response) => response.end("new"));
  const stored = tableWith(1, [stable], { canary: { release: "new", targets: [canary] } });
  const world = await openWorld(t, { stored, hasControl: false });
  let answer: { body: string } | null = null;
  // Nobody listens until the worker has given the control plane half a second to speak.
  await until(async () => {
    answer = await world.send({ headers: { cookie: `belay_uid=${world.cookieOnCanary}` } }).catch(() => null);
    return answer !== null;
  });
  assert.equal((answer as { body: string } | null)?.body, "old");
});

test("a control plane that comes back gets every counter and every record that was not kept", async (t) => {
  const world = await openWorld(t);
  const stable = await openApp(t, (_, response) => response.end("old"));
  const table = tableWith(1, [stable], { canary: { release: "new", targets: [stable] } });
  await world.serve(table);
  await world.send({ headers: { cookie: `belay_uid=${world.cookieOnCanary}` } });
  // Whether this visitor's first request is also timed is drawn by its hash.
  const untimed = () => world.records.filter(({ kind }) => kind !== "timed").length;
  await until(() => untimed() === 2);
  await world.restartControl();
  await world.send({ headers: { cookie: `belay_uid=${world.cookieOnStable}` } });
  await until(() => untimed() === 4);
  assert.equal(world.count({ outcome: "ok" }), 2);
  await world.serve(table);
  assert.equal((await world.send({ headers: { cookie: `belay_uid=${world.cookieOnCanary}` } })).status, 200);
  assert.deepEqual(world.plane.workers()[0]?.brakes, []);
});
