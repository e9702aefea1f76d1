import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type ApprovalNeed,
  describeNeed,
  describeNeeds,
  isWindowPassedOver,
  needsOf,
  openAtStep,
  openBeforeStart,
} from "./approval.ts";
import type { CheckResult } from "./check-result.ts";
import { decide, decideStart } from "./decide.ts";
import { desired, desiredWeight } from "./desired.ts";
import type { Fact } from "./entry.ts";
import { evidence, passed, releaseNamed, Story } from "./rollout.builder.ts";

const now = Temporal.Instant.from("2026-01-01T00:10:00Z");
const later = "2026-01-02T00:00:00Z";
const asked: ApprovalNeed = {
  id: "environment",
  kind: "environment",
  why: "production asks for it",
  people: 1,
  from: [],
  lastsMs: 86_400_000,
};
const gate: ApprovalNeed = { ...asked, id: "gate-2", kind: "gate", why: "the plan asks for it", step: 1 };
const gated = [
  { weight: 500, minHoldMs: 0 },
  { weight: 500, minHoldMs: 0, gate: "approval" },
  { weight: 5_000, minHoldMs: 0 },
] as const;

function word(needs: readonly string[], until = later): Fact {
  return { kind: "approval-given", needs, digest: "d", plan: "p", until, commits: 1, reason: "" };
}

function failing(check: string): CheckResult {
  const evidence = { inspected: 1, tool: "belay", toolVersion: "1", inputsSha256: "", durationMs: 1 };
  return { check, status: "fail", blocks: true, summary: "", findings: [], findingCount: 1, evidence };
}

const situation = {
  judgement: { kind: "pass", reason: "" },
  alarms: [],
  evidence,
  heldMs: 5_000,
  nowMs: 0,
  stageBeganAtMs: 0,
} as const;

test("a release that waits for approval has no instance and no task, says so once, and goes on by the words that were asked for", () => {
  const story = new Story().withStable().request("b2", { needs: [{ ...asked, people: 2 }] });
  assert.deepEqual(desired(story.service).running, ["a1"]);
  const waits = decideStart(story.rollout, now);
  assert.deepEqual(waits, { kind: "approval-awaited", needs: ["environment"] });
  story.tell({ kind: "approval-awaited", needs: ["environment"] });
  assert.equal(decideStart(story.rollout, now), null);
  story.tellBy("bob", word(["environment"])).tellBy("bob", word(["environment"]));
  assert.equal(decideStart(story.rollout, now), null, "the same person twice is one person");
  story.tellBy("cleo", word(["environment"]));
  assert.deepEqual(decideStart(story.rollout, now), { kind: "start-approved" });
  assert.deepEqual(desired(story.service).running, ["a1"], "only what is recorded lets it run");
  story.tell({ kind: "start-approved" });
  assert.deepEqual(desired(story.service).running, ["a1", "b2"]);
  assert.equal(story.rollout.supervision.awaiting, null);
  assert.equal(decideStart(story.rollout, Temporal.Instant.from("2027-01-01T00:00:00Z")), null, "what began stays begun");
});

test("an approval that has expired, is of somebody else or for something else, does not count", () => {
  const story = new Story().withStable().request("b2", { needs: [{ ...asked, from: ["bob", "cleo"] }] });
  story.tellBy("bob", word(["environment"], "2026-01-01T00:09:59Z"));
  story.tellBy("dave", word(["environment"]));
  story.tellBy("cleo", word(["gate-2"]));
  assert.deepEqual(
    openBeforeStart(story.rollout, now).map(({ id }) => id),
    ["environment"],
  );
});

test("without anything asked for, nothing waits", () => {
  const story = new Story().withStable().request("b2");
  assert.equal(decideStart(story.rollout, now), null);
  assert.deepEqual(desired(story.service).running, ["a1", "b2"]);
});

test("a gate keeps the weight of the step before, however good the evidence is, and ends by its approval alone", () => {
  const story = new Story().exposed("b2", { steps: gated, needs: [gate] }).tell(passed(0));
  assert.equal(desiredWeight(story.rollout), 500);
  const open = openAtStep(story.rollout, 1, now);
  const waits = decide(story.rollout, { ...situation, heldMs: 90_000_000, open });
  assert.deepEqual(waits, { kind: "approval-awaited", needs: ["gate-2"] });
  story.tell({ kind: "approval-awaited", needs: ["gate-2"] });
  assert.equal(decide(story.rollout, { ...situation, open }), null);
  const fall = decide(story.rollout, { ...situation, open, judgement: { kind: "fail", metric: "errors", reason: "3 failed" } });
  assert.equal(fall?.kind, "verdict-failed", "the evidence still takes the release back");
  story.tellBy("bob", word(["gate-2"]));
  const ends = decide(story.rollout, { ...situation, open: openAtStep(story.rollout, 1, now) });
  assert.deepEqual(ends, { kind: "step-ended", step: 1, why: "approved", evidence, heldMs: 5_000, words: "approved by bob" });
  if (ends !== null) story.tell(ends);
  assert.deepEqual(story.rollout.phase, { name: "progressing", step: 2 });
  assert.equal(story.rollout.supervision.awaiting, null);
  assert.equal(story.rollout.earnedBy, "verdict");
});

