import assert from "node:assert/strict";
import { test } from "node:test";
import { Evidence } from "./evidence.ts";
import { nextWeightAfter } from "./next-weight.ts";
import { begin, record, unitOf, visit } from "./traffic.fixture.ts";

const firstStep = { kind: "step", step: 0 } as const;
const bake = { kind: "bake" } as const;

test("without traffic on either side there is no verdict, and nobody can say how long one takes", () => {
  const evidence = begin();
  evidence.advance({ nowMs: 3_600_000, settledUntilMs: 3_600_000 });
  const verdict = evidence.verdict(firstStep);
  assert.match(verdict.kind === "inconclusive" ? verdict.missing : "", /no visitor has come yet, so nobody can say how long/);
  assert.equal(evidence.summary().excludedHarm, 1);
});

test("a silence is said, and too few visitors foretell nothing", () => {
  const evidence = begin();
  visit(evidence, { from: 0, to: 2 });
  const early = evidence.verdict(firstStep);
  assert.match(early.kind === "inconclusive" ? early.missing : "", /too few have come to say how long that takes$/);
  visit(evidence, { from: 2, to: 100 });
  evidence.advance({ nowMs: 61_000, settledUntilMs: 61_000 });
  const late = evidence.verdict(firstStep);
  assert.match(
    late.kind === "inconclusive" ? late.missing : "",
    /no new visitor has come for 61 s, and without new ones it never ends$/,
  );
});

test("a stable that fails more than half of its visitors does not excuse a canary that fails all, and blames none that is alike", () => {
  const alike = begin();
  visit(alike, { from: 0, to: 2_000, isBad: (number) => (number + Math.floor(number / 20)) % 5 < 3 });
  assert.equal(alike.verdict(firstStep).kind, "shared-outage");
  const worse = begin();
  visit(worse, { from: 0, to: 4_000, isBad: (number) => number % 20 === 0 || (number + Math.floor(number / 20)) % 5 < 3 });
  const verdict = worse.verdict(firstStep);
  assert.equal(verdict.kind === "fail" ? verdict.metric : verdict.kind, "errors");
});

test("where everybody fails on both sides nobody is blamed and nothing passes, for as long as it lasts", () => {
  const evidence = begin();
  visit(evidence, { from: 0, to: 3_000, isBad: () => true });
  assert.equal(evidence.verdict(firstStep).kind, "shared-outage");
  for (const { eValue } of evidence.summary().metrics) assert.ok(Number.isFinite(eValue));
});

test("at weight 0 and at 10,000 nothing is compared and no gate moves", () => {
  for (const weight of [0, 10_000]) {
    const evidence = begin({ sloAvailability: 0.5 }, weight);
    for (let number = 0; number < 500; number += 1) {
      const base = { unit: unitOf(number), arm: weight === 0 ? "stable" : "canary", weight, atMs: number * 10 } as const;
      evidence.absorb(record({ kind: "exposed", ...base }));
      evidence.absorb(record({ kind: number % 10 === 0 ? "failed" : "served", ...base }));
      evidence.advance({ nowMs: number * 10 + 9_000, settledUntilMs: number * 10 + 9_000 });
    }
    const { metrics, scoredVisitors } = evidence.summary();
    assert.equal(scoredVisitors, 0);
    for (const name of ["errors", "gate", "assignment"]) {
      const metric = metrics.find((each) => each.name === name);
      assert.equal(metric?.eValue.toFixed(9), "1.000000000", `${name} at ${weight}`);
    }
    assert.equal(evidence.verdict(weight === 0 ? firstStep : bake).kind, "inconclusive");
  }
});

test("a clock that steps back, and counters that begin anew, change nothing that was found", () => {
  const evidence = begin();
  evidence.countRequests({ canary: { requests: 900, failed: 0 }, stable: { requests: 9_000, failed: 0 }, harmedRequests: 0 });
  visit(evidence, { from: 0, to: 1_200 });
  assert.equal(evidence.verdict(firstStep).kind, "pass");
  const before = evidence.summary();
  evidence.countRequests({ canary: { requests: 0, failed: 0 }, stable: { requests: 0, failed: 0 }, harmedRequests: 0 });
  evidence.advance({ nowMs: 10, settledUntilMs: 10 });
  evidence.weightChanged({ weight: 2_500, exposureEpoch: 2, atMs: 5 });
  assert.equal(evidence.verdict(firstStep).kind, "pass");
  const { canary, stable } = evidence.summary();
  assert.deepEqual([canary.visitors, stable.visitors], [before.canary.visitors, before.stable.visitors]);
  assert.ok(evidence.summary().metrics.every(({ eValue }) => Number.isFinite(eValue)));
});

// Goal: an approval between two steps loosens nothing: what is ruled out before it holds for the weight behind it.
test("the step before an approval rules out the harm of the weight behind it, also in evidence that was kept", () => {
  const steps = [
    { weight: 500, minHoldMs: 0 },
    { weight: 500, minHoldMs: 0, gate: "approval" },
    { weight: 5_000, minHoldMs: 0 },
  ] as const;
  assert.equal(nextWeightAfter({ steps, holdbackWeight: 9_500 }, 0), 5_000);
  const evidence = begin({ steps, harm: 0.02 });
  const restored = Evidence.restore(JSON.parse(JSON.stringify(evidence.snapshot(0))), 0);
  for (const each of [evidence, restored]) {
    // 40 good canary visitors rule out 8 %, which is enough for 25 %, and not yet the 4 % that 50 % needs.
    visit(each, { from: 0, to: 800 });
    assert.equal(each.verdict(firstStep).kind, "inconclusive");
    visit(each, { from: 800, to: 2_000 });
    assert.equal(each.verdict(firstStep).kind, "pass");
  }
  assert.deepEqual(restored.snapshot(0), evidence.snapshot(0));
});

// Goal: an hour of stable alone, in the step of a shadow or a cohort or in a pause, does not make visitors of many requests.
test("requests of times in which nobody was drawn leave the objective as strict as it was", () => {
  const evidence = begin();
  const requests = { canary: { requests: 100, failed: 0 }, stable: { requests: 360_000, failed: 0 }, harmedRequests: 0 };
  evidence.countRequests({ ...requests, comparedOnStable: 1_900 });
  visit(evidence, { from: 0, to: 2_000 });
  evidence.advance({ nowMs: 70_000, settledUntilMs: 70_000 });
  const { metrics } = evidence.snapshot(70_000);
  const { requestsPerVisit } = metrics["slo"] as { readonly requestsPerVisit: number };
  assert.equal(requestsPerVisit, 1);
});
