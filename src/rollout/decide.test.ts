import assert from "node:assert/strict";
import { test } from "node:test";
import { decide, describeWithoutPass, type Judgement, quietMs, type Situation } from "./decide.ts";
import { desiredWeight } from "./desired.ts";
import { evidence, passed, Story } from "./rollout.builder.ts";

const inconclusive: Judgement = {
  kind: "inconclusive",
  missing: "12 more visitors",
  pendingVisitors: 0,
  lastVisitorAtMs: null,
  meanGapMs: null,
};

const tenSeconds = 10_000;

function situation(own: Partial<Situation>): Situation {
  return { judgement: inconclusive, alarms: [], evidence, heldMs: 5_000, nowMs: 105_000, stageBeganAtMs: 100_000, ...own };
}

test("a fall outranks everything, also before the minimum hold", () => {
  const fact = decide(
    new Story().exposed().rollout,
    situation({ heldMs: 1, judgement: { kind: "fail", metric: "errors", reason: "3 failed" } }),
  );
  assert.equal(fact?.kind, "verdict-failed");
});

test("an alarm is recorded once, before a pass counts, and after that changes nothing", () => {
  const story = new Story().exposed();
  const alarms = [{ metric: "latency", onFail: "notify", reason: "slower" }] as const;
  const judgement: Judgement = { kind: "pass", reason: "rules out 2%" };
  const fact = decide(story.rollout, situation({ alarms, judgement }));
  assert.equal(fact?.kind, "metric-failed");
  if (fact?.kind === "metric-failed") story.tell(fact);
  assert.equal(story.rollout.phase.name, "progressing");
  assert.equal(decide(story.rollout, situation({ alarms, judgement }))?.kind, "step-ended");
});

test("an alarm that holds leaves the weight where it is, for a person to decide, in a step and in the bake", () => {
  const alarms = [{ metric: "assignment", onFail: "hold", reason: "no fair samples" }] as const;
  const stories = { step: new Story().exposed(), bake: new Story().exposed().tell(passed(0), passed(1)) };
  for (const [where, story] of Object.entries(stories)) {
    const before = desiredWeight(story.rollout);
    const fact = decide(story.rollout, situation({ alarms }));
    if (fact?.kind === "metric-failed") story.tell(fact);
    assert.equal(story.rollout.phase.name, "held", where);
    assert.equal(desiredWeight(story.rollout), before, where);
    assert.equal(decide(story.rollout, situation({ alarms, heldMs: 1e9 })), null, where);
    assert.equal(
      decide(story.rollout, situation({ alarms, judgement: { kind: "fail", metric: "slo", reason: "" } }))?.kind,
      "verdict-failed",
    );
    story.tell({ kind: "promote-requested", isFull: false, skipsAnalysis: false });
    assert.equal(story.rollout.phase.name, where === "step" ? "progressing" : "promoting");
  }
});

test("a passed gate waits for the minimum hold", () => {
  const { rollout } = new Story().exposed();
  const judgement: Judgement = { kind: "pass", reason: "rules out 2%" };
  assert.equal(decide(rollout, situation({ judgement, heldMs: 1_999 })), null);
  const fact = decide(rollout, situation({ judgement, heldMs: 2_000 }));
  assert.equal(fact?.kind === "step-ended" && fact.why, "passed");
});

test("a shared outage stops the way forward and blames nobody; a step that it outlasts is a person's to decide", () => {
  const judgement: Judgement = { kind: "shared-outage", reason: "both burn" };
  const { rollout } = new Story().exposed("b2", { onInconclusive: "continue" });
  assert.equal(decide(rollout, situation({ judgement, heldMs: 59_999 })), null);
  const fact = decide(rollout, situation({ judgement, heldMs: 60_000 }));
  assert.equal(fact?.kind === "step-inconclusive" && fact.reason, "at the end of the step both burn");
  const baking = new Story().exposed().tell(passed(0), passed(1));
  assert.equal(decide(baking.rollout, situation({ judgement, heldMs: 1e9 })), null);
});

test("a step without new visitors ends ten seconds after its minimum hold or its last visitor, whichever is later", () => {
  const { rollout } = new Story().exposed("b2", { onInconclusive: "continue" });
  const at = (nowMs: number, lastVisitorAtMs: number | null) =>
    decide(rollout, situation({ heldMs: nowMs - 100_000, nowMs, judgement: { ...inconclusive, lastVisitorAtMs } }))?.kind ?? null;
  assert.equal(at(102_000 + tenSeconds - 1, null), null);
  assert.equal(at(102_000 + tenSeconds, null), "step-ended");
  assert.equal(at(102_000 + tenSeconds, 110_000), null);
  assert.equal(at(110_000 + tenSeconds, 110_000), "step-ended");
});

