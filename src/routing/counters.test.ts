import assert from "node:assert/strict";
import { test } from "node:test";
import { Counters } from "./counters.ts";

const shop = { service: "shop", environment: "production", release: "a1", arm: "stable", weight: 0, route: "/" } as const;
const hourMs = 3_600_000;
const nothing = { rollouts: new Set<string>(), releases: new Set<string>() };

test("what no table has named for an hour is forgotten, so that a worker's first report on a new link stays small", () => {
  const counters = new Counters();
  const retain = (rollouts: readonly string[], nowMs: number) =>
    counters.retain({ rollouts: new Set(rollouts), releases: new Set(["a1"]) }, nowMs);
  const count = (rollout: string) => counters.add({ ...shop, rollout, outcome: "ok", isHarm: false });
  const told = () => {
    counters.markAllChanged();
    return counters
      .takeChanged()
      .map(({ rollout, count: total }) => [rollout, total] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1));
  };
  for (const rollout of ["", "r1", "r2"]) count(rollout);
  retain(["r1"], 0);
  counters.takeChanged();
  retain(["r1"], hourMs - 1);
  count("r2");
  assert.deepEqual(told(), [
    ["", 1],
    ["r1", 1],
    ["r2", 2],
  ]);
  retain([], hourMs);
  assert.deepEqual(told(), [
    ["", 1],
    ["r1", 1],
  ]);
  retain(["r1"], hourMs + 1);
  retain([], 3 * hourMs);
  assert.deepEqual(told(), [
    ["", 1],
    ["r1", 1],
  ]);
});

test("what was not told yet is kept until it was", () => {
  const counters = new Counters();
  counters.add({ ...shop, rollout: "r1", outcome: "ok", isHarm: false });
  for (const nowMs of [0, hourMs]) counters.retain(nothing, nowMs);
  assert.equal(counters.takeChanged().length, 1);
});

/** Everything that it would tell on a new link: a release and its count. */
function toldAnew(counters: Counters): readonly (readonly [string, number])[] {
  counters.markAllChanged();
  return counters.takeChanged().map(({ release, count }) => [release, count] as const);
}

test("two thousand releases that served one after the other leave no counters behind, of their rollouts and of the time between", () => {
  const counters = new Counters();
  for (let number = 0; number < 2_000; number += 1) {
    const [release, rollout] = [`a${number}`, `r${number}`];
    counters.retain({ rollouts: new Set([rollout]), releases: new Set([release]) }, number * 600_000);
    for (const route of ["/", "/basket"])
      for (const exposing of [rollout, ""])
        counters.add({ ...shop, release, rollout: exposing, route, outcome: "ok", isHarm: false });
    counters.takeChanged();
  }
  const told = toldAnew(counters).length;
  assert.ok(told <= 8 * 4, `${told} counters`);
});

test("a release that comes back within the hour goes on, and one that comes back later begins anew", () => {
  const counters = new Counters();
  const serve = (release: string, nowMs: number) => {
    counters.retain({ rollouts: new Set(), releases: new Set([release]) }, nowMs);
    counters.add({ ...shop, release, rollout: "", outcome: "ok", isHarm: false });
    counters.takeChanged();
  };
  serve("a1", 0);
  serve("b2", 1_000);
  serve("a1", hourMs);
  assert.deepEqual(toldAnew(counters), [
    ["a1", 2],
    ["b2", 1],
  ]);
  serve("a1", 5 * hourMs);
  serve("b2", 6 * hourMs);
  assert.deepEqual(toldAnew(counters), [
    ["a1", 3],
    ["b2", 1],
  ]);
});
