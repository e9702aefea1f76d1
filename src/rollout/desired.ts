import { isHeldBack } from "./approval.ts";
import { isEnded, type Position, type ReleaseId, type ReleaseTask, type Rollout, type RolloutId } from "./rollout.ts";
import type { Service } from "./service.ts";
import { shadowOf } from "./shadow.ts";
import { neededTask } from "./task.ts";

export interface DesiredExposure {
  readonly rollout: RolloutId;
  readonly canary: ReleaseId;
  /** Ten-thousandths of visitors; 0 keeps the canary known to the proxies without sending anybody. */
  readonly weight: number;
  /** Names of the cohorts whose members are on the canary whatever the weight. */
  readonly cohorts: readonly string[];
  readonly epoch: Position;
  /** Copies of this share of stable's requests go to this release's instances; null outside of a step with a shadow. */
  readonly shadow: { readonly release: ReleaseId; readonly share: number } | null;
}

export interface DesiredRouting {
  readonly stable: ReleaseId;
  readonly exposure: DesiredExposure | null;
  /** The promoted rollout whose release is still watched because the old one is warm, and the entry of its last exposure. */
  readonly watch: { readonly rollout: RolloutId; readonly epoch: Position } | null;
}

export interface Desired {
  /** Null while the service has nothing to serve. */
  readonly routing: DesiredRouting | null;
  /** Releases of which instances should run, in the order in which they matter. */
  readonly running: readonly ReleaseId[];
  /** The one release whose workers and jobs should run. */
  readonly processes: ReleaseId | null;
  /** What must be done before an instance of the candidate may start; one at a time. */
  readonly task: DesiredTask | null;
}

export interface DesiredTask {
  readonly task: ReleaseTask;
  readonly release: ReleaseId;
}

/** What the world should look like now. The loop acts on the difference to what it observes, however that difference came about. */
export function desired(service: Service): Desired {
  return { ...desiredServing(service), processes: desiredProcesses(service) };
}

/**
 * From the bake on a candidate has nearly everyone, and its workers are a part of what is proven before the rest follows; until
 * then, and whenever its traffic is taken away, the release that serves everyone runs them.
 */
function desiredProcesses({ rollout, stable }: Service): ReleaseId | null {
  const isMoved = rollout?.phase.name === "baking" || rollout?.phase.name === "promoting";
  return isMoved ? rollout.candidate : stable;
}

function desiredServing(service: Service): Omit<Desired, "processes"> {
  const { rollout } = service;
  const kept = [service.stable, service.warm?.release ?? null];
  if (rollout === null || isEnded(rollout)) return { routing: settledRouting(service), running: releases(kept), task: null };
  // What somebody has yet to approve must not run with what the environment holds.
  if (isHeldBack(rollout)) return { routing: routingOf(service, rollout), running: releases(kept), task: null };
  const task = neededTask(service);
  // Not even when it is being given up: what its task has not prepared for it, an instance must not meet.
  const running = releases(task === null ? [...kept, rollout.candidate, desiredShadow(rollout)?.release ?? null] : kept);
  const wanted = task === null || rollout.candidate === null ? null : { task, release: rollout.candidate };
  return { routing: routingOf(service, rollout), running, task: rollout.phase.name === "pending" ? wanted : null };
}

function routingOf(service: Service, rollout: Rollout): DesiredRouting | null {
  switch (rollout.phase.name) {
    case "promoting":
      // One table whose fallback is the candidate. The old release runs on: it is drained after everyone has acknowledged.
      return rollout.candidate === null ? settledRouting(service) : { stable: rollout.candidate, exposure: null, watch: null };
    case "progressing":
    case "held":
    case "baking":
    case "braked":
    case "paused":
      return exposedRouting(service, rollout);
    default:
      // Pending: nobody is routed to it yet. Aborting: it runs until the routing that spares it is acknowledged.
      return settledRouting(service);
  }
}

/** Share of visitors that a rollout wants on its canary, in ten-thousandths. */
export function desiredWeight(rollout: Rollout): number {
  switch (rollout.phase.name) {
    case "progressing":
    case "held":
      return rollout.plan.steps[rollout.phase.step]?.weight ?? rollout.plan.holdbackWeight;
    case "baking":
      return rollout.plan.holdbackWeight;
    case "promoting":
    case "promoted":
      return 10_000;
    default:
      return 0;
  }
}

/** Whoever came to the canary with a step stays there for as long as visitors are sent to it. */
function desiredCohorts({ phase, plan }: Rollout): readonly string[] {
  const reached = phase.name === "baking" ? plan.steps : "step" in phase ? plan.steps.slice(0, phase.step + 1) : [];
  return reached.flatMap(({ cohort }) => (cohort === undefined ? [] : [cohort]));
}

/** Last among what runs: it is the first to be missed by nobody. */
function desiredShadow({ phase, plan, candidate }: Rollout): DesiredExposure["shadow"] {
  if (candidate === null || (phase.name !== "progressing" && phase.name !== "held")) return null;
  const share = plan.steps[phase.step]?.shadow;
  return share === undefined ? null : { release: shadowOf(candidate), share };
}

/** Releases beside stable that somebody with a preview may see, as long as they have instances. */
export function previewable(service: Service): readonly ReleaseId[] {
  const { rollout, stable, warm } = service;
  const isShown =
    rollout !== null && !isEnded(rollout) && rollout.phase.name !== "aborting" && rollout.phase.name !== "promoting";
  return releases([isShown ? rollout.candidate : null, warm?.release ?? null]).filter((id) => id !== stable);
}

function exposedRouting(service: Service, rollout: Rollout): DesiredRouting | null {
  if (service.stable === null || rollout.candidate === null) return settledRouting(service);
  const exposure = {
    rollout: rollout.id,
    canary: rollout.candidate,
    weight: desiredWeight(rollout),
    cohorts: desiredCohorts(rollout),
    epoch: rollout.exposureEpoch,
    shadow: desiredShadow(rollout),
  };
  return { stable: service.stable, exposure, watch: null };
}

function settledRouting(service: Service): DesiredRouting | null {
  if (service.stable === null) return null;
  const watched = watchedPromotion(service);
  const watch = watched === null ? null : { rollout: watched.id, epoch: watched.exposureEpoch };
  return { stable: service.stable, exposure: null, watch };
}

/** The rollout whose release goes back to the warm one by itself when it falls. A later deploy that comes to nothing ends nothing. */
export function watchedPromotion({ promotion, warm }: Service): Rollout | null {
  return warm?.isWatched === true ? promotion : null;
}

function releases(ids: readonly (ReleaseId | null)[]): readonly ReleaseId[] {
  return [...new Set(ids.filter((id) => id !== null))];
}
