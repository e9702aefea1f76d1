import type { WorkerProcess } from "../rollout/background.ts";
import type { Release, ReleaseId } from "../rollout/rollout.ts";
import { safeWord } from "./safe-word.ts";

/** A worker of a release as the engine has it: kept running, without a port, started again when it ends. */
export interface WorkerRun {
  /** Also the name of its log. */
  readonly id: string;
  readonly service: string;
  readonly environment: string;
  readonly release: ReleaseId;
  /** The process's name in the manifest. */
  readonly name: string;
  /**
   * - `running`: its process lives.
   * - `waiting`: it ended and is started again.
   * - `stopping`: it was told to end and has not yet.
   * - `failed`: it could not even be started (see `reason`).
   */
  readonly state: "running" | "waiting" | "stopping" | "failed";
  /** How long the process that runs now has been running, as far as the engine saw it. */
  readonly ranMs: number;
  /** How often it ended by itself since it was first started. */
  readonly exits: number;
  /** How it ended last, with the last lines that it wrote while it is not running; empty when it never ended. */
  readonly reason: string;
}

/** Keeps workers running. Thrown is only that the engine does not answer. */
export interface WorkerRunner {
  /** Returns when it is asked for. Idempotent by release and name; one that could not be started is tried again. */
  start(release: Release, worker: WorkerProcess): Promise<void>;
  /** SIGTERM or its like, then by force after `graceMs`. Resolves when nothing of it is left. Idempotent, also for what never ran. */
  stop(release: Release, name: string, graceMs: number): Promise<void>;
  /** What is really there now, read from the engine. */
  list(): Promise<readonly WorkerRun[]>;
}

/** `<service>.<environment>.<release>.worker-<name>`: ends with no number, so that it is neither an instance's nor a task's. */
export function workerId(release: Pick<Release, "service" | "environment" | "id">, name: string): string {
  return [release.service, release.environment, release.id, `worker-${name}`].map(safeWord).join(".");
}

/** True for what `workerId` can have made. */
export function isWorkerId(id: string): boolean {
  return /^(?:[a-z0-9][a-z0-9-]*\.){3}worker-[a-z0-9-]+$/.test(id);
}
