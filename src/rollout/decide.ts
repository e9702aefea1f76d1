import { type ApprovalNeed, isHeldBack, needsOf, openBeforeStart } from "./approval.ts";
import type { RolloutFact } from "./entry.ts";
import type { EvidenceSummary, FailingMetric, Mismatch } from "./evidence-summary.ts";
import type { ExposedStage, Plan, Rollout, Unit } from "./rollout.ts";
import { stageAt } from "./transition.ts";

/** What the analysis says, as far as a decision needs it. The analysis room's `Verdict` is one of these. */
export type Judgement =
  | { readonly kind: "fail"; readonly metric: FailingMetric; readonly reason: string }
  | { readonly kind: "shared-outage"; readonly reason: string }
  | { readonly kind: "pass"; readonly reason: string }
  | {
      readonly kind: "inconclusive";
      readonly missing: string;
      /** Waiting would bring nothing. */
      readonly cannotBe?: true;
      readonly pendingVisitors: number;
      readonly lastVisitorAtMs: number | null;
      readonly waitsForSource?: boolean;
      readonly meanGapMs: number | null;
    };

/** Something failed that does not take the release back. */
export interface Alarm {
  readonly metric: FailingMetric | Mismatch;
  readonly onFail: "hold" | "notify";
  readonly reason: string;
}

export interface Situation {
  readonly judgement: Judgement;
  readonly alarms: readonly Alarm[];
  /** Read only for what is recorded, so that a caller may count it then. */
  readonly evidence: EvidenceSummary;
  /** How long every proxy has been serving this stage's weight. */
  readonly heldMs: number;
  /** The caller's monotonic clock, and when the stage began on it. */
  readonly nowMs: number;
  readonly stageBeganAtMs: number;
  /** What is still to be approved at the present step; nothing when absent. */
  readonly open?: readonly ApprovalNeed[];
}

const quietMsLeast = 10_000;
/** By chance a gap is so many times the mean one in one of 500 million: not within a step. */
const quietGaps = 20;
/** Fewer visitors than this in the minute before the start say nothing of when the next one comes. */
const foretellingPerSecond = 0.5;

/**
 * A step ends for want of visitors when none came for this long after its minimum hold. Where they come seldom, a long gap is
 * no news. `meanGapMs` null: too few have come in this rollout, and what was measured before it counts if it was something.
 */
export function quietMs(plan: Pick<Plan, "newUnitsPerSecond" | "maxHoldMs">, meanGapMs: number | null): number {
  const { newUnitsPerSecond = 0, maxHoldMs } = plan;
  const gapMs = meanGapMs ?? (newUnitsPerSecond >= foretellingPerSecond ? 1_000 / newUnitsPerSecond : 0);
  return Math.min(maxHoldMs, Math.max(quietMsLeast, quietGaps * gapMs));
}

/** Where the canary has traffic, or null when it has none. */
export function exposedStage(rollout: Rollout): ExposedStage | null {
  switch (rollout.phase.name) {
    case "progressing":
    case "held":
      return stageAt(rollout, rollout.phase.step);
    case "baking":
      return { kind: "bake" };
    default:
      return null;
  }
}

/**
 * What follows from the evidence now, or null to go on watching. In strict order: a failure takes the release back; an alarm
 * is recorded, once, and may hold it; a shared outage stops the way forward and blames nobody; a pass ends the step; and
 * when its time is over the step is inconclusive.
 */
