import type { RolloutFact } from "./entry.ts";
import type { EvidenceSummary } from "./evidence-summary.ts";
import type { ExposedStage, Plan, Rollout } from "./rollout.ts";

/** What the analysis says, as far as a decision needs it. The analysis room's `Verdict` is one of these. */
export type Judgement =
  | { readonly kind: "fail"; readonly metric: "errors" | "slo"; readonly reason: string }
  | { readonly kind: "shared-outage"; readonly reason: string }
  | { readonly kind: "pass"; readonly reason: string }
  | {
      readonly kind: "inconclusive";
      readonly missing: string;
      readonly pendingVisitors: number;
      readonly lastVisitorAtMs: number | null;
    };

export interface Situation {
  readonly judgement: Judgement;
  readonly evidence: EvidenceSummary;
  /** How long every proxy has been serving this stage's weight. */
  readonly heldMs: number;
  /** The caller's monotonic clock, and when the stage began on it. */
  readonly nowMs: number;
  readonly stageBeganAtMs: number;
}

/** A step ends for want of visitors when none came for this long after its minimum hold. */
export const quietMs = 10_000;

/** Where the canary has traffic, or null when it has none. */
export function exposedStage(rollout: Rollout): ExposedStage | null {
  switch (rollout.phase.name) {
    case "progressing":
    case "held":
      return { kind: "step", step: rollout.phase.step };
    case "baking":
      return { kind: "bake" };
    default:
      return null;
  }
}

/**
 * What follows from the evidence now, or null to go on watching. `fail` outranks everything. A shared outage stops the
 * way forward and blames nobody.
 */
export function decide(rollout: Rollout, situation: Situation): RolloutFact | null {
  const { judgement, evidence, heldMs } = situation;
  const stage = exposedStage(rollout);
  if (stage === null) return null;
  if (judgement.kind === "fail")
    return { kind: "verdict-failed", metric: judgement.metric, reason: judgement.reason, evidence, heldMs };
  if (rollout.phase.name === "held") return null;
  if (judgement.kind === "shared-outage") return waitOutOutage(rollout, stage, situation, judgement.reason);
  if (stage.kind === "bake") return heldMs >= rollout.plan.bakeMs ? { kind: "bake-ended", evidence, heldMs } : null;
  const minHoldMs = rollout.plan.steps[stage.step]?.minHoldMs ?? 0;
  if (heldMs < minHoldMs) return null;
  if (judgement.kind === "pass")
    return { kind: "step-ended", step: stage.step, why: "passed", evidence, heldMs, words: judgement.reason };
  return isOver(rollout.plan, situation, minHoldMs) ? endInconclusive(rollout, stage.step, situation, judgement.missing) : null;
}

/** A step that an outage outlasts ends for a person to decide; a bake goes on, since there everything but the holdback is on the candidate already. */
function waitOutOutage(
  rollout: Rollout,
  stage: ExposedStage,
  { evidence, heldMs }: Situation,
  outage: string,
): RolloutFact | null {
  if (stage.kind !== "step" || heldMs < rollout.plan.maxHoldMs) return null;
  return { kind: "step-inconclusive", step: stage.step, reason: `at the end of the step ${outage}`, evidence, heldMs };
}

function isOver(plan: Plan, { judgement, heldMs, nowMs, stageBeganAtMs }: Situation, minHoldMs: number): boolean {
  if (heldMs >= plan.maxHoldMs) return true;
  if (judgement.kind !== "inconclusive" || judgement.pendingVisitors > 0) return false;
  const quietSinceMs = Math.max(judgement.lastVisitorAtMs ?? 0, stageBeganAtMs + minHoldMs);
  return nowMs - quietSinceMs >= quietMs;
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
  return { kind: "step-ended", step, why: "continued", evidence, heldMs, words: describeWithoutPass(evidence) };
}

/** What may be said of a step that no gate passed: the harm that was ruled out, never a pass. */
export function describeWithoutPass(evidence: EvidenceSummary): string {
  const { scoredVisitors, failedScoredVisitors, excludedHarm } = evidence;
  if (scoredVisitors < 10) return `without statistical evidence (n = ${scoredVisitors})`;
  return `${scoredVisitors} canary visitors, ${failedScoredVisitors === 0 ? "none" : failedScoredVisitors} failed: more than ${(excludedHarm * 100).toPrecision(2)} % is excluded`;
}
