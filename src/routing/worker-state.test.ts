import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { bucketOf } from "./assignment.ts";
import type { InFlight } from "./in-flight.ts";
import type { Exposure, Pool, RoutingTable, ServiceRoute } from "./table.ts";
import { WorkerState } from "./worker-state.ts";

test("a canary's visitors go to the canary while its lease lasts, all others to stable", () => {
  const state = stateWith(tableWith(1, { weight: 5000 }));
  assert.equal(choose(state, canaryVisitor).pool.release, "new");
  assert.equal(choose(state, stableVisitor).pool.release, "old");
});

test("a request outside of every route has no place to go", () => {
  const state = stateWith(tableWith(1, { weight: 5000 }));
  assert.equal(state.choose({ host: "elsewhere", path: "/", visitor: null, nowMs: 0 }), null);
});

test("a worker refuses a table below its own epoch", () => {
  const state = stateWith(tableWith(7, { weight: 5000 }));
  assert.equal(state.acceptTable(tableWith(6, null), 1), false);
  assert.equal(choose(state, canaryVisitor, 1).pool.release, "new");
  assert.equal(state.acceptTable(tableWith(7, null), 1), true);
});

test("a lease that ran out sends everyone to stable, and its renewal does not bring the canary back", () => {
  const state = stateWith(tableWith(3, { weight: 5000, epoch: 3 }));
  state.renewLease(3, 10_000, 5_000);
  assert.equal(choose(state, canaryVisitor, 14_999).pool.release, "new");
  assert.equal(choose(state, canaryVisitor, 15_000).pool.release, "old");
  state.renewLease(3, 10_000, 15_001);
  assert.equal(choose(state, canaryVisitor, 15_002).pool.release, "old");
  assert.deepEqual(state.brakes(15_002), [
    { service: "shop", environment: "production", rollout: "r", exposureEpoch: 3, by: "lease" },
  ]);
});

test("a brake by lease outlives another service's table and ends with a new exposure", () => {
  const state = stateWith(tableWith(3, { weight: 5000, epoch: 3 }));
  assert.equal(choose(state, canaryVisitor, 20_000).pool.release, "old");
  state.acceptTable(tableWith(4, { weight: 5000, epoch: 3 }), 20_001);
  assert.equal(choose(state, canaryVisitor, 20_002).pool.release, "old");
  state.acceptTable(tableWith(5, null), 20_003);
  state.acceptTable(tableWith(6, { weight: 5000, epoch: 3 }), 20_004);
  assert.equal(choose(state, canaryVisitor, 20_005).pool.release, "old");
  state.acceptTable(tableWith(7, { weight: 5000, epoch: 7 }), 20_006);
  assert.equal(choose(state, canaryVisitor, 20_007).pool.release, "new");
  assert.deepEqual(state.brakes(20_007), []);
});

test("a lease of 0 ends the exposure at once; one of another epoch is ignored", () => {
  const state = stateWith(tableWith(3, { weight: 5000, epoch: 3 }));
  state.renewLease(2, 0, 10);
  assert.equal(choose(state, canaryVisitor, 11).pool.release, "new");
  state.renewLease(3, 0, 12);
  assert.equal(choose(state, canaryVisitor, 12).pool.release, "old");
});

test("a table from disk serves stable only, until a control plane sends one", () => {
  const state = new WorkerState({ unitOf: (visitor) => visitor });
  state.acceptStoredTable(tableWith(3, { weight: 5000, epoch: 3 }), 0);
  assert.equal(choose(state, canaryVisitor, 1).pool.release, "old");
  state.renewLease(3, 10_000, 2);
  assert.equal(choose(state, canaryVisitor, 3).pool.release, "old");
  assert.deepEqual(state.brakes(3), []);
  state.acceptTable(tableWith(3, { weight: 5000, epoch: 3 }), 4);
  assert.equal(choose(state, canaryVisitor, 5).pool.release, "new");
});

