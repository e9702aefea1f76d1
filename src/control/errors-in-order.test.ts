import assert from "node:assert/strict";
import { test } from "node:test";
import type { UnitRecord } from "../routing/wire.ts";
import { LoopWorld } from "./control-loop.fixture.ts";

test("errors decide once the workers have told of the time before them, though a request of stable stays open", async () => {
  const world = new LoopWorld();
  await world.serve("a1");
  world.request("b2", { steps: [{ weight: 500, minHoldMs: 3_600_000 }], sloAvailability: 0.5 });
  await world.pass(500);
  const { id, exposureEpoch } = world.rollout;
  const openAtMs = world.clock.monotonicMs();
  await world.pass(100);
  const base = { kind: "failed", rollout: id, arm: "canary", weight: 500, exposureEpoch } as const;
  const atMs = world.clock.monotonicMs();
  const records = ["1", "2", "3", "4"].map((unit): UnitRecord => ({ ...base, unit: unit.padStart(16, "0"), atMs }));
  const requests = [{ unit: "5".padStart(16, "0"), weight: 500, atMs: openAtMs }];
  const tell = (toldAtMs: number) => {
    const rollouts = [{ rollout: id, requests, knownUntilMs: toldAtMs }];
    world.plane.view = { ...world.plane.view, settledUntilMs: openAtMs, openOnStable: { toldAtMs, rollouts } };
  };
  tell(atMs);
  const said = { worker: "proxy-1", boot: "x", sequence: 1, records, counters: [], lostRecords: 0, newVisitors: [] };
  world.plane.report(said);
  await world.pass(1_000);
  const before: string = world.rollout.phase.name;
  assert.equal(before, "progressing", "another worker's requests may have begun before and fail");
  tell(atMs + 1);
  await world.pass(300);
  const { phase } = world.rollout;
  assert.ok(phase.name === "aborted", phase.name);
  assert.match(phase.reason, /4 visitors failed on the canary/);
});
