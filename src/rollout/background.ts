import type { ReleaseId } from "./rollout.ts";
import type { Schedule } from "./schedule.ts";

/** What a release runs beside the instances that serve: no port, no visitors. Comes from the manifest of the release's own commit. */
export type BackgroundProcess = WorkerProcess | JobProcess;

/** Runs as long as its release serves everyone. */
export interface WorkerProcess {
  readonly kind: "worker";
  readonly name: string;
  /** A shell command line, run in the bundle's folder. */
  readonly command: string;
  readonly memoryBytesMax: number | null;
  /** It is well once it has run for this long without ending. */
  readonly aliveAfterMs: number;
}

/** Runs once for each due time. */
export interface JobProcess {
  readonly kind: "job";
  readonly name: string;
  readonly command: string;
  readonly memoryBytesMax: number | null;
  readonly schedule: Schedule;
  /** A run that takes longer is stopped. */
  readonly timeoutMs: number;
}

/** One run of a job. All times are wall clock, ISO 8601. */
export interface JobRun {
  readonly due: string;
  readonly release: ReleaseId;
  readonly startedAt: string;
}

export interface EndedJobRun extends JobRun {
  /** `unknown`: nobody saw how it ended, or whether it ran at all. Neither that nor `not-started` is repeated. */
  readonly outcome: "ended" | "unknown" | "not-started";
  readonly exitCode: number | null;
  /** In words: "exit code 1", "signal SIGKILL". */
  readonly how: string;
  readonly durationMs: number | null;
}

/** What the ledger says of one job of a service, across releases. */
export interface JobBook {
  /** Due times up to here are nobody's: the job was not there yet. */
  readonly since: string;
  /** The last due time that was run, skipped or missed; none is dealt with twice. */
  readonly dealtWith: string | null;
  readonly running: JobRun | null;
  readonly last: EndedJobRun | null;
  readonly missed: Omissions;
  readonly skipped: Omissions;
}

export interface Omissions {
  readonly count: number;
  /** The last due time of them. */
  readonly last: string | null;
}

/** What happens to the background of a service. */
export type BackgroundFact =
  /** Every worker of `from` has ended; from here on those of `release` may run. */
  | { readonly kind: "processes-moved"; readonly from: ReleaseId | null; readonly release: ReleaseId | null }
  /** Written before it is started. */
  | { readonly kind: "job-started"; readonly job: string; readonly release: ReleaseId; readonly due: string }
  | ({ readonly kind: "job-ended"; readonly job: string } & Omit<EndedJobRun, "startedAt">)
  /** Due times passed while a run was still going. */
  | ({ readonly kind: "job-skipped" } & OmittedRuns)
  /** Due times passed while nobody could start it. */
  | ({ readonly kind: "job-missed" } & OmittedRuns);

/** `count` due times, from `first` to `due`. */
interface OmittedRuns {
  readonly job: string;
  readonly first: string;
  readonly due: string;
  readonly count: number;
}

export function workersOf(processes: readonly BackgroundProcess[] | undefined): readonly WorkerProcess[] {
  return (processes ?? []).filter((process_) => process_.kind === "worker");
}

export function jobsOf(processes: readonly BackgroundProcess[] | undefined): readonly JobProcess[] {
  return (processes ?? []).filter((process_) => process_.kind === "job");
}