test("the canary is gone when each of its instances refused five times in a row within ten seconds", () => {
  const state = stateWith(tableWith(3, { weight: 5000, epoch: 3, instances: ["a", "b"] }));
  for (let attempt = 0; attempt < 5; attempt += 1) refuse(state, "a", attempt * 1000);
  for (let attempt = 0; attempt < 4; attempt += 1) refuse(state, "b", 5000 + attempt);
  assert.equal(choose(state, canaryVisitor, 5100).pool.release, "new");
  refuse(state, "b", 5200);
  assert.equal(choose(state, canaryVisitor, 5300).pool.release, "old");
  assert.equal(state.brakes(5300)[0]?.by, "health");
});

test("an answer between refusals, and refusals too far apart, do not take the canary away", () => {
  const state = stateWith(tableWith(3, { weight: 5000, epoch: 3 }));
  for (let attempt = 0; attempt < 20; attempt += 1) {
    refuse(state, "a", attempt);
    if (attempt % 4 === 3) state.targetAnswered("a");
  }
  const slow = stateWith(tableWith(3, { weight: 5000, epoch: 3 }));
  for (let attempt = 0; attempt < 20; attempt += 1) {
    slow.renewLease(3, 10_000, attempt * 2600);
    refuse(slow, "a", attempt * 2600);
  }
  assert.equal(choose(state, canaryVisitor, 30).pool.release, "new");
  assert.equal(choose(slow, canaryVisitor, 19 * 2600).pool.release, "new");
});

test("a canary without any instance is gone after five requests", () => {
  const state = stateWith(tableWith(3, { weight: 5000, epoch: 3, instances: [] }));
  for (let attempt = 0; attempt < 5; attempt += 1) {
    const request = state.exchangeStarted(choose(state, canaryVisitor, attempt), attempt);
    assert.equal(request.choice.arm, "canary");
    state.exchangeFellBack(request, attempt);
    state.exchangeEnded(request, "complete", attempt);
  }
  assert.equal(choose(state, canaryVisitor, 6).arm, "stable");
});

test("refusals of an exposure that is over do not brake the one after it", () => {
  const state = stateWith(tableWith(3, { weight: 5000, epoch: 3 }));
  const old = choose(state, canaryVisitor, 0);
  state.acceptTable(tableWith(4, { weight: 9500, epoch: 4 }), 1);
  for (let attempt = 0; attempt < 9; attempt += 1) state.targetUnreachable(old, "a", 2);
  assert.equal(choose(state, canaryVisitor, 3).pool.release, "new");
});

test("a visitor is recorded as exposed once, as failed at its first failure only, as served once a minute", () => {
  const state = stateWith(tableWith(3, { weight: 5000, epoch: 3 }));
  run(state, canaryVisitor, 10, 200);
  run(state, canaryVisitor, 20, 200);
  run(state, stableVisitor, 30, 500);
  run(state, stableVisitor, 40, 500);
  state.renewLease(3, 10_000, 9_000);
  assert.deepEqual(
    state.report(100).records.map(({ kind, arm, atMs, weight }) => [kind, arm, atMs, weight]),
    [
      ["exposed", "canary", 10, 5000],
      ["served", "canary", 10, 5000],
      ["exposed", "stable", 30, 5000],
      ["failed", "stable", 30, 5000],
    ],
  );
});

test("a brake ends the evidence: requests are counted at weight 0 and nobody is recorded", () => {
  const state = stateWith(tableWith(3, { weight: 5000, epoch: 3 }));
  state.renewLease(3, 0, 5);
  run(state, canaryVisitor, 10, 500);
  const { records, counters } = state.report(20);
  assert.deepEqual(records, []);
  assert.deepEqual([counters[0]?.arm, counters[0]?.weight, counters[0]?.rollout, counters[0]?.isHarm], ["stable", 0, "r", false]);
});

test("a watched release is recorded as a canary that everyone is on", () => {
  const state = stateWith({ epoch: 9, services: [{ ...shop, watch: { rollout: "r", epoch: 8 } }] });
  run(state, stableVisitor, 10, 500);
  const { records, counters } = state.report(20);
  assert.deepEqual(
    records.map(({ kind, arm, weight, exposureEpoch }) => [kind, arm, weight, exposureEpoch]),
    [
      ["exposed", "canary", 10_000, 8],
      ["failed", "canary", 10_000, 8],
      ["harmed", "canary", 10_000, 8],
    ],
  );
  assert.deepEqual([counters[0]?.arm, counters[0]?.release, counters[0]?.isHarm], ["canary", "old", true]);
});