test("where visitors come seldom a step waits twenty of their gaps, and never longer than its longest hold", () => {
  assert.equal(quietMs({ maxHoldMs: 3_600_000 }, 200), tenSeconds);
  assert.equal(quietMs({ maxHoldMs: 3_600_000 }, 5_000), 100_000);
  assert.equal(quietMs({ maxHoldMs: 60_000 }, 5_000), 60_000);
  assert.equal(quietMs({ maxHoldMs: 3_600_000, newUnitsPerSecond: 0.5 }, null), 40_000, "before anybody came");
  assert.equal(quietMs({ maxHoldMs: 3_600_000, newUnitsPerSecond: 0.1 }, null), tenSeconds, "a handful foretells nothing");
  assert.equal(quietMs({ maxHoldMs: 3_600_000, newUnitsPerSecond: 0.5 }, 100), tenSeconds, "what comes now outranks it");
  const { rollout } = new Story().exposed("b2", { onInconclusive: "continue", maxHoldMs: 3_600_000 });
  const judgement: Judgement = { ...inconclusive, lastVisitorAtMs: 110_000, meanGapMs: 2_000 };
  const at = (nowMs: number) => decide(rollout, situation({ heldMs: nowMs - 100_000, nowMs, judgement }))?.kind ?? null;
  assert.equal(at(149_999), null);
  assert.equal(at(150_000), "step-ended");
});

test("a visitor whose window is still open keeps a quiet step open, until its deadline", () => {
  const { rollout } = new Story().exposed();
  const judgement: Judgement = { ...inconclusive, pendingVisitors: 1 };
  assert.equal(decide(rollout, situation({ judgement, heldMs: 59_000, nowMs: 159_000 })), null);
  assert.equal(decide(rollout, situation({ judgement, heldMs: 60_000, nowMs: 160_000 }))?.kind, "step-inconclusive");
});

test("a held step waits for a person", () => {
  const story = new Story().exposed().tell({ kind: "step-inconclusive", step: 0, reason: "12 more", evidence, heldMs: 60_000 });
  assert.equal(decide(story.rollout, situation({ heldMs: 1e9, judgement: { kind: "pass", reason: "late" } })), null);
});

test("the bake ends by its time, and only while nothing failed", () => {
  const { rollout } = new Story().exposed().tell(passed(0), passed(1));
  assert.equal(decide(rollout, situation({ heldMs: 7_999 })), null);
  assert.equal(decide(rollout, situation({ heldMs: 8_000 }))?.kind, "bake-ended");
});

test("without a pass it is said what was ruled out, or that there is no evidence", () => {
  assert.equal(describeWithoutPass({ ...evidence, scoredVisitors: 7 }), "without statistical evidence (n = 7)");
  assert.equal(
    describeWithoutPass({ ...evidence, scoredVisitors: 25, excludedHarm: 0.1129 }),
    "25 canary visitors, none failed: more than 11% is excluded",
  );
});

test("a cohort's step ends when somebody came and nobody failed; otherwise it waits for its longest time and says why", () => {
  const steps = [{ weight: 0, minHoldMs: 2_000, cohort: "internal" }];
  const { rollout } = new Story().exposed("b2", { steps });
  const after = (visitors: number, failedVisitors: number, heldMs: number) =>
    decide(
      rollout,
      situation({ heldMs, evidence: { ...evidence, cohort: { visitors, failedVisitors, requests: 0, failedRequests: 0 } } }),
    );
  assert.equal(after(3, 0, 1_999), null);
  const ended = after(3, 0, 2_000);
  assert.equal(ended?.kind === "step-ended" && ended.why, "cohort");
  assert.equal(after(0, 0, 59_999), null);
  const empty = after(0, 0, 60_000);
  assert.equal(empty?.kind === "step-inconclusive" && empty.reason, "at the end of the step: nobody of cohort internal has come");
  assert.equal(after(3, 1, 59_999), null);
  assert.equal(after(3, 1, 60_000)?.kind, "step-inconclusive");
});

test("while a required source says nothing a step ends for a person to decide, whatever its policy, and so does the bake", () => {
  const judgement: Judgement = { ...inconclusive, missing: "the source payments is broken", waitsForSource: true };
  for (const onInconclusive of ["continue", "hold", "rollback"] as const) {
    const step = new Story().exposed("b2", { onInconclusive });
    assert.equal(decide(step.rollout, situation({ judgement, heldMs: 59_999 })), null);
    const fact = decide(step.rollout, situation({ judgement, heldMs: 60_000 }));
    assert.ok(fact?.kind === "step-inconclusive");
    assert.equal(fact.reason, "at the end of the step the source payments is broken");
    step.tell(fact);
    assert.deepEqual(step.rollout.phase, { name: "held", step: 0, reason: fact.reason });

    const bake = new Story().exposed("b2", { onInconclusive }).tell(passed(0), passed(1));
    assert.equal(decide(bake.rollout, situation({ judgement, heldMs: 8_000 })), null);
    const end = decide(bake.rollout, situation({ judgement, heldMs: 68_000 }));
    assert.ok(end?.kind === "step-inconclusive");
    bake.tell(end);
    assert.equal(bake.rollout.phase.name, "held");
    assert.equal(desiredWeight(bake.rollout), 9_500);
    bake.tell({ kind: "promote-requested", isFull: false, skipsAnalysis: false });
    assert.equal(bake.rollout.phase.name, "promoting");
  }
});
