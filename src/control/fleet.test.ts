import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLog } from "../ports/log.ts";
import { ManualClock } from "../ports/manual-clock.ts";
import type { WorkerView } from "../routing/worker-view.ts";
import { Fleet } from "./fleet.ts";

const table = { epoch: 7, services: [] };

/** A fleet of which the keeper names `pids`, and the links `views`. */
function fleetOf(pids: readonly number[], views: readonly Partial<WorkerView>[]) {
  const clock = new ManualClock();
  const replaced: number[] = [];
  const workers = views.map((view, index) => ({
    worker: `proxy-${index + 1}`,
    boot: `b${index}`,
    pid: 10 + index,
    isConnected: true,
    acknowledgedEpoch: 7,
    brakes: [],
    inFlight: {},
    settledUntilMs: 0,
    ...view,
  }));
  const dataPlane = { workers: () => workers, publish: () => {}, renewLease: () => {}, onReport: () => {}, keep: () => {} };
  const fleet = new Fleet({
    clock,
    log: silentLog,
    dataPlane: { ...dataPlane, onChange: () => {} },
    runningWorkers: async () => pids,
    replaceWorker: async (pid) => void replaced.push(pid),
  });
  const look = async (forMs: number) => {
    await fleet.look(table);
    clock.advance(forMs);
    await fleet.look(table);
  };
  return { fleet, replaced, look };
}

const told = (toldAtMs: number, atMs: number) => {
  const request = { unit: "u", weight: 500, atMs };
  return { openOnStable: { toldAtMs, rollouts: [{ rollout: "r", requests: [request], knownUntilMs: toldAtMs - 10 }] } };
};

test("what is open on stable is that of all workers, also of one that is being replaced, known until the first of them stops", async () => {
  const { fleet, look } = fleetOf([10, 11], [told(900, 100), { openOnStable: { toldAtMs: 950, rollouts: [] } }, told(800, 200)]);
  assert.deepEqual(fleet.openOnStable("r", 1_000), { rollout: "r", requests: [], knownUntilMs: 0 }, "nobody knows yet who runs");
  await look(0);
  const open = fleet.openOnStable("r", 1_000);
  assert.deepEqual([open.requests.map(({ atMs }) => atMs), open.knownUntilMs], [[100, 200], 790]);
  assert.deepEqual(fleet.openOnStable("another", 1_000), { rollout: "another", requests: [], knownUntilMs: 800 });
});

test("of a worker that does not say what is open nothing is known after its settled time, and nothing at all of one that is not there", async () => {
  const older = fleetOf([10, 11], [told(900, 100), { settledUntilMs: 300 }]);
  await older.look(0);
  assert.equal(older.fleet.openOnStable("r", 1_000).knownUntilMs, 300);
  const missing = fleetOf([10, 11], [told(900, 100)]);
  await missing.look(0);
  assert.equal(missing.fleet.openOnStable("r", 1_000).knownUntilMs, 0);
});

test("a table is served once every worker that runs has acknowledged it", async () => {
  const { fleet, look } = fleetOf([10, 11], [{}, {}]);
  assert.equal(fleet.serves(table), false, "nobody knows yet who runs");
  await look(0);
  assert.equal(fleet.serves(table), true);
});

test("a worker that runs and is behind, or has said nothing, is waited for and then replaced", async () => {
  for (const [view, patienceMs] of [
    [{ acknowledgedEpoch: 6 }, 5_000],
    [{ pid: 99 }, 20_000],
  ] as const) {
    const { fleet, look, replaced } = fleetOf([10, 11], [{}, view]);
    await look(patienceMs - 1);
    assert.equal(fleet.serves(table), false);
    assert.deepEqual(replaced, []);
    await look(1);
    assert.deepEqual(replaced, [11]);
  }
});

test("a worker that is being replaced still answers its visitors, so its word is waited for as well, and the keeper ends it", async () => {
  const { fleet, look, replaced } = fleetOf([10], [{}, { acknowledgedEpoch: 6 }]);
  await look(60_000);
  assert.equal(fleet.serves(table), false);
  assert.deepEqual(replaced, []);
});

test("a worker that serves a newer table refuses this one: it neither counts as serving it nor is killed for it", async () => {
  const { fleet, look, replaced } = fleetOf([10], [{ acknowledgedEpoch: 8 }]);
  await look(60_000);
  assert.equal(fleet.serves(table), false);
  assert.deepEqual(replaced, []);
});