test("a request that stable took over is a failure of the canary that harmed nobody, unless stable failed too", () => {
  const state = stateWith(tableWith(3, { weight: 5000, epoch: 3 }));
  for (const end of ["complete", "refused"] as const) {
    const request = state.exchangeStarted(choose(state, canaryVisitor), 0);
    state.exchangeFellBack(request, 1);
    state.exchangeEnded(request, end, 3);
  }
  const { counters } = state.report(4);
  assert.deepEqual(
    counters.map(({ arm, outcome, isHarm, release, count }) => [arm, outcome, isHarm, release, count]),
    [
      ["canary", "failed", false, "new", 1],
      ["canary", "failed", true, "new", 1],
    ],
  );
});

test("a request that stable took over is in flight on stable, and recorded as failed before it ends", () => {
  const state = stateWith(tableWith(3, { weight: 5000, epoch: 3 }));
  state.exchangeFellBack(state.exchangeStarted(choose(state, canaryVisitor), 0), 1);
  const { inFlight, records } = state.report(2);
  assert.deepEqual(inFlight, { old: 1 });
  assert.deepEqual([records[1]?.kind, records[1]?.arm], ["failed", "canary"]);
});

test("a request that was withdrawn from the canary is a request of stable and evidence for neither side", () => {
  const state = stateWith(tableWith(3, { weight: 5000, epoch: 3 }));
  const request = state.exchangeStarted(choose(state, canaryVisitor), 0);
  assert.equal(state.maySend(request, 1), true);
  state.acceptTable(tableWith(4, null), 1);
  assert.equal(state.maySend(request, 2), false);
  state.exchangeWithdrawn(request);
  state.exchangeEnded(request, "reset", 3);
  const { records, counters } = state.report(4);
  assert.deepEqual(
    records.map(({ kind }) => kind),
    ["exposed"],
  );
  assert.deepEqual([counters[0]?.arm, counters[0]?.release, counters[0]?.isHarm], ["stable", "old", false]);
});

test("a weight that was raised, and a promotion, leave a request of the canary where it is", () => {
  const state = stateWith(tableWith(3, { weight: 5000, epoch: 3 }));
  const request = state.exchangeStarted(choose(state, canaryVisitor), 0);
  state.acceptTable(tableWith(4, { weight: 9500, epoch: 4 }), 1);
  assert.equal(state.maySend(request, 2), true);
  state.acceptTable({ epoch: 5, services: [{ ...shop, stable: request.choice.pool }] }, 3);
  assert.equal(state.maySend(request, 4), true);
});

test("a request of a stable that was replaced before it was sent goes to the stable of now", () => {
  const state = stateWith(tableWith(3, null));
  const request = state.exchangeStarted(choose(state, stableVisitor), 0);
  assert.equal(state.maySend(request, 1), true);
  const newest = { release: "newest", targets: [{ instance: "n", host: "127.0.0.1", port: 4010 }] };
  state.acceptTable({ epoch: 5, services: [{ ...shop, stable: newest }] }, 3);
  assert.equal(state.maySend(request, 4), false);
  assert.equal(state.exchangeWithdrawn(request).release, "newest");
  assert.deepEqual(state.report(5).inFlight, { newest: 1 });
});

test("a request that leaves the canary goes to the stable of now, not to the one that was replaced since", () => {
  const state = stateWith(tableWith(3, { weight: 5000, epoch: 3 }));
  const [withdrawn, fallen] = [0, 1].map((atMs) => state.exchangeStarted(choose(state, canaryVisitor, atMs), atMs));
  assert.ok(withdrawn !== undefined && fallen !== undefined);
  const newest = { release: "newest", targets: [{ instance: "n", host: "127.0.0.1", port: 4010 }] };
  state.acceptTable({ epoch: 5, services: [{ ...shop, stable: newest }] }, 3);
  state.exchangeWithdrawn(withdrawn);
  assert.equal(withdrawn.choice.pool.release, "newest");
  assert.equal(state.exchangeFellBack(fallen, 4)?.release, "newest");
  assert.deepEqual(state.report(5).inFlight, { newest: 2 });
});

