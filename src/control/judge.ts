import { isHeldBack, openAtStep } from "../rollout/approval.ts";
import { decide, decideStart, exposedStage } from "../rollout/decide.ts";
import { decideBraked } from "../rollout/decide-braked.ts";
import type { RolloutFact } from "../rollout/entry.ts";
import type { ReleaseId, Rollout } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";
import type { Brake } from "../routing/wire.ts";
import type { Instance } from "../runtimes/runtime.ts";
import type { RolloutWatch } from "./rollout-watch.ts";
import { hasCopiedRoutes } from "./routing-table.ts";

/** A release without one ready instance for this long is lost. */
const lostAfterMs = 10_000;

/** A candidate whose process ended by itself this often, and that was never ready as a whole, goes round in circles. */
const exitsMax = 5;

/** How long a rollback waits for instances that do not answer, once others of its release do. */
const rollbackPatienceMs = 5_000;

/** Everything that bears on what happens next to one running rollout. */
export interface Sight {
  readonly service: Service;
  readonly rollout: Rollout;
  readonly watch: RolloutWatch;
  /** Instances of the candidate as the runtime shows them. */
  readonly candidates: readonly Instance[];
  /** The same of its shadow. */
  readonly shadows: readonly Instance[];
  /** Brakes that any worker reports for this rollout's present exposure, with the worker's name. */
  readonly brakes: readonly (Brake & { readonly worker: string })[];
  readonly brakedForMs: number;
  readonly candidateDownForMs: number;
  /** How long an instance of the candidate that was ready has not been; 0 when all that were ready are. */
  readonly candidateUnreadyForMs: number;
  /** Why the workers of the candidate do not run well, or null. They run from the bake on. */
  readonly candidateCrashLoop: string | null;
  readonly nowMs: number;
  /** Wall clock, by which approvals end. */
  readonly now: Temporal.Instant;
}

/** The next fact about a rollout that has a candidate and has not ended, or null when there is nothing new. Pure. */
export function judge(sight: Sight): RolloutFact | null {
  switch (sight.rollout.phase.name) {
    case "pending":
      return isHeldBack(sight.rollout) ? decideStart(sight.rollout, sight.now) : judgeStart(sight);
    case "progressing":
    case "held":
    case "baking":
      return judgeExposed(sight);
    case "braked":
      return judgeBraked(sight);
    default:
      return null;
  }
}

function judgeStart({ service, rollout, candidates, candidateUnreadyForMs }: Sight): RolloutFact | null {
  const run = rollout.candidate === null ? undefined : service.releases[rollout.candidate]?.run;
  const ready = readyCount(service, rollout.candidate);
  if (run !== undefined && ready >= run.instances) return { kind: "candidate-ready" };
  const failed = candidates.find((instance) => instance.state === "failed");
  // The way back is better with the instances that answer than not at all.
  const isPatienceOver = failed !== undefined || candidateUnreadyForMs >= rollbackPatienceMs;
  if (rollout.kind === "rollback" && ready > 0 && isPatienceOver) return { kind: "candidate-ready" };
  if (failed !== undefined)
    return { kind: "candidate-failed", reason: `${failed.id} did not become ready: ${firstLine(failed.reason)}` };
  const unready = candidates.find((instance) => instance.state === "unready");
  if (run !== undefined && unready !== undefined && candidateUnreadyForMs >= run.startTimeoutMs) {
    const seconds = Math.floor(candidateUnreadyForMs / 1000);
    const reason = `${unready.id} was ready once and has not answered for ${seconds} s: ${firstLine(unready.reason)}`;
    return { kind: "candidate-failed", reason };
  }
  const looping = rollout.kind === "deploy" ? candidates.find(({ exits }) => exits >= exitsMax) : undefined;
  if (looping === undefined) return null;
  return {
    kind: "candidate-failed",
    reason: `${looping.id} ended by itself ${looping.exits} times before all instances were ready`,
  };
}

function judgeExposed(sight: Sight): RolloutFact | null {
  const { service, rollout, watch, brakes, nowMs } = sight;
  const stage = exposedStage(rollout);
  if (stage === null) return null;
  const judgement = watch.verdict(stage, obstacleToCopies(sight));
  const brake = brakes[0];
  if (brake !== undefined && judgement.kind !== "fail") {
    return { kind: "braked", by: brake.by, worker: brake.worker, exposureEpoch: brake.exposureEpoch };
  }
  if (readyCount(service, rollout.candidate) === 0 && judgement.kind !== "fail") {
    // Without traffic nothing else would show it, and the next weight would send visitors to nobody.
    return sight.candidateDownForMs >= lostAfterMs
      ? { kind: "candidate-failed", reason: "no instance of the canary has been ready for 10 s" }
      : null;
  }
  if (sight.candidateCrashLoop !== null && judgement.kind !== "fail")
    return { kind: "candidate-failed", reason: sight.candidateCrashLoop };
  return decide(rollout, {
    judgement,
    alarms: watch.alarms(stage),
    evidence: watch.summary(),
    heldMs: watch.heldMs,
    nowMs,
    stageBeganAtMs: watch.beganAtMs,
    ...(stage.kind === "step" ? { open: openAtStep(rollout, stage.step, sight.now) } : {}),
  });
}

/** Why no answer of the shadow will ever be compared, however long one waits; null when one may be. */
export function obstacleToCopies({ service, rollout, shadows }: Pick<Sight, "service" | "rollout" | "shadows">): string | null {
  if (!hasCopiedRoutes(service, rollout.candidate))
    return "no route is declared free of effects by stable and the release alike, so nothing is copied";
  const failed = shadows.find(({ state }) => state === "failed");
  return failed === undefined ? null : `the shadow ${failed.id} did not become ready: ${firstLine(failed.reason)}`;
}

function judgeBraked({ service, rollout, watch, brakedForMs }: Sight): RolloutFact | null {
  if (rollout.phase.name !== "braked") return null;
  return decideBraked(rollout.phase, {
    judgement: watch.verdict(rollout.phase.resumeAt),
    evidence: watch.summary(),
    heldMs: watch.heldMs,
    brakedForMs,
    isGone: readyCount(service, rollout.candidate) === 0,
  });
}

function readyCount(service: Service, release: ReleaseId | null): number {
  return Object.values(service.instances).filter((instance) => instance.release === release && instance.isReady).length;
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}
