import type { CheckResult } from "./check-result.ts";
import type { RolloutFact, StepEnd } from "./entry.ts";
import type { EvidenceSummary } from "./evidence-summary.ts";
import { superviseAfter } from "./fold-supervision.ts";
import type { BrakeCause, ExposedStage, OutcomeBy, Phase, Position, Rollout } from "./rollout.ts";

/** A fact with where and when it stands in the ledger. */
export interface Placed {
  readonly position: Position;
  /** Wall clock, ISO 8601. */
  readonly at: string;
  /** Name of the actor. */
  readonly by: string;
  readonly fact: RolloutFact;
}

/**
 * The only place a rollout changes. Pure: replaying the ledger reaches the state that the first run was in. A fact that
 * the present phase does not know (an acknowledgement that came late, say) changes nothing.
 */
export function transition(rollout: Rollout, placed: Placed): Rollout {
  const { fact } = placed;
  const next = withEvidence(rollout, fact);
  switch (rollout.phase.name) {
    case "promoted":
    case "aborted":
    case "refused":
    case "superseded":
      return rollout;
    default:
      break;
  }
  if (fact.kind === "superseded") return end(next, { name: "superseded", reason: `replaced by ${fact.by}` }, placed.at);
  if (fact.kind === "abort-requested") return abort(next, "person", fact.reason);
  switch (fact.kind) {
    case "approval-awaited":
    case "approval-given":
    case "override-requested":
    case "start-approved":
      return { ...next, supervision: superviseAfter(next.supervision, placed.at, placed.by, fact) };
    default:
      break;
  }
  switch (rollout.phase.name) {
    case "pending":
      return whilePending(next, placed);
    case "progressing":
    case "held":
      return whileExposed(next, stageAt(rollout, rollout.phase.step), placed);
    case "baking":
      return whileExposed(next, { kind: "bake" }, placed);
    case "braked":
      return whileBraked(next, rollout.phase, placed);
    case "paused":
      return whilePaused(next, rollout.phase, placed);
    case "promoting":
      if (fact.kind !== "routing-acknowledged") return next;
      return end(next, { name: "promoted", by: rollout.phase.by, reason: rollout.phase.reason }, placed.at);
    case "aborting":
      if (fact.kind !== "routing-acknowledged") return next;
      return end(next, { name: "aborted", by: rollout.phase.by, reason: rollout.phase.reason }, placed.at);
  }
}

function whilePending(rollout: Rollout, { fact, position, at }: Placed): Rollout {
  switch (fact.kind) {
    case "preflight-ended":
      return { ...rollout, checks: fact.checks };
    case "staging-checked":
      return { ...rollout, checks: withResults(rollout.checks ?? [], fact.checks) };
    case "release-built":
      return { ...rollout, candidate: fact.release.id };
    case "task-ended":
      return fact.end === "succeeded" || fact.release !== rollout.candidate
        ? rollout
        : end(rollout, refusedBy(fact, rollout), at);
    case "rollout-refused":
      return end(rollout, { name: "refused", code: fact.code, reason: fact.reason, next: fact.next }, at);
    case "candidate-failed":
      // Nothing was ever routed to it, so there is nothing to acknowledge.
      return end(rollout, { name: "aborted", by: "health", reason: fact.reason }, at);
    case "candidate-ready":
      if (rollout.kind === "rollback") return promote(rollout, rollout.earnedBy, "went back to a release that served before");
      if (rollout.stable === null) return promote(rollout, "plan", "first release, nothing to compare with");
      if (rollout.attests === true) return promote(rollout, "plan", "ready where another environment comes after");
      return enter(rollout, stageAt(rollout, 0), position);
    default:
      return rollout;
  }
}

/** What was seen later stands for what was known before. */
function withResults(before: readonly CheckResult[], later: readonly CheckResult[]): readonly CheckResult[] {
  const names = later.map(({ check }) => check);
  return [...before.filter(({ check }) => !names.includes(check)), ...later];
}

/** Nothing of the release runs yet, and nobody was routed to it. */
function refusedBy({ task, end: why, how, ranMs }: RolloutFact & { kind: "task-ended" }, { service }: Rollout): Phase {
  const seconds = Math.round(ranMs / 1000);
  if (why === "timed-out") {
    return {
      name: "refused",
      code: "BELAY_TASK_TIMED_OUT",
      reason: `the task ${task} was ended after ${seconds} s, because its timeout was over`,
      next: `Run \`belay logs ${service} --task ${task}\` to see how far it came, give it a longer timeout or less to do, and deploy again.`,
    };
  }
  return {
    name: "refused",
    code: "BELAY_TASK_FAILED",
    reason: `the task ${task} failed after ${seconds} s: ${how}`,
    next: `Run \`belay logs ${service} --task ${task}\` to see what it wrote. Mend it so that it can run again after half of its work, commit, and deploy again.`,
  };
}

