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
