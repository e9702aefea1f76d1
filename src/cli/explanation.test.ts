import assert from "node:assert/strict";
import { test } from "node:test";
import { aRollout } from "../api/fake-views.ts";
import type { ChainedEntry, RolloutView } from "../api/views.ts";
import { explanationOf, explanationWords } from "./explanation.ts";

type Evidence = NonNullable<RolloutView["evidence"]>;
type Fact = ChainedEntry["entry"]["fact"];

const evidence: Evidence = {
  canary: { visitors: 100, failedVisitors: 5, requests: 300, failedRequests: 7 },
  stable: { visitors: 1_900, failedVisitors: 19, requests: 5_700, failedRequests: 20 },
  metrics: [{ name: "gate", eValue: 3, threshold: 20 }],
  scoredVisitors: 90,
  failedScoredVisitors: 0,
  excludedHarm: 0.03,
  harmedRequests: 7,
  harmedVisitors: 5,
  shieldedRequests: 0,
  lostRecords: 0,
};

function entriesOf(...facts: readonly Fact[]): readonly ChainedEntry[] {
  return facts.map((fact, index) => ({
    hash: "",
    previousHash: "",
    entry: {
      position: index + 1,
      at: `2026-11-20T10:00:0${index}.000Z`,
      service: "shop",
      environment: "production",
      rollout: "r",
      actor: { kind: "system", name: "belay", via: "loop" },
      fact,
    },
  })) as unknown as readonly ChainedEntry[];
}

const view = aRollout({ evidence, phase: { name: "held", step: 0, reason: "not enough evidence" } });

test("a rollback names its metric and the effect found on both sides, with its interval", () => {
  const failed: Fact = { kind: "verdict-failed", metric: "errors", reason: "5 of 100", evidence, heldMs: 1 };
  const explanation = explanationOf(view, entriesOf(failed), evidence);
  assert.equal(explanation.metric, "errors");
  assert.equal(explanation.missing, null, "nothing is missing to a verdict that was reached");
  const { difference } = explanation.effect ?? assert.fail("no effect");
  assert.ok(difference.low > 0 && difference.low < 0.04 && difference.high > 0.04);
  assert.match(
    explanationWords(explanation, "visitor")[0] ?? "",
    /5% of visitors on the release and 1% on stable, a difference of \+4 points \(95% interval \+\d/,
  );
});

test("an inconclusive step says how far its gate has come and how many visitors are missing", () => {
  const inconclusive: Fact = { kind: "step-inconclusive", step: 0, reason: "too few visitors", evidence, heldMs: 1 };
  const explanation = explanationOf(view, entriesOf(inconclusive), evidence);
  assert.ok(explanation.missing !== null && explanation.missing.canaryUnits > 0);
  const words = explanationWords(explanation, "visitor").join("\n");
  assert.match(words, /Step 1 ended without a pass: too few visitors\./);
  assert.match(
    words,
    /What is missing: The gate of step 1 .* has come to 3 of the 20 at which it passes: about [\d,]+ more scored visitors/,
  );
  const nearer = { ...evidence, metrics: [{ name: "gate" as const, eValue: 15, threshold: 20 }] };
  const later = explanationOf(view, entriesOf(inconclusive), nearer).missing;
  assert.ok(later !== null && later.canaryUnits < explanation.missing.canaryUnits, "nearer to the threshold fewer are missing");
});

test("a promotion in which the plan went on without evidence says which step showed nothing", () => {
  const continued: Fact = {
    kind: "step-ended",
    step: 0,
    why: "continued",
    evidence,
    heldMs: 1,
    words: "without statistical evidence (n = 7)",
  };
  const promoted = aRollout({ evidence, outcome: "promoted", phase: { name: "promoted", by: "plan", reason: "" } });
  const explanation = explanationOf(promoted, entriesOf(continued), evidence);
  assert.deepEqual(explanation.unproven, [{ step: 0, words: "without statistical evidence (n = 7)" }]);
});

test("the time line counts from the first entry, and without evidence there is no effect", () => {
  const explanation = explanationOf(view, entriesOf({ kind: "candidate-ready" }, { kind: "resume-requested" }), null);
  assert.deepEqual(
    explanation.timeline.map(({ atSeconds, kind }) => [atSeconds, kind]),
    [
      [0, "candidate-ready"],
      [1, "resume-requested"],
    ],
  );
  assert.equal(explanation.effect, null);
  assert.deepEqual(explanationWords(explanation, "visitor"), []);
});

test("what is missing is measured by the weight behind an approval, and of the approval itself no evidence is missing", () => {
  const steps = [
    { weight: 500, minHoldMs: 0 },
    { weight: 500, minHoldMs: 0, gate: "approval" as const },
    { weight: 5_000, minHoldMs: 0 },
  ];
  const at = (step: number) => {
    const held = aRollout({ evidence, plan: { ...view.plan, steps, harm: 0.02 }, phase: { name: "held", step, reason: "" } });
    return explanationOf(held, [], evidence).missing;
  };
  assert.match(at(0)?.words ?? "", /It is to rule out more than 4% extra/);
  assert.equal(at(1), null);
});
