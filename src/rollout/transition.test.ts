import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { desired, desiredWeight } from "./desired.ts";
import type { Fact } from "./entry.ts";
import { acknowledged, ann, evidence, failed, passed, plan, releaseNamed, Story } from "./rollout.builder.ts";
import { isEnded } from "./rollout.ts";

test("the first release goes to everyone as soon as it is ready, and says that there was nothing to compare with", () => {
  const { rollout, service } = new Story().withStable();
  assert.deepEqual(rollout.phase, { name: "promoted", by: "plan", reason: "first release, nothing to compare with" });
  assert.equal(service.stable, "a1");
  assert.equal(service.warm, null);
});

test("a good release climbs its steps, bakes beside a holdback, and is promoted when every proxy has acknowledged", () => {
  const story = new Story().exposed();
  assert.equal(desired(story.service).routing?.exposure?.weight, 500);
  story.tell(passed(0));
  assert.equal(desired(story.service).routing?.exposure?.weight, 2_500);
  story.tell(passed(1));
  assert.equal(story.rollout.phase.name, "baking");
  assert.equal(desired(story.service).routing?.exposure?.weight, 9_500);
  story.tell({ kind: "bake-ended", evidence, heldMs: 8_000 });
  assert.deepEqual(desired(story.service).routing, { stable: "b2", exposure: null, watch: null });
  assert.equal(story.service.stable, "a1");
  story.tell(acknowledged);
  assert.equal(story.rollout.phase.name, "promoted");
  assert.equal(story.service.stable, "b2");
  assert.deepEqual(desired(story.service).running, ["b2", "a1"]);
});

test("a failed verdict wants no traffic on the canary before anything else", () => {
  const { rollout, service } = new Story().exposed().tell(failed);
  assert.equal(rollout.phase.name, "aborting");
  assert.equal(desired(service).routing?.exposure, null);
  assert.deepEqual(desired(service).running, ["a1", "b2"]);
});

test("an aborted canary is not wanted any more once the routing that spares it is acknowledged", () => {
  const { rollout, service } = new Story().exposed().tell(failed, acknowledged);
  assert.deepEqual(rollout.phase, { name: "aborted", by: "verdict", reason: "3 visitors failed" });
  assert.deepEqual(desired(service).running, ["a1"]);
});

test("a step that ended without evidence is never called a pass, and the outcome is by plan", () => {
  const story = new Story().exposed();
  story.tell({
    kind: "step-ended",
    step: 0,
    why: "continued",
    evidence,
    heldMs: 10_000,
    words: "without statistical evidence (n = 7)",
  });
  story.tell(passed(1), { kind: "bake-ended", evidence, heldMs: 8_000 }, acknowledged);
  assert.equal(story.rollout.phase.name === "promoted" && story.rollout.phase.by, "plan");
});

test("an inconclusive step is held at its weight for a person, or rolled back when the plan says so", () => {
  const inconclusive: Fact = { kind: "step-inconclusive", step: 0, reason: "12 more visitors needed", evidence, heldMs: 60_000 };
  const held = new Story().exposed().tell(inconclusive);
  assert.equal(held.rollout.phase.name, "held");
  assert.equal(desiredWeight(held.rollout), 500);
  const back = new Story().exposed("b2", { onInconclusive: "rollback" }).tell(inconclusive);
  assert.equal(back.rollout.phase.name === "aborting" && back.rollout.phase.by, "plan");
});

test("a brake of an older exposure is ignored; one of the present exposure takes the weight away and can be resumed by a person", () => {
  const story = new Story().exposed();
  story.tell({ kind: "braked", by: "lease", worker: "proxy-1", exposureEpoch: story.rollout.exposureEpoch - 1 });
  assert.equal(story.rollout.phase.name, "progressing");
  story.tell({ kind: "braked", by: "lease", worker: "proxy-1", exposureEpoch: story.rollout.exposureEpoch });
  assert.equal(desiredWeight(story.rollout), 0);
  const epoch = story.rollout.exposureEpoch;
  story.tell({ kind: "brake-settled", into: "paused", reason: "the lease ran out", evidence }, { kind: "resume-requested" });
  assert.equal(story.rollout.phase.name, "progressing");
  assert.ok(story.rollout.exposureEpoch > epoch, "going on is a new entry, so the proxies' latch is open again");
});

