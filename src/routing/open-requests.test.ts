import assert from "node:assert/strict";
import { test } from "node:test";
import type { InFlight } from "./in-flight.ts";
import { WorkerState } from "./worker-state.ts";

/** With an exposure at 50 %, and visitors who are drawn into either side. */
function setUp() {
  const state = new WorkerState({ unitOf: (visitor) => visitor });
  const pools = { stable: { release: "old", targets: [] }, canary: { release: "new", targets: [] } };
  const service = {
    service: "shop",
    environment: "production",
    routes: [{ host: "*", path: "/" }],
    stable: pools.stable,
    exposure: { rollout: "r", epoch: 3, canary: pools.canary, weight: 5_000, salt: "s", leaseTtlMs: 10_000 },
    watch: null,
    responseDeadlineMs: 1_000,
    expose: "previews",
  } as const;
  state.acceptTable({ epoch: 3, services: [service] }, 0);
  const choose = (visitor: string, nowMs: number) => {
    const choice = state.choose({ host: "a", path: "/", visitor, nowMs });
    assert.ok(choice !== null);
    return choice;
  };
  const visitors = Array.from({ length: 20 }, (_, number) => `v${number}`);
  const visitorOf = (arm: string) => visitors.find((visitor) => choose(visitor, 0).arm === arm) ?? "";
  const start = (arm: "canary" | "stable", atMs: number): InFlight => {
    return state.exchangeStarted(choose(visitorOf(arm), atMs), atMs);
  };
  return { state, start, unit: visitorOf("stable") };
}

test("what is compared and open on stable is told: no canary's, no stream, nothing withdrawn, and nothing beyond its deadline", () => {
  const { state, start, unit } = setUp();
  const [slow, stream, withdrawn] = [start("stable", 10), start("stable", 20), start("stable", 30)];
  start("canary", 40);
  const openAt = (nowMs: number) => state.report(nowMs).openOnStable?.flatMap(({ requests }) => requests.map(({ atMs }) => atMs));
  assert.deepEqual(openAt(50), [10, 20, 30]);
  state.headArrived(stream, { status: 200, kind: "stream", nowMs: 60 });
  state.exchangeWithdrawn(withdrawn);
  const requests = [{ unit, weight: 5_000, atMs: 10 }];
  assert.deepEqual(state.report(70).openOnStable, [{ rollout: "r", requests, knownUntilMs: 70 }]);
  assert.deepEqual(openAt(1_011), []);
  state.exchangeEnded(slow, "complete", 1_020);
  assert.deepEqual(openAt(1_021), []);
});

test("of very many open requests the oldest are told, and until when they are all; what ends makes room", () => {
  const { state, start } = setUp();
  const all = Array.from({ length: 100 }, (_, index) => start("stable", index + 1));
  const told = (nowMs: number) => {
    const [open] = state.report(nowMs).openOnStable ?? [];
    return [open?.requests.length, open?.requests[0]?.atMs, open?.knownUntilMs];
  };
  assert.deepEqual(told(200), [64, 1, 65]);
  for (const request of all.slice(0, 30)) state.exchangeEnded(request, "complete", 201);
  assert.deepEqual(told(202), [64, 31, 95]);
  for (const request of all.slice(30, 40)) state.exchangeEnded(request, "complete", 203);
  assert.deepEqual(told(204), [60, 41, 204]);
});
