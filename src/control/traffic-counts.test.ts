import assert from "node:assert/strict";
import { test } from "node:test";
import type { Counter } from "../routing/wire.ts";
import { TrafficCounts } from "./traffic-counts.ts";

const counter: Counter = {
  service: "shop",
  environment: "production",
  rollout: "r1",
  release: "b2",
  arm: "canary",
  weight: 500,
  route: "shop.example.com/",
  outcome: "failed",
  isHarm: true,
  count: 3,
};
const report = { worker: "proxy-1", boot: "x", counters: [counter], newVisitors: [] };

test("the error budget burns by what both sides failed, once, also over a restart of the control plane", () => {
  const traffic = new TrafficCounts();
  traffic.absorb({ ...report, counters: [{ ...counter, count: 12 }] }, 1_000);
  traffic.absorb(
    {
      ...report,
      counters: [
        { ...counter, count: 12 },
        { ...counter, outcome: "excluded", count: 99 },
      ],
    },
    1_500,
  );
  const objective = { availability: 0.99, nowMs: 2_000 };
  const before = traffic.burning("production", "shop", objective);
  assert.deepEqual([before[0]?.limit, Math.round(before[0]?.rate ?? 0)], [14.4, 100]);
  const restored = new TrafficCounts();
  restored.restore(JSON.parse(JSON.stringify(traffic.snapshot())));
  assert.deepEqual(restored.burning("production", "shop", objective), before);
  assert.deepEqual(restored.burning("production", "other", objective), []);
});

test("a counter that is told twice counts once, and a worker that was replaced leaves its last counts behind", () => {
  const traffic = new TrafficCounts();
  traffic.absorb(report, 1_000);
  traffic.absorb(report, 2_000);
  traffic.absorb({ ...report, boot: "y", counters: [{ ...counter, count: 2 }] }, 3_000);
  assert.deepEqual(traffic.rollout("r1"), {
    canary: { requests: 5, failed: 5 },
    stable: { requests: 0, failed: 0 },
    comparedOnStable: 0,
    cohort: { requests: 0, failed: 0 },
    preview: { requests: 0, failed: 0 },
    harmedRequests: 5,
  });
});

test("a failure that stable covered harms nobody", () => {
  const traffic = new TrafficCounts();
  traffic.absorb({ ...report, counters: [{ ...counter, isHarm: false }] }, 0);
  assert.equal(traffic.rollout("r1").harmedRequests, 0);
});

test("a failure that no visitor saw burns no budget, and is no failure of the last minute", () => {
  const traffic = new TrafficCounts();
  const of = (own: Partial<Counter>) => ({ ...counter, isHarm: false, count: 20, ...own });
  const shielded = [of({ shield: "replayed" }), of({ arm: "cohort", shield: "replayed" })];
  traffic.absorb({ ...report, counters: shielded }, 1_000);
  assert.deepEqual(traffic.burning("production", "shop", { availability: 0.99, nowMs: 2_000 }), []);
  assert.deepEqual(traffic.lastMinute("production", "shop", 2_000), { requests: 40, failed: 0, newVisitors: 0 });
  traffic.absorb({ ...report, counters: [of({ arm: "stable" }), of({ isHarm: true })] }, 1_500);
  assert.equal(traffic.lastMinute("production", "shop", 2_000).failed, 40);
  assert.equal(Math.round(traffic.burning("production", "shop", { availability: 0.99, nowMs: 2_000 })[0]?.rate ?? 0), 50);
});

test("what the shield covered is counted, and why failures reached their visitors all the same", () => {
  const traffic = new TrafficCounts();
  const counters: readonly Partial<Counter>[] = [
    { outcome: "ok", isHarm: false, shield: "covered", count: 90 },
    { isHarm: false, shield: "replayed", count: 7 },
    { isHarm: true, shield: "replayed", count: 1 },
    { isHarm: true, shield: "covered", count: 2 },
    { outcome: "ok", isHarm: false, shield: "not-repeatable", count: 10 },
    { isHarm: true, shield: "not-repeatable", count: 4 },
    { isHarm: true, shield: "too-large", count: 3 },
    { isHarm: true, shield: "budget-spent", count: 5 },
    { arm: "cohort", isHarm: false, shield: "replayed", count: 50 },
  ];
  traffic.absorb({ ...report, counters: counters.map((own) => ({ ...counter, ...own })) }, 0);
  const { shield, harmedRequests } = traffic.rollout("r1");
  assert.equal(harmedRequests, 15);
  assert.deepEqual(shield, {
    covered: 105,
    uncovered: { notRepeatable: 14, switchedOff: 0, tooLarge: 3 },
    harmed: { notRepeatable: 4, switchedOff: 0, tooLarge: 3, budgetSpent: 5, afterHead: 2, stableFailedToo: 1 },
  });
});

test("the last minute forgets what is older, and counts new visitors from the first time it hears of them", () => {
  const traffic = new TrafficCounts();
  const visitors = (count: number) => [{ service: "shop", environment: "production", count }];
  traffic.absorb({ ...report, newVisitors: visitors(100) }, 0);
  traffic.absorb({ ...report, newVisitors: visitors(140) }, 30_000);
  assert.deepEqual(traffic.lastMinute("production", "shop", 31_000), { requests: 3, failed: 3, newVisitors: 40 });
  assert.deepEqual(traffic.lastMinute("production", "shop", 70_000), { requests: 0, failed: 0, newVisitors: 40 });
  assert.deepEqual(traffic.lastMinute("production", "shop", 100_000), { requests: 0, failed: 0, newVisitors: 0 });
});

test("all the visitors of a service count from its first, also when one report tells of many", () => {
  const traffic = new TrafficCounts();
  traffic.absorb(report, 0);
  traffic.absorb({ ...report, newVisitors: [{ service: "shop", environment: "production", count: 60 }] }, 1_000);
  assert.equal(traffic.lastMinute("production", "shop", 2_000).newVisitors, 60);
});

test("totals survive the control plane by their snapshot", () => {
  const traffic = new TrafficCounts();
  traffic.absorb(report, 0);
  const restored = new TrafficCounts();
  restored.restore(structuredClone(traffic.snapshot()));
  restored.absorb({ ...report, counters: [{ ...counter, count: 4 }] }, 1_000);
  assert.equal(restored.rollout("r1").canary.requests, 4);
});

test("a rate is taken over the time in which there was anything of the service to count", () => {
  const traffic = new TrafficCounts();
  traffic.absorb({ ...report, counters: [{ ...counter, service: "old" }] }, 0);
  traffic.absorb(report, 50_000);
  assert.equal(traffic.watchedSeconds("production", "old", 55_000), 55);
  assert.equal(traffic.watchedSeconds("production", "shop", 55_000), 5);
  assert.equal(traffic.watchedSeconds("production", "never", 55_000), 1);
});

test("what stable answered while nobody was drawn, or whose client left, is no part of the comparison", () => {
  const traffic = new TrafficCounts();
  const stable = { ...counter, arm: "stable", isHarm: false } as const;
  const counters: readonly Counter[] = [
    { ...stable, outcome: "ok", weight: 0, count: 50_000 },
    { ...stable, outcome: "ok", count: 30 },
    { ...stable, outcome: "failed", count: 2 },
    { ...stable, outcome: "excluded", count: 7 },
  ];
  traffic.absorb({ ...report, counters }, 0);
  const { stable: all, comparedOnStable } = traffic.rollout("r1");
  assert.deepEqual([all.requests, comparedOnStable], [50_039, 32]);
});
