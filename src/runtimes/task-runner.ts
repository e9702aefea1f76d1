import type { Release, ReleaseId } from "../rollout/rollout.ts";
import type { RunId } from "../rollout/task.ts";
import { safeWord } from "./safe-word.ts";

/** A command that is run once, with a release's files and environment. */
export interface TaskSpec {
  readonly id: RunId;
  /** Who asks for it: a task of the manifest, a person's one-off, or a job whose time has come. Each asker looks after its own. */
  readonly kind: TaskKind;
  /** The task's name in the manifest; `run` for a one-off. */
  readonly name: string;
  readonly release: Release;
  /** A shell command line, or a program and its arguments, which no shell reads. */
  readonly command: string | readonly string[];
}

export type TaskKind = "task" | "run" | "job";

/**
 * How it ended.
 *
 * - `exited`: by itself, with this code.
 * - `killed`: by a signal, or for its memory: it was in the middle of something.
 * - `unseen`: it is gone, or was never started, and nobody can say what it did.
 * - `not-started`: it certainly never ran.
 */
export type TaskEnd =
  | { readonly kind: "exited"; readonly code: number }
  | { readonly kind: "killed"; readonly how: string }
  | { readonly kind: "unseen"; readonly how: string }
  | { readonly kind: "not-started"; readonly why: string };

export interface TaskRun {
  readonly id: RunId;
  readonly kind: TaskKind;
  readonly name: string;
  readonly service: string;
  readonly environment: string;
  readonly release: ReleaseId;
  /** Null while it runs. */
  readonly end: TaskEnd | null;
  /** How long it has been running, or ran, as far as the engine saw it. */
  readonly ranMs: number;
  /** What it wrote last; empty while it runs. */
  readonly lastLines: string;
}

/**
 * Runs commands once. Whoever asks may be killed and ask again: a run that is known is never started a second time, whatever
 * became of it, and it is known until it is forgotten. Thrown is only that the engine does not answer.
 */
export interface TaskRunner {
  /** Returns when it is asked for, not when it has ended. Idempotent by id. */
  start(task: TaskSpec): Promise<void>;
  /** What is known, running or ended. */
  list(): Promise<readonly TaskRun[]>;
  /** Ends it when it still runs (by force after `graceMs`), and forgets how it ended; what it wrote stays. Idempotent. */
  forget(id: RunId, graceMs: number): Promise<void>;
}

/** `<service>.<environment>.<release>.<kind>-<name>.<number>`: one word more than an instance's, so that neither is taken for the other. */
export function taskRunId(
  release: Pick<Release, "service" | "environment" | "id">,
  { kind, name, number }: { readonly kind: TaskKind; readonly name: string; readonly number: number },
): string {
  return [...[release.service, release.environment, release.id, `${kind}-${name}`].map(safeWord), String(number)].join(".");
}

/** True for what `taskRunId` can have made. */
export function isTaskRunId(id: string): boolean {
  return /^(?:[a-z0-9][a-z0-9-]*\.){4}\d+$/.test(id);
}
