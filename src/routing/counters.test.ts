import assert from "node:assert/strict";
import { test } from "node:test";
import { Counters } from "./counters.ts";

const shop = { service: "shop", environment: "production", release: "a1", arm: "stable", weight: 0, route: "/" } as const;
const hourMs = 3_600_000;

test("what no table has named for an hour is forgotten, so that a worker's first report on a new link stays small", () => {
  const counters = new Counters();
  const count = (rollout: string) => counters.add({ ...shop, rollout, outcome: "ok", isHarm: false });
  const told = () => {
    counters.markAllChanged();
    return counters
      .takeChanged()
      .map(({ rollout, count: total }) => [rollout, total] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1));
  };
  for (const rollout of ["", "r1", "r2"]) count(rollout);
  counters.retain(new Set(["r1"]), 0);
  counters.takeChanged();
  counters.retain(new Set(["r1"]), hourMs - 1);
  count("r2");
  assert.deepEqual(told(), [
    ["", 1],
    ["r1", 1],
    ["r2", 2],
  ]);
  counters.retain(new Set(), hourMs);
  assert.deepEqual(told(), [
    ["", 1],
    ["r1", 1],
  ]);
  counters.retain(new Set(["r1"]), hourMs + 1);
  counters.retain(new Set(), 3 * hourMs);
  assert.deepEqual(told(), [
    ["", 1],
    ["r1", 1],
  ]);
});

test("what was not told yet is kept until it was", () => {
  const counters = new Counters();
  counters.add({ ...shop, rollout: "r1", outcome: "ok", isHarm: false });
  counters.retain(new Set(), 0);
  counters.retain(new Set(), hourMs);
  assert.equal(counters.takeChanged().length, 1);
});
