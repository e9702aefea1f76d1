import assert from "node:assert/strict";
import { test } from "node:test";
import { type ScenarioName, scenarios } from "./scenario.ts";

const promises: Readonly<Record<ScenarioName, { readonly promise: string; readonly count: number }>> = {
  "dead-release": { promise: "a release that answers 500 to everything fails at most 5 requests in 99 of 100 runs", count: 100 },
  shielded: { promise: "of 2,000 visitors who only look nobody sees a release fail that answers 500, and it is back", count: 6 },
  "heavy-tail": { promise: "a release with the heavy tail that stable has too is not taken back for it", count: 6 },
  "bad-in-bake": {
    promise: "a release that turns bad in the bake is back without a start, after at most 40 failing visitors",
    count: 10,
  },
  "good-release": { promise: "a good release with the demo's manifest is promoted and no request fails", count: 5 },
  "small-harm": { promise: "a good release with the default tolerance of 0.2% is promoted and no request fails", count: 1 },
  "no-control": { promise: "without a control plane the canary has no request after the lease and a second", count: 10 },
  "control-back": {
    promise: "a control plane that comes back within the lease changes no end; later, the rollout is paused",
    count: 9,
  },
};

for (const [name, { promise, count }] of Object.entries(promises) as [ScenarioName, (typeof promises)[ScenarioName]][]) {
  test(promise, async () => {
    const { isWithin, figures } = await scenarios[name]({ from: 1, count });
    assert.ok(isWithin, JSON.stringify(figures));
  });
}
