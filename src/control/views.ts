import type { Verdict } from "../analysis/verdict.ts";
import { describeInstant } from "../preflight/windows.ts";
import { isWindowPassedOver } from "../rollout/approval.ts";
import { openingAt } from "../rollout/calendar.ts";
import { exposedStage } from "../rollout/decide.ts";
import { desiredWeight } from "../rollout/desired.ts";
import { isEnded, type OutcomeBy, type Release, type ReleaseId, type Rollout } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";
import { shadowOf } from "../rollout/shadow.ts";
import { neededTask, type OpenAttempt, openAttempt } from "../rollout/task.ts";
import type { ControlLoop } from "./control-loop.ts";
import type { ServiceView } from "./control-plane.ts";
import { sumHeld, sumWithoutClient } from "./front-sums.ts";
import { obstacleToCopies } from "./judge.ts";
import { viewPreviews } from "./preview-views.ts";
import { viewProcesses } from "./process-views.ts";
import type { RolloutView, StagingView } from "./rollout-view.ts";
import { askAboutTask } from "./run-commands.ts";
import { budgetLeft } from "./slo.ts";
import { stagedOf } from "./staging.ts";
import { heldByPeople, viewSupervision } from "./supervision-views.ts";
import type { NumbersOfWorker } from "./worker-numbers.ts";
import type { World } from "./world.ts";

const shownAttempts = 5;

interface Outcome {
  readonly outcome: RolloutView["outcome"];
  readonly by: RolloutView["by"];
  readonly reason: string;
  readonly next: string;
}

/** A rollout as people and scripts are shown it. */
export function viewRollout(rollout: Rollout, loop: ControlLoop, clock: World["clock"]): RolloutView {
  const watch = loop.evidence.find(rollout.id);
  const evidence = isEnded(rollout) ? rollout.evidence : (watch?.summary() ?? rollout.evidence);
  const waitedFor = taskWaitedFor(rollout, loop);
  const stage = exposedStage(rollout);
  const verdict = stage === null ? undefined : watch?.verdict(stage, obstacleOf(rollout, loop));
  const endMs =
    rollout.endedAt === null ? clock.now().epochMilliseconds : Temporal.Instant.from(rollout.endedAt).epochMilliseconds;
  return {
    rollout: rollout.id,
    service: rollout.service,
    environment: rollout.environment,
    kind: rollout.kind,
    release: rollout.candidate,
    stable: rollout.stable,
    phase: rollout.phase,
    plan: rollout.plan,
    forecast: rollout.forecast,
    ...(waitedFor?.state === "unknown"
      ? heldByTask(rollout, waitedFor)
      : (heldByPeople(rollout, clock.now()) ?? outcomeOf(rollout))),
    seconds: Math.max(0, endMs - Temporal.Instant.from(rollout.requestedAt).epochMilliseconds) / 1000,
    weight: desiredWeight(rollout),
    heldMs: stage === null ? 0 : Math.round(watch?.heldMs ?? 0),
    canaryRequests: evidence?.canary.requests ?? 0,
    canaryErrors: evidence?.canary.failedRequests ?? 0,
    harmed: evidence?.harmedRequests ?? 0,
    harmedVisitors: evidence?.harmedVisitors ?? 0,
    shielded: evidence?.shieldedRequests ?? 0,
    unitsCanary: evidence?.canary.visitors ?? 0,
    failedRequests: (evidence?.canary.failedRequests ?? 0) + (evidence?.stable.failedRequests ?? 0),
    evidence,
    verdict: [
      waitWords(rollout, clock.now()),
      loop.workWords(rollout),
      verdict === undefined ? "" : verdictWords(verdict, rollout),
    ]
      .filter((words) => words !== "")
      .join("; "),
    checks: rollout.checks ?? [],
    lastLines: lastLinesOf(rollout, loop),
    task: waitedFor === null ? null : { name: waitedFor.task, state: waitedFor.state },
    staging: viewStaging(rollout, loop),
    judgement: rollout.judgement ?? null,
    supervision: viewSupervision(rollout, loop.journal.deployments.find(rollout.environment, rollout.service), clock.now()),
  };
}

function obstacleOf(rollout: Rollout, loop: ControlLoop): string | null {
  const service = loop.journal.deployments.find(rollout.environment, rollout.service);
  if (service === undefined || rollout.candidate === null) return null;
  return obstacleToCopies({ service, rollout, shadows: loop.instances.of(service, shadowOf(rollout.candidate)) });
}

function verdictWords(verdict: Verdict, { phase, plan }: Rollout): string {
  // A step that ends by people's word is asked about no evidence that lets it end.
  const isApproval = "step" in phase && plan.steps[phase.step]?.gate !== undefined;
  if (isApproval && (verdict.kind === "inconclusive" || verdict.kind === "pass")) return "";
  return verdict.kind === "inconclusive" ? verdict.missing : verdict.reason;
}

/** Why a rollout that could go on does not: no window is open. */
function waitWords(rollout: Rollout, now: Temporal.Instant): string {
  const { plan, phase } = rollout;
  const { calendar } = plan;
  if (calendar === undefined || isWindowPassedOver(rollout, now) || !["pending", "progressing", "baking"].includes(phase.name))
    return "";
  const opening = openingAt(calendar, now);
  if (opening.isOpen) return "";
  const when = opening.opensAt === null ? "at no time of the next year" : `at ${describeInstant(calendar, opening.opensAt)}`;
  return `no step further now: ${opening.why}; the next is possible ${when}`;
}

