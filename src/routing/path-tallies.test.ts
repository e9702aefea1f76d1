import assert from "node:assert/strict";
import { test } from "node:test";
import { PathTallies } from "./path-tallies.ts";
import { WorkerState } from "./worker-state.ts";

const dayMs = 86_400_000;

/** Requests as a worker's state judges them. */
function openWorker() {
  const state = new WorkerState({ unitOf: (visitor) => visitor });
  const stable = { release: "r-1", targets: [] };
  const routes = [
    { host: "shop.test", path: "/" },
    { host: "*", path: "/api" },
  ];
  const service = { service: "shop", environment: "production", routes, stable, exposure: null, watch: null };
  state.acceptTable({ epoch: 1, services: [{ ...service, responseDeadlineMs: 1_000, expose: "previews" }] }, 0);
  const ask = (
    path: string,
    { method = "GET", host = "shop.test", status = 200, setsCookie = false, nowMs = 0, isTunnel = false } = {},
  ) => {
    const choice = state.choose({ host, path, visitor: null, nowMs });
    assert.ok(choice !== null);
    const asked = { method, hasIdempotencyKey: false, bodyBytes: 0, path };
    const request = isTunnel ? state.exchangeStarted(choice, nowMs) : state.exchangeStarted(choice, nowMs, asked);
    if (status > 0) state.headArrived(request, { status, kind: isTunnel ? "tunnel" : "body", setsCookie, nowMs });
    state.exchangeEnded(request, status > 0 ? "complete" : "aborted", nowMs);
  };
  const told = (nowMs: number) => state.report(nowMs).paths ?? [];
  return { state, ask, told };
}

test("a worker tells what was asked for by path and method, under the host of the route", () => {
  const { ask, told } = openWorker();
  ask("/products/42", { setsCookie: true });
  ask("/products/43");
  ask("/orders", { method: "POST", status: 500 });
  ask("/api/v1/search", { host: "any.test" });
  const [tally] = told(60_000);
  assert.deepEqual(tally, {
    service: "shop",
    environment: "production",
    forMs: 60_000,
    paths: [
      { host: "shop.test", path: "/products/*", methods: { GET: 2 }, cookies: 1 },
      { host: "shop.test", path: "/orders", methods: { POST: 1 }, cookies: 0 },
      { host: "*", path: "/api/v1/search", methods: { GET: 1 }, cookies: 0 },
    ],
  });
});

test("what the service does not know, reads that went wrong, tunnels and what nobody answered are not counted", () => {
  const { ask, told } = openWorker();
  for (const status of [404, 405]) for (const method of ["GET", "POST"]) ask("/wp-login", { method, status });
  for (const status of [401, 500]) ask("/admin", { status });
  ask("/chat", { status: 101, isTunnel: true });
  ask("/slow", { method: "POST", status: 0 });
  assert.deepEqual(told(0), []);
});

test("it is told at most every five seconds, whole, and once more on a new link", () => {
  const { state, ask, told } = openWorker();
  ask("/a", { nowMs: 0 });
  assert.equal(told(0).length, 1);
  ask("/b", { nowMs: 1_000 });
  assert.deepEqual(told(4_999), []);
  assert.deepEqual(
    told(5_000)[0]?.paths.map(({ path }) => path),
    ["/a", "/b"],
  );
  assert.deepEqual(told(20_000), [], "nothing is new");
  state.reportsAfterReconnect(20_001);
  assert.equal(told(20_001).length, 1);
});

test("after two weeks it is forgotten, and until then the last week is whole", () => {
  const { ask, told } = openWorker();
  ask("/old", { nowMs: 0 });
  ask("/new", { nowMs: 8 * dayMs });
  const [both] = told(9 * dayMs);
  assert.deepEqual([both?.forMs, both?.paths.length], [9 * dayMs, 2]);
  ask("/newest", { nowMs: 16 * dayMs });
  const [later] = told(16 * dayMs);
  assert.deepEqual(
    later?.paths.map(({ path }) => path),
    ["/new", "/newest"],
  );
  ask("/late", { nowMs: 60 * dayMs });
  assert.deepEqual(
    told(60 * dayMs)[0]?.paths.map(({ path }) => path),
    ["/late"],
  );
});

test("a service that comes and goes does not fill the worker", () => {
  const tallies = new PathTallies();
  const { state } = openWorker();
  const choice = state.choose({ host: "shop.test", path: "/", visitor: null, nowMs: 0 });
  assert.ok(choice !== null);
  for (let index = 0; index < 300; index += 1) {
    const own = { ...choice, service: { ...choice.service, service: `s${index}` } };
    const request = state.exchangeStarted(own, 0, { method: "GET", hasIdempotencyKey: false, bodyBytes: 0, path: "/" });
    request.status = 200;
    tallies.judged(request, 0);
  }
  assert.equal(tallies.takeChanged(0).length, 256);
});
