import type { InstanceId, Release, ReleaseId } from "../rollout/rollout.ts";
import type { TaskRunner } from "./task-runner.ts";
import type { WorkerRunner } from "./worker-runner.ts";

export interface Instance {
  readonly id: InstanceId;
  readonly service: string;
  readonly environment: string;
  readonly release: ReleaseId;
  readonly host: string;
  readonly port: number;
  /**
   * - `starting`: runs, has not yet answered its health check.
   * - `ready`: answers.
   * - `unready`: answered before, does not now, still runs or is being started again.
   * - `failed`: will not become ready: the start timeout is over, or it broke a rule (see `reason`).
   */
  readonly state: "starting" | "ready" | "unready" | "failed";
  /** How often the process ended by itself since it was first started. */
  readonly exits: number;
  /** Why it is not ready, with the last lines that it wrote. When it is ready: how it ended last and what to mind, mostly nothing. */
  readonly reason: string;
}

/** What a runtime cannot do is a state of an instance, with its reason. Thrown is only that the engine does not answer: then it is asked again. */
export interface Runtime {
  readonly name: "process" | "docker" | "swarm" | "kubernetes";
  /**
   * Asks for `count` instances of a release, which lies ready in its bundle folder. Returns when they are asked for, not when
   * they are ready. Idempotent: instances that exist are left alone, missing ones are started.
   */
  start(release: Release, count: number): Promise<void>;
  /** SIGTERM or its like, then by force after `graceMs`. Idempotent; resolves when it has ended. */
  stop(instance: InstanceId, graceMs: number): Promise<void>;
  /** What is really there now, read from the engine and its health checks, never from what was asked for. */
  list(): Promise<readonly Instance[]>;
  /** Commands that run once, beside the instances. */
  readonly tasks: TaskRunner;
  /** Workers of releases, beside the instances. */
  readonly workers: WorkerRunner;
}