test("the settled time waits for requests in flight, neither for streams nor beyond a deadline", () => {
  const state = stateWith(tableWith(3, null));
  const stream = state.exchangeStarted(choose(state, stableVisitor), 10);
  const slow = state.exchangeStarted(choose(state, stableVisitor), 20);
  assert.equal(state.report(30).settledUntilMs, 10);
  state.headArrived(stream, { status: 200, kind: "stream", nowMs: 31 });
  assert.equal(state.report(32).settledUntilMs, 20);
  assert.deepEqual(state.overdue(1020), []);
  assert.equal(state.report(1020).settledUntilMs, 20);
  assert.deepEqual(state.overdue(1021), [slow]);
  assert.equal(state.report(1021).settledUntilMs, 1021);
  assert.deepEqual(state.report(1022).inFlight, { old: 2 });
});

test("a request whose body still arrives is not overdue", () => {
  const state = stateWith(tableWith(3, null));
  const upload = state.exchangeStarted(choose(state, stableVisitor), 0);
  state.requestProgressed(upload, 900);
  assert.deepEqual(state.overdue(1800), []);
  assert.deepEqual(state.overdue(1901), [upload]);
});

test("a tunnel is judged by its head and stays in flight to its end", () => {
  const state = stateWith(tableWith(3, { weight: 5000, epoch: 3 }));
  const tunnel = state.exchangeStarted(choose(state, canaryVisitor), 0);
  state.headArrived(tunnel, { status: 101, kind: "tunnel", nowMs: 5 });
  const report = state.report(6);
  assert.deepEqual([report.counters[0]?.outcome, report.counters[0]?.count, report.inFlight["new"]], ["ok", 1, 1]);
  state.exchangeEnded(tunnel, "reset", 60_000);
  assert.deepEqual(state.report(60_001).counters, []);
});

test("a canary's failure is urgent, stable's is not", () => {
  const state = stateWith(tableWith(3, { weight: 5000, epoch: 3 }));
  run(state, stableVisitor, 1, 500);
  assert.equal(state.hasUrgentNews, false);
  run(state, canaryVisitor, 2, 500);
  assert.equal(state.hasUrgentNews, true);
  state.report(3);
  assert.equal(state.hasUrgentNews, false);
  assert.equal(state.hasNews, false);
});

test("reports that nobody kept are sent again after a reconnect, and then every counter", () => {
  const state = stateWith(tableWith(3, { weight: 5000, epoch: 3 }));
  run(state, canaryVisitor, 1, 200);
  const first = state.report(2);
  run(state, stableVisitor, 3, 500);
  const second = state.report(4);
  state.kept(first.sequence);
  const [again, ...rest] = state.reportsAfterReconnect(10);
  assert.deepEqual(rest, []);
  assert.deepEqual(
    [again?.sequence, again?.records, again?.settledUntilMs, again?.sentAtMs],
    [second.sequence, second.records, 4, 10],
  );
  assert.equal(state.report(11).counters.length, 2);
  state.kept(second.sequence);
  assert.deepEqual(state.reportsAfterReconnect(12), []);
});

test("records beyond the bound are dropped and counted", () => {
  const state = stateWith(tableWith(3, { weight: 5000, epoch: 3 }));
  for (let visitor = 0; visitor < 25_100; visitor += 1) run(state, `visitor ${visitor}f`, 1, 200);
  const report = state.report(2);
  assert.deepEqual([report.records.length, report.lostRecords], [50_000, 200]);
  run(state, "one more", 3, 200);
  assert.equal(state.report(4).lostRecords, 202);
  state.kept(report.sequence);
  run(state, "and another", 5, 200);
  assert.deepEqual([state.report(6).records.length, state.report(7).lostRecords], [2, 202]);
});