function whileExposed(rollout: Rollout, stage: ExposedStage, { fact, position }: Placed): Rollout {
  switch (fact.kind) {
    case "step-ended": {
      if (stage.kind !== "step" || fact.step !== stage.step) return rollout;
      const next = stageAt(rollout, stage.step + 1);
      return enter({ ...rollout, earnedBy: earnedBy(rollout.earnedBy, fact.why) }, next, position);
    }
    case "step-inconclusive": {
      const step = stage.kind === "step" ? stage.step : rollout.plan.steps.length;
      if (fact.step !== step) return rollout;
      if (rollout.plan.onInconclusive === "rollback" && fact.why !== "source") return abort(rollout, "plan", fact.reason);
      return { ...rollout, phase: { name: "held", step, reason: fact.reason } };
    }
    case "verdict-failed":
      return abort(rollout, "verdict", fact.reason);
    case "metric-failed": {
      const known = { ...rollout, alarms: [...rollout.alarms, fact.metric] };
      if (fact.onFail === "notify") return known;
      const step = stage.kind === "step" ? stage.step : rollout.plan.steps.length;
      return { ...known, phase: { name: "held", step, reason: fact.reason } };
    }
    case "candidate-failed":
      return abort(rollout, "health", fact.reason);
    case "bake-ended":
      return stage.kind === "bake" ? promote(rollout, rollout.earnedBy, earnedWords(rollout)) : rollout;
    case "braked":
      return fact.exposureEpoch === rollout.exposureEpoch
        ? { ...rollout, phase: { name: "braked", resumeAt: stage, by: fact.by, reason: brakeWords[fact.by] } }
        : rollout;
    case "promote-requested":
      if (fact.skipsAnalysis) return promote(rollout, "person", "a person skipped what was left of the analysis");
      if (stage.kind === "bake") return promote(rollout, "person", "a person ended the bake");
      return enter(
        { ...rollout, earnedBy: "person" },
        fact.isFull ? { kind: "bake" } : stageAt(rollout, stage.step + 1),
        position,
      );
    case "pause-requested":
      return { ...rollout, phase: { name: "paused", resumeAt: stage, reason: fact.reason } };
    default:
      return rollout;
  }
}

function whileBraked(rollout: Rollout, phase: Phase & { name: "braked" }, { fact }: Placed): Rollout {
  switch (fact.kind) {
    case "verdict-failed":
      return abort(rollout, "verdict", fact.reason);
    case "brake-settled":
      return fact.into === "aborted"
        ? abort(rollout, phase.by, fact.reason)
        : { ...rollout, phase: { name: "paused", resumeAt: phase.resumeAt, reason: fact.reason } };
    default:
      return rollout;
  }
}

function whilePaused(rollout: Rollout, phase: Phase & { name: "paused" }, { fact, position }: Placed): Rollout {
  switch (fact.kind) {
    case "resume-requested":
      return enter(rollout, phase.resumeAt, position);
    case "promote-requested":
      return fact.skipsAnalysis ? promote(rollout, "person", "a person skipped what was left of the analysis") : rollout;
    case "verdict-failed":
      return abort(rollout, "verdict", fact.reason);
    case "candidate-failed":
      return abort(rollout, "health", fact.reason);
    default:
      return rollout;
  }
}

/** The stage of a step's index; behind the last step comes the bake. */
export function stageAt(rollout: Pick<Rollout, "plan">, step: number): ExposedStage {
  return step < rollout.plan.steps.length ? { kind: "step", step } : { kind: "bake" };
}

function enter(rollout: Rollout, stage: ExposedStage, position: Position): Rollout {
  const phase: Phase = stage.kind === "bake" ? { name: "baking" } : { name: "progressing", step: stage.step };
  const supervision = { ...rollout.supervision, awaiting: null };
  return { ...rollout, phase, supervision, exposureEpoch: position };
}

function promote(rollout: Rollout, by: OutcomeBy, reason: string): Rollout {
  return { ...rollout, phase: { name: "promoting", by, reason } };
}

function abort(rollout: Rollout, by: OutcomeBy, reason: string): Rollout {
  return rollout.phase.name === "aborting" ? rollout : { ...rollout, phase: { name: "aborting", by, reason } };
}

function end(rollout: Rollout, phase: Phase, at: string): Rollout {
  return { ...rollout, phase, endedAt: at };
}

function withEvidence(rollout: Rollout, fact: RolloutFact): Rollout {
  const evidence: EvidenceSummary | null = "evidence" in fact ? fact.evidence : null;
  return evidence === null ? rollout : { ...rollout, evidence };
}

function earnedBy(before: OutcomeBy, why: StepEnd): OutcomeBy {
  if (why === "person" || before === "person") return "person";
  return why === "continued" ? "plan" : before;
}

function earnedWords(rollout: Rollout): string {
  switch (rollout.earnedBy) {
    case "verdict":
      return `every gate passed: more than ${percent(rollout.plan.harm)} extra failing ${rollout.plan.evidence ?? "visitor"}s is ruled out`;
    case "person":
      return "a person ended at least one step; the bake showed no fall";
    default:
      return "the plan went on without full evidence; the bake showed no fall";
  }
}

const brakeWords: { readonly [by in BrakeCause]: string } = {
  lease: "the lease ran out: nobody renewed the canary's right to traffic",
  health: "every instance of the canary refused or reset its connections",
  budget: "the canary failed more requests than stable may answer in its place",
};

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(3))}%`;
}
