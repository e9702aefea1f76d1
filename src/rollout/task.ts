import type { Actor, ReleaseId, ReleaseTask, RolloutId } from "./rollout.ts";
import type { Service } from "./service.ts";

/** Unique for ever; one more attempt at the same task has another one. */
export type RunId = string;

/**
 * One attempt at a task of a release.
 *
 * - `running`: recorded before it is started. Ends by `task-ended` or `task-unknown`.
 * - `unknown`: interrupted, so that nobody knows what it did. Ends by a person's `task-resolved`.
 * - `succeeded`, `failed`, `timed-out`: it ended by itself, or by Belay when its time was over.
 * - `taken-as-done`, `given-up`: what a person said of one that was unknown.
 */
export interface TaskAttempt {
  readonly run: RunId;
  readonly task: string;
  readonly release: ReleaseId;
  /** Of the release's bundle: a task is done once for each. */
  readonly digest: string;
  readonly rollout: RolloutId;
  /** Wall clock, ISO 8601. */
  readonly startedAt: string;
  readonly state: "running" | "unknown" | "succeeded" | "failed" | "timed-out" | "taken-as-done" | "given-up";
  /** How it ended ("exit code 1"); empty while it runs. */
  readonly how: string;
  readonly ranMs: number;
}

export type OpenAttempt = TaskAttempt & { readonly state: "running" | "unknown" };

/** The tasks of a service in one environment. At most one attempt is open: that is their lock. */
export interface ServiceTasks {
  /** How many attempts there ever were. */
  readonly started: number;
  /** The newest last, at most 50. */
  readonly attempts: readonly TaskAttempt[];
  /** What need not run again, by `taskKey`. */
  readonly done: Readonly<Record<string, RunId>>;
}

/** A command that a person ran once with a release's files and environment. */
export interface OneOff {
  readonly run: RunId;
  readonly release: ReleaseId;
  readonly command: readonly string[];
  readonly reason: string;
  readonly by: Actor;
  /** Wall clock, ISO 8601. */
  readonly startedAt: string;
  /** Null while it runs. */
  readonly end: OneOffEnd | null;
}

export interface OneOffEnd {
  /** Null when it did not end by itself, or nobody saw it. */
  readonly exitCode: number | null;
  readonly how: string;
  readonly ranMs: number;
}

export interface ServiceOneOffs {
  readonly started: number;
  /** What runs, and the newest 20 of what has ended; the newest last. */
  readonly runs: readonly OneOff[];
}

/** The same command on the same files. */
export function taskKey({ name, command }: Pick<ReleaseTask, "name" | "command">, digest: string): string {
  return `${name}@${digest} ${command}`;
}

/** The attempt that has not ended, or of which nobody knows yet how. Nothing else is attempted before it is closed. */
export function openAttempt({ tasks }: Pick<Service, "tasks">): OpenAttempt | null {
  return tasks.attempts.findLast(isOpen) ?? null;
}

function isOpen(attempt: TaskAttempt): attempt is OpenAttempt {
  return attempt.state === "running" || attempt.state === "unknown";
}

/**
 * The first task that the release of the running deploy still needs before an instance of it may start. Null for a rollback:
 * what it goes back to has served before. Null for a config release: its files are those of the release that serves.
 */
export function neededTask({ rollout, releases, tasks }: Service): ReleaseTask | null {
  if (rollout === null || rollout.kind === "rollback" || rollout.candidate === null) return null;
  if (rollout.revisionOf !== undefined) return null;
  const release = releases[rollout.candidate];
  const left = (release?.tasks ?? []).filter((task) => !Object.hasOwn(tasks.done, taskKey(task, release?.digest ?? "")));
  return left[0] ?? null;
}