export function decide(rollout: Rollout, situation: Situation): RolloutFact | null {
  const { judgement, heldMs } = situation;
  const stage = exposedStage(rollout);
  if (stage === null) return null;
  if (judgement.kind === "fail")
    return { kind: "verdict-failed", metric: judgement.metric, reason: judgement.reason, evidence: situation.evidence, heldMs };
  const alarm = situation.alarms.find(({ metric }) => !rollout.alarms.includes(metric));
  if (alarm !== undefined) return { kind: "metric-failed", ...alarm, evidence: situation.evidence, heldMs };
  if (rollout.phase.name === "held") return null;
  if (stage.kind === "step" && rollout.plan.steps[stage.step]?.gate !== undefined)
    return endApproval(rollout, stage.step, situation);
  if (judgement.kind === "shared-outage") return waitOutOutage(rollout, stage, situation, judgement.reason);
  if (judgement.kind === "inconclusive" && judgement.waitsForSource === true)
    return waitForSource(rollout, stage, situation, judgement.missing);
  if (stage.kind === "bake")
    return heldMs >= rollout.plan.bakeMs ? { kind: "bake-ended", evidence: situation.evidence, heldMs } : null;
  const { minHoldMs = 0, cohort, shadow } = rollout.plan.steps[stage.step] ?? {};
  // What can never be compared is not waited for: whoever is to be asked is asked now. A step that goes on by itself keeps its hold.
  const isInVain = judgement.kind === "inconclusive" && judgement.cannotBe === true && rollout.plan.onInconclusive !== "continue";
  if (heldMs < minHoldMs && !(shadow !== undefined && isInVain)) return null;
  if (cohort !== undefined) return endCohort(rollout, { step: stage.step, cohort }, situation);
  if (shadow !== undefined) return endShadow(rollout, stage.step, situation);
  if (judgement.kind === "pass")
    return { kind: "step-ended", step: stage.step, why: "passed", evidence: situation.evidence, heldMs, words: judgement.reason };
  return isOver(rollout.plan, situation, minHoldMs) ? endInconclusive(rollout, stage.step, situation, judgement.missing) : null;
}

/**
 * What follows for a rollout of which nothing runs before somebody approves it: null while they have not, and when nobody has to.
 * That it waits is recorded once for what it waits for.
 */
export function decideStart(rollout: Rollout, now: Temporal.Instant): RolloutFact | null {
  if (!isHeldBack(rollout)) return null;
  const open = openBeforeStart(rollout, now);
  return open.length === 0 ? { kind: "start-approved" } : awaitApproval(rollout, open);
}

/**
 * The step is people's word alone: the evidence may still take the release back, and never ends it. It has no longest time, so that
 * an outage or a silent source holds nobody up who has yet to say a word; while an outage lasts, what is approved waits for its end.
 */
function endApproval(rollout: Rollout, step: number, { judgement, open = [], evidence, heldMs }: Situation): RolloutFact | null {
  if (open.length > 0) return awaitApproval(rollout, open);
  if (judgement.kind === "shared-outage") return null;
  const own = new Set(needsOf(rollout).flatMap(({ id, step: gate }) => (gate === step ? id : [])));
  const given = rollout.supervision.approvals.filter(({ needs }) => needs.some((id) => own.has(id)));
  const approvers = [...new Set(given.map(({ by }) => by))];
  const words = approvers.length === 0 ? "nobody is asked" : `approved by ${approvers.join(" and ")}`;
  return { kind: "step-ended", step, why: "approved", evidence, heldMs, words };
}

function awaitApproval({ supervision: { awaiting } }: Rollout, open: readonly ApprovalNeed[]): RolloutFact | null {
  const needs = open.map(({ id }) => id);
  const isKnown = awaiting !== null && awaiting.needs.length === needs.length && needs.every((id) => awaiting.needs.includes(id));
  return isKnown ? null : { kind: "approval-awaited", needs };
}

/**
 * Members of a cohort are not drawn, so that they show no harm by any test of chance: their step ends when somebody came and
 * nobody failed. Where nobody came, or somebody failed and it was not enough for a verdict, its longest time is waited for.
 */
function endCohort(
  rollout: Rollout,
  { step, cohort }: { readonly step: number; readonly cohort: string },
  situation: Situation,
): RolloutFact | null {
  const { evidence, heldMs } = situation;
  const { visitors, failedVisitors } = evidence.cohort ?? { visitors: 0, failedVisitors: 0 };
  const words = describeCohort(cohort, { visitors, failedVisitors });
  if (visitors > 0 && failedVisitors === 0) return { kind: "step-ended", step, why: "cohort", evidence, heldMs, words };
  if (heldMs < rollout.plan.maxHoldMs) return null;
  if (rollout.plan.onInconclusive === "continue") return { kind: "step-ended", step, why: "continued", evidence, heldMs, words };
  return { kind: "step-inconclusive", step, reason: `at the end of the step: ${words}`, evidence, heldMs };
}