test("instances take turns, and one that just refused is tried last", () => {
  const state = stateWith(tableWith(3, { weight: 5000, epoch: 3, instances: ["a", "b"] }));
  const { pool } = choose(state, canaryVisitor);
  const order = (nowMs: number) =>
    state
      .targets(pool, nowMs)
      .map(({ instance }) => instance)
      .join("");
  assert.deepEqual([order(0), order(0), order(0)], ["ab", "ba", "ab"]);
  refuse(state, "a", 10);
  assert.deepEqual([order(11), order(12)], ["ba", "ba"]);
  assert.equal([order(2000), order(2000)].sort().join(), "ab,ba");
});

test("property: counters add up to the requests, and nothing is left in flight", () => {
  const statuses = fc.array(fc.tuple(fc.string(), fc.constantFrom(200, 404, 500, 503)), { maxLength: 60 });
  fc.assert(
    fc.property(statuses, (requests) => {
      const state = stateWith(tableWith(3, { weight: 5000, epoch: 3 }));
      for (const [visitor, status] of requests) run(state, visitor, 50, status);
      const { counters, inFlight, records } = state.report(100);
      const sum = (outcome: string) =>
        counters.filter((counter) => counter.outcome === outcome).reduce((all, { count }) => all + count, 0);
      assert.equal(sum("failed"), requests.filter(([, status]) => status >= 500).length);
      assert.equal(sum("ok"), requests.filter(([, status]) => status < 500).length);
      assert.deepEqual(inFlight, {});
      const exposed = records.filter(({ kind }) => kind === "exposed").map(({ unit }) => unit);
      assert.deepEqual(exposed.sort(), [...new Set(requests.map(([visitor]) => visitor))].sort());
    }),
  );
});

const canaryVisitor = visitorWhere((bucket) => bucket < 5000);
const stableVisitor = visitorWhere((bucket) => bucket >= 9500);

const shop: ServiceRoute = {
  service: "shop",
  environment: "production",
  routes: [{ host: "shop.test", path: "/" }],
  stable: poolOf("old", ["s"]),
  exposure: null,
  watch: null,
  responseDeadlineMs: 1000,
  expose: "previews",
};

function poolOf(release: string, instances: readonly string[]): Pool {
  return { release, targets: instances.map((instance, index) => ({ instance, host: "127.0.0.1", port: 9000 + index })) };
}

function tableWith(
  epoch: number,
  exposure: (Partial<Exposure> & { readonly instances?: readonly string[] }) | null,
): RoutingTable {
  if (exposure === null) return { epoch, services: [shop] };
  const { instances = ["a"], ...rest } = exposure;
  const filled = {
    rollout: "r",
    epoch,
    canary: poolOf("new", instances),
    weight: 500,
    salt: "salt",
    leaseTtlMs: 10_000,
    ...rest,
  };
  return { epoch, services: [{ ...shop, exposure: filled }] };
}

function stateWith(table: RoutingTable): WorkerState {
  const state = new WorkerState({ unitOf: (visitor) => visitor });
  state.acceptTable(table, 0);
  return state;
}

function choose(state: WorkerState, visitor: string, nowMs = 0): InFlight["choice"] {
  const choice = state.choose({ host: "shop.test", path: "/", visitor, nowMs });
  assert.ok(choice !== null);
  return choice;
}

function run(state: WorkerState, visitor: string, nowMs: number, status: number): void {
  const request = state.exchangeStarted(choose(state, visitor, nowMs), nowMs);
  state.headArrived(request, { status, kind: "body", nowMs });
  state.exchangeEnded(request, "complete", nowMs);
}

function refuse(state: WorkerState, instance: string, nowMs: number): void {
  const choice = choose(state, canaryVisitor, nowMs);
  if (choice.fallback !== null) state.targetUnreachable(choice, instance, nowMs);
}

function visitorWhere(isWanted: (bucket: number) => boolean): string {
  let number = 0;
  while (!isWanted(bucketOf("salt", `visitor ${number}f`))) number += 1;
  return `visitor ${number}f`;
}