// Goal: people take longer than any step may, and a moment's trouble in that time must not end their step for good.
test("at an approval, an outage of both sides or a source that is silent neither hides what is asked nor holds the rollout", () => {
  const story = new Story().exposed("b2", { steps: gated, needs: [gate] }).tell(passed(0));
  const outage = { kind: "shared-outage", reason: "both fail" } as const;
  const silence = { missing: "the source is broken", waitsForSource: true, pendingVisitors: 0, lastVisitorAtMs: null } as const;
  const silent = { kind: "inconclusive", meanGapMs: null, ...silence } as const;
  for (const judgement of [outage, silent]) {
    const open = openAtStep(story.rollout, 1, now);
    const waits = decide(story.rollout, { ...situation, heldMs: 90_000_000, judgement, open });
    assert.deepEqual(waits, { kind: "approval-awaited", needs: ["gate-2"] });
  }
  story.tellBy("bob", word(["gate-2"]));
  const decided = [outage, silent].map((judgement) => decide(story.rollout, { ...situation, heldMs: 90_000_000, judgement }));
  assert.equal(decided[0], null, "an outage is waited out");
  assert.equal(decided[1]?.kind, "step-ended", "the step behind it asks the source");
});

test("to pass over a check has to be approved only where the check did stop the release", () => {
  const override: ApprovalNeed = { ...asked, id: "check-tests", kind: "check", check: "tests", why: "flaky" };
  const began = () => new Story().withStable().tell({ ...requestOf({ needs: [override] }) });
  const stopped = began().tell({ kind: "preflight-ended", checks: [failing("tests")] }, built);
  assert.deepEqual(needsOf(stopped.rollout), [override]);
  const fine = began().tell({ kind: "preflight-ended", checks: [{ ...failing("tests"), blocks: false, status: "pass" }] }, built);
  assert.deepEqual(needsOf(fine.rollout), []);
  assert.equal(decideStart(fine.rollout, now), null);
});

test("closed hours are passed over by an approved word, for as long as it lasts, and hold nothing up by themselves", () => {
  const story = new Story().withStable().request("b2");
  story.tell({ kind: "override-requested", need: { ...asked, id: "window", kind: "window", why: "an outage" } });
  assert.equal(decideStart(story.rollout, now), null);
  assert.equal(isWindowPassedOver(story.rollout, now), false);
  story.tellBy("bob", word(["window"], "2026-01-01T01:00:00Z"));
  assert.equal(isWindowPassedOver(story.rollout, now), true);
  assert.equal(isWindowPassedOver(story.rollout, now.add({ hours: 1 })), false);
});

test("a way back needs nobody, whatever the plan of the release was", () => {
  const story = new Story().withStable().request("b2", { needs: [] }).tell({ kind: "abort-requested", reason: "" });
  story.tell({ kind: "routing-acknowledged", epoch: 9, tookMs: 1, evidence: null });
  const plan = { ...story.rollout.plan, needs: [asked], steps: [] };
  story.tell({ kind: "rollout-requested", rolloutKind: "rollback", target: "a1", plan, by: "person", reason: "" });
  assert.deepEqual(needsOf(story.rollout), []);
  assert.equal(decideStart(story.rollout, now), null);
});

test("a broken glass is kept until somebody has reviewed it, and the last few after that", () => {
  const story = new Story().withStable();
  for (let each = 0; each < 8; each += 1) {
    const request = requestOf({});
    const breakGlass = { reason: `fire ${each}`, skipped: ["windows"], reviewBefore: later };
    story.tell({ ...request, breakGlass });
    if (each !== 0) story.tellBy("bob", { kind: "break-glass-reviewed", words: "seen" });
  }
  const kept = story.service.breakGlasses;
  assert.deepEqual(
    kept.map(({ reason, review }) => `${reason}: ${review?.by ?? "nobody"}`),
    ["fire 0: nobody", "fire 2: bob", "fire 3: bob", "fire 4: bob", "fire 5: bob", "fire 6: bob", "fire 7: bob"],
  );
  assert.deepEqual(story.rollout.supervision.breakGlass, { reason: "fire 7", skipped: ["windows"] });
});

test("what is asked for is told in words", () => {
  assert.equal(describeNeed(asked), "1 approval: production asks for it");
  assert.equal(
    describeNeed({ ...asked, people: 2, from: ["bob", "cleo"] }),
    "2 approvals by bob or cleo: production asks for it",
  );
  const policy = { ...asked, id: "policy", why: "it loosens its own rules" };
  assert.equal(describeNeeds([asked, policy]), "1 approval: production asks for it, and it loosens its own rules");
  assert.equal(
    describeNeeds([asked, { ...policy, people: 2 }]),
    "1 approval: production asks for it; and for 2 approvals: it loosens its own rules",
  );
});

const built: Fact = { kind: "release-built", release: releaseNamed("b2") };

function requestOf(own: { readonly needs?: readonly ApprovalNeed[] }) {
  const { plan } = new Story().exposed().rollout;
  return {
    kind: "rollout-requested",
    rolloutKind: "deploy",
    commit: "c".repeat(40),
    root: "",
    isDirty: false,
    plan: { ...plan, ...own },
    forecast: "",
  } as const;
}