/** Enough answers were compared, or nothing can be, or its longest time is over. */
function endShadow(rollout: Rollout, step: number, { judgement, evidence, heldMs }: Situation): RolloutFact | null {
  if (judgement.kind === "pass") return { kind: "step-ended", step, why: "shadow", evidence, heldMs, words: judgement.reason };
  if (judgement.kind !== "inconclusive") return null;
  if (judgement.cannotBe !== true && heldMs < rollout.plan.maxHoldMs) return null;
  const words = judgement.missing;
  if (rollout.plan.onInconclusive === "continue") return { kind: "step-ended", step, why: "continued", evidence, heldMs, words };
  return { kind: "step-inconclusive", step, reason: `at the end of the step: ${words}`, evidence, heldMs };
}

/** What may be said of a cohort: who came and how it went for them, never how it would go for others. */
export function describeCohort(
  cohort: string,
  { visitors, failedVisitors }: { readonly visitors: number; readonly failedVisitors: number },
): string {
  if (visitors === 0) return `nobody of cohort ${cohort} has come`;
  const came = visitors === 1 ? "1 visitor" : `${visitors} visitors`;
  return `${came} of cohort ${cohort} came, ${failedVisitors === 0 ? "none" : failedVisitors} failed`;
}

/** A step that an outage outlasts ends for a person to decide; a bake goes on, since there everything but the holdback is on the candidate already. */
function waitOutOutage(rollout: Rollout, stage: ExposedStage, situation: Situation, outage: string): RolloutFact | null {
  const { heldMs } = situation;
  if (stage.kind !== "step" || heldMs < rollout.plan.maxHoldMs) return null;
  const reason = `at the end of the step ${outage}`;
  return { kind: "step-inconclusive", step: stage.step, reason, evidence: situation.evidence, heldMs };
}

/**
 * While a required source says nothing, a step ends for a person to decide, whatever the plan says of steps without evidence, and so
 * does a bake: a source that is broken is no reason to go on, and none to go back. A cohort's step has no source, and approvals need none.
 */
function waitForSource(rollout: Rollout, stage: ExposedStage, situation: Situation, missing: string): RolloutFact | null {
  const { heldMs, evidence } = situation;
  const { bakeMs, maxHoldMs, steps } = rollout.plan;
  if (heldMs < (stage.kind === "bake" ? bakeMs + maxHoldMs : maxHoldMs)) return null;
  const step = stage.kind === "bake" ? steps.length : stage.step;
  return { kind: "step-inconclusive", step, why: "source", reason: `at the end of the step ${missing}`, evidence, heldMs };
}

function isOver(plan: Plan, { judgement, heldMs, nowMs, stageBeganAtMs }: Situation, minHoldMs: number): boolean {
  if (heldMs >= plan.maxHoldMs) return true;
  if (judgement.kind !== "inconclusive" || judgement.pendingVisitors > 0) return false;
  const quietSinceMs = Math.max(judgement.lastVisitorAtMs ?? 0, stageBeganAtMs + minHoldMs);
  return nowMs - quietSinceMs >= quietMs(plan, judgement.meanGapMs);
}

function endInconclusive(rollout: Rollout, step: number, { evidence, heldMs }: Situation, missing: string): RolloutFact {
  if (rollout.plan.onInconclusive !== "continue") {
    return {
      kind: "step-inconclusive",
      step,
      reason: `not enough evidence at the end of the step: ${missing}`,
      evidence,
      heldMs,
    };
  }
  return {
    kind: "step-ended",
    step,
    why: "continued",
    evidence,
    heldMs,
    words: describeWithoutPass(evidence, rollout.plan.evidence),
  };
}

/** What may be said of a step that no gate passed: the harm that was ruled out, never a pass. */
export function describeWithoutPass(evidence: EvidenceSummary, unit: Unit = "visitor"): string {
  const { scoredVisitors, failedScoredVisitors, excludedHarm } = evidence;
  if (scoredVisitors < 10) return `without statistical evidence (n = ${scoredVisitors})`;
  return `${scoredVisitors} canary ${unit}s, ${failedScoredVisitors === 0 ? "none" : failedScoredVisitors} failed: more than ${(excludedHarm * 100).toPrecision(2)}% is excluded`;
}
