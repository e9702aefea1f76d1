import { type EndedJobRun, type JobRun, jobsOf, type Omissions, workersOf } from "../rollout/background.ts";
import { desired } from "../rollout/desired.ts";
import type { ReleaseId } from "../rollout/rollout.ts";
import { nextDue, type Schedule } from "../rollout/schedule.ts";
import type { Service } from "../rollout/service.ts";
import type { WorkerRun } from "../runtimes/worker-runner.ts";
import type { WorkerSwitch } from "./worker-switch.ts";

/** A worker or a job as it is shown. Scripts rely on these names. */
export type ProcessView = WorkerView | JobView;

export interface WorkerView {
  readonly kind: "worker";
  readonly name: string;
  readonly release: ReleaseId;
  /**
   * `starting` until it has run for its `aliveAfter`; `crash-loop` when it ends before that again and again; `stopped` when it should
   * run and does not yet.
   */
  readonly state: "starting" | "running" | "waiting" | "crash-loop" | "stopping" | "failed" | "stopped";
  /** How often it ended by itself since it was first started. */
  readonly exits: number;
  readonly reason: string;
}

export interface JobView {
  readonly kind: "job";
  readonly name: string;
  readonly release: ReleaseId;
  readonly schedule: Schedule;
  /** Wall clock, ISO 8601. */
  readonly next: string;
  readonly running: JobRun | null;
  readonly last: EndedJobRun | null;
  readonly missed: Omissions;
  readonly skipped: Omissions;
}

/** Those of the release that should run them, and what still runs of another one. */
export function viewProcesses(service: Service, workers: WorkerSwitch, now: Temporal.Instant): readonly ProcessView[] {
  const { processes: wanted } = desired(service);
  if (wanted === null) return [];
  const specs = service.releases[wanted]?.processes;
  const observed = workers.of(service);
  const own = workersOf(specs).map(({ name, aliveAfterMs }): WorkerView => {
    const run = observed.find((one) => one.release === wanted && one.name === name);
    if (run === undefined) return { kind: "worker", name, release: wanted, state: "stopped", exits: 0, reason: "" };
    return viewWorker(run, workers.isLooping(run), run.ranMs >= aliveAfterMs);
  });
  const others = observed.filter(({ release, name }) => !own.some((view) => view.release === release && view.name === name));
  const jobs = jobsOf(specs).map(({ name, schedule }): JobView => {
    const none = { running: null, last: null, missed: { count: 0, last: null }, skipped: { count: 0, last: null } };
    const { running, last, missed, skipped } = service.jobs[name] ?? none;
    const next = nextDue(schedule, now).toString();
    return { kind: "job", name, release: wanted, schedule, next, running, last, missed, skipped };
  });
  return [...own, ...others.map((run) => viewWorker(run, workers.isLooping(run), true)), ...jobs];
}

function viewWorker(run: WorkerRun, isLooping: boolean, isAlive: boolean): WorkerView {
  const { name, release, exits, reason, state } = run;
  const shown = state === "running" && !isAlive ? "starting" : state;
  const isShownLooping = isLooping && (state === "running" || state === "waiting");
  return { kind: "worker", name, release, state: isShownLooping ? "crash-loop" : shown, exits, reason };
}