export function viewService(
  service: Service,
  {
    loop,
    clock,
    numbers,
  }: { readonly loop: ControlLoop; readonly clock: World["clock"]; readonly numbers: readonly NumbersOfWorker[] },
): ServiceView {
  const nowMs = clock.monotonicMs();
  const minute = loop.evidence.traffic.lastMinute(service.environment, service.name, nowMs);
  return {
    service: service.name,
    environment: service.environment,
    stable: releaseOf(service, service.stable),
    warm: releaseOf(service, service.warm?.release ?? null),
    rollout: service.rollout === null ? null : viewRollout(service.rollout, loop, clock),
    instances: loop.instances.all.filter(
      (instance) => instance.service === service.name && instance.environment === service.environment,
    ),
    processes: viewProcesses(service, loop.background.workers, clock.now()),
    requestsLastMinute: minute.requests,
    failuresLastMinute: minute.failed,
    newVisitorsLastMinute: minute.newVisitors,
    budget: budgetLeft(service, loop.evidence.traffic, nowMs),
    burning: burningOf(service, loop, nowMs),
    breakGlasses: service.breakGlasses,
    maintenance: service.maintenance,
    tasks: service.tasks.attempts.slice(-shownAttempts),
    runs: service.oneOffs.runs.filter(({ end }) => end === null),
    previews: viewPreviews(service, loop.journal.deployments.previewKeys, clock.now()),
    held: sumHeld(numbers, service),
    withoutClient: sumWithoutClient(numbers, service),
    previewRefusals: loop.workerNumbers.previewRefusals.of(service),
  };
}

/** In which windows the service's error budget burns too fast, by the objective of what serves. */
export function burningOf(service: Service, loop: ControlLoop, nowMs: number): ServiceView["burning"] {
  const availability = (service.promotion ?? service.rollout)?.plan.sloAvailability ?? 0.999;
  return loop.evidence.traffic.burning(service.environment, service.name, { availability, nowMs });
}

/** The open attempt at a task, when it is what keeps the rollout from going on. */
function taskWaitedFor({ id, phase, environment, service: name }: Rollout, loop: ControlLoop): OpenAttempt | null {
  const service = loop.journal.deployments.find(environment, name);
  if (service === undefined || service.rollout?.id !== id || phase.name !== "pending" || neededTask(service) === null)
    return null;
  return openAttempt(service);
}

function heldByTask({ service }: Rollout, { task, release, how }: OpenAttempt): Outcome {
  const reason = `nobody knows whether the task ${task} of ${release} did its work: ${how}`;
  return { outcome: "held", by: null, reason, next: askAboutTask(service, task) };
}

function outcomeOf({ id, phase, service }: Rollout): Outcome {
  switch (phase.name) {
    case "promoted":
    case "aborted":
      return {
        outcome: phase.name,
        by: phase.by,
        reason: phase.reason,
        next: phase.name === "aborted" ? nextAfterAbort(phase.by, { id, service }) : "",
      };
    case "refused":
      return { outcome: "refused", by: "plan", reason: phase.reason, next: phase.next };
    case "superseded":
      return { outcome: "superseded", by: "person", reason: phase.reason, next: "" };
    case "held":
      return {
        outcome: "held",
        by: "plan",
        reason: phase.reason,
        next: `Run \`belay promote ${service}\` to go on without the evidence, or \`belay abort ${service}\`.`,
      };
    case "paused":
      return {
        outcome: "held",
        by: null,
        reason: phase.reason,
        next: `Run \`belay resume ${service}\` to go on, or \`belay abort ${service}\`.`,
      };
    case "promoting":
    case "aborting":
      return { outcome: null, by: phase.by, reason: phase.reason, next: "" };
    case "braked":
      return { outcome: null, by: phase.by, reason: phase.reason, next: "" };
    default:
      return { outcome: null, by: null, reason: "", next: "" };
  }
}

function nextAfterAbort(by: OutcomeBy, { id, service }: Pick<Rollout, "id" | "service">): string {
  return by === "health"
    ? `Run \`belay logs ${service}\` to see what the release wrote, mend it, and deploy again.`
    : `Run \`belay explain ${id}\` for the evidence.`;
}

function releaseOf(service: Service, id: ReleaseId | null): Release | null {
  return id === null ? null : (service.releases[id] ?? null);
}

function viewStaging(rollout: Rollout, { journal }: ControlLoop): StagingView | null {
  const staged = stagedOf(rollout, journal.deployments);
  if (staged === null || rollout.staging === undefined) return null;
  const { checked, at } = staged.state === "passed" ? staged.attestation : { checked: [], at: null };
  return { ...rollout.staging, state: staged.state, checked, at };
}

/** What a failing instance or task of the candidate wrote last, here or in the environment before, while the runtime still shows it. */
function lastLinesOf(rollout: Rollout, loop: ControlLoop): string {
  const staged = stagedOf(rollout, loop.journal.deployments);
  const failed = staged?.state === "failed" ? staged.rollout : rollout;
  const failing = loop.instances.failureOf(failed) ?? loop.background.workers.failureOf(failed);
  return failing === undefined ? loop.tasks.lastLinesOf(failed.id) : failing.split("\n").slice(1).join("\n");
}