test("a brake after which no canary came back ends the rollout by health", () => {
  const story = new Story().exposed();
  story.tell({ kind: "braked", by: "health", worker: "proxy-1", exposureEpoch: story.rollout.exposureEpoch });
  story.tell({ kind: "brake-settled", into: "aborted", reason: "none came back", evidence }, acknowledged);
  assert.deepEqual(story.rollout.phase, { name: "aborted", by: "health", reason: "none came back" });
});

test("a rollback routes to the older release, forgets the way forward, and keeps nothing warm", () => {
  const story = new Story().exposed().tell({ kind: "promote-requested", isFull: false, skipsAnalysis: true }, acknowledged);
  assert.equal(story.service.stable, "b2");
  story.tell({
    kind: "rollout-requested",
    rolloutKind: "rollback",
    target: "a1",
    plan: { ...plan, steps: [] },
    by: "person",
    reason: "looks odd",
  });
  assert.deepEqual(desired(story.service).running, ["b2", "a1"]);
  story.tell({ kind: "candidate-ready" });
  assert.equal(desired(story.service).routing?.stable, "a1");
  story.tell(acknowledged);
  assert.equal(story.service.stable, "a1");
  assert.equal(story.service.warm, null);
  assert.deepEqual(story.service.promotedBefore, ["a1"]);
  assert.deepEqual(story.service.goneBackFrom, ["b2"]);
  assert.deepEqual(desired(story.service).running, ["a1"]);
});

const anyFact: fc.Arbitrary<Fact> = fc.oneof(
  fc.constantFrom<Fact>(
    { kind: "release-built", release: releaseNamed("c3") },
    { kind: "rollout-refused", code: "BELAY_X", reason: "no", next: "mend it" },
    { kind: "candidate-ready" },
    { kind: "candidate-failed", reason: "gone" },
    failed,
    { kind: "bake-ended", evidence, heldMs: 8_000 },
    { kind: "abort-requested", reason: "no" },
    { kind: "pause-requested", reason: "wait" },
    { kind: "resume-requested" },
    { kind: "superseded", by: "shop-x" },
    acknowledged,
    { kind: "brake-settled", into: "paused", reason: "paused", evidence },
    { kind: "brake-settled", into: "aborted", reason: "gone", evidence },
  ),
  fc.integer({ min: 0, max: 2 }).map(passed),
  fc
    .record({ isFull: fc.boolean(), skipsAnalysis: fc.boolean() })
    .map((options): Fact => ({ kind: "promote-requested", ...options })),
  fc
    .integer({ min: 0, max: 40 })
    .map((exposureEpoch): Fact => ({ kind: "braked", by: "lease", worker: "proxy-1", exposureEpoch })),
);

test("property: promoted means that each step ended by a pass, a recorded continue, or a person, or that a person skipped", () => {
  fc.assert(
    fc.property(fc.array(anyFact, { maxLength: 30 }), (facts) => {
      const story = new Story().exposed().tell(...facts);
      const isSkipped = facts.some((fact) => fact.kind === "promote-requested");
      const ended = facts.filter((fact) => fact.kind === "step-ended").length;
      assert.ok(story.rollout.phase.name !== "promoted" || isSkipped || ended >= plan.steps.length);
    }),
  );
});

test("property: a rollout that has ended never changes again, and stable only changes by a promotion", () => {
  fc.assert(
    fc.property(fc.array(anyFact, { maxLength: 30 }), (facts) => {
      const story = new Story().exposed();
      for (const fact of facts) {
        const before = story.service;
        story.tell(fact);
        if (before.rollout !== null && isEnded(before.rollout)) assert.deepEqual(story.rollout, before.rollout);
        if (story.service.stable !== before.stable) assert.equal(story.rollout.phase.name, "promoted");
      }
    }),
  );
});

test("property: the weight wanted is never above the present step's, and stable always runs", () => {
  fc.assert(
    fc.property(fc.array(anyFact, { maxLength: 30 }), (facts) => {
      const story = new Story().exposed().tell(...facts);
      const { routing, running } = desired(story.service);
      const step = story.rollout.phase.name === "progressing" ? story.rollout.phase.step : null;
      if (step !== null) assert.equal(routing?.exposure?.weight, plan.steps[step]?.weight);
      assert.ok(routing !== null && running.includes(routing.stable));
      assert.ok(routing.exposure === null || running.includes(routing.exposure.canary));
    }),
  );
});

test("who asked is kept", () => {
  assert.deepEqual(new Story().exposed().rollout.requestedBy, ann);
});
