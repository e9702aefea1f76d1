import { mkdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { BelayError } from "../../errors.ts";
import type { Log } from "../../ports/log.ts";
import type { WorkerProcess } from "../../rollout/background.ts";
import type { Release } from "../../rollout/rollout.ts";
import { isWorkerId, type WorkerRun, type WorkerRunner, workerId } from "../worker-runner.ts";
import { releaseProcess } from "./instance-spec.ts";
import type { KeptProcess, ProcessKeeper } from "./process-keeper.ts";
import type { ReleaseStarter } from "./release-starter.ts";

const shownLines = 20;

export interface WorkerProcessesOptions {
  readonly keeper: ProcessKeeper;
  readonly starter: ReleaseStarter;
  /** For scratch folders. */
  readonly folder: string;
  readonly logTail: (file: string, lines: number) => Promise<string>;
  readonly log: Log;
}

/** Workers as children of the keeper, which starts them again when they end. */
export class WorkerProcesses implements WorkerRunner {
  readonly #options: WorkerProcessesOptions;
  /** What could not even be started; tried again at the next `start`. */
  readonly #refused = new Map<string, WorkerRun>();

  constructor(options: WorkerProcessesOptions) {
    this.#options = options;
  }

  async start(release: Release, worker: WorkerProcess): Promise<void> {
    const { starter, log } = this.#options;
    const { name, command, memoryBytesMax } = worker;
    const id = workerId(release, name);
    try {
      const scratchFolder = this.#scratchFolder(id);
      const place = await starter.place({ release, id, scratchFolder });
      makeFolder(join(scratchFolder, "tmp"));
      await starter.run({ ...releaseProcess(place, command, { BELAY_PROCESS: name }), memoryBytesMax });
      this.#refused.delete(id);
    } catch (cause) {
      // A keeper that is away is no fault of the worker: the start is asked for again.
      if (!(cause instanceof BelayError) || cause.code === "BELAY_KEEPER_UNREACHABLE") throw cause;
      log.error("a worker cannot be started", { worker: id, code: cause.code, message: cause.message });
      const { service, environment } = release;
      const reason = `${cause.message} (${cause.code}). ${cause.next}`;
      this.#refused.set(id, {
        id,
        service,
        environment,
        release: release.id,
        name,
        state: "failed",
        ranMs: 0,
        exits: 0,
        reason,
      });
    }
  }

  async stop(release: Release, name: string, graceMs: number): Promise<void> {
    const id = workerId(release, name);
    this.#refused.delete(id);
    await this.#options.keeper.stop(id, graceMs);
    await rm(this.#scratchFolder(id), { recursive: true, force: true }).catch((cause: Error) => {
      // What it left in its folder can be beyond our rights, and must stop nothing but its own removal.
      this.#options.log.warn("what a worker left cannot be removed", { worker: id, cause: cause.message });
    });
  }

  async list(): Promise<readonly WorkerRun[]> {
    const kept = (await this.#options.keeper.list()).filter(
      ({ name, env }) => isWorkerId(name) && env["BELAY_PROCESS"] !== undefined,
    );
    const found = await Promise.all(kept.map((process_) => this.#describe(process_)));
    return [...found, ...this.#refused.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1));
  }

  #scratchFolder(id: string): string {
    return join(this.#options.folder, id);
  }

  async #describe({ name: id, env, state, exits, lastExit, ranMs, logFile }: KeptProcess): Promise<WorkerRun> {
    const lines = state === "waiting" ? await this.#options.logTail(logFile, shownLines) : "";
    const end = exits === 0 ? "" : `ended last with ${lastExit}`;
    return {
      id,
      service: env["BELAY_SERVICE"] ?? "",
      environment: env["BELAY_ENVIRONMENT"] ?? "",
      release: env["BELAY_RELEASE"] ?? "",
      name: env["BELAY_PROCESS"] ?? "",
      state: state === "ended" ? "waiting" : state,
      ranMs: state === "running" ? ranMs : 0,
      exits,
      reason: lines === "" ? end : `${end}\n${lines}`,
    };
  }
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new BelayError({
      code: "BELAY_RUNTIME_NOT_WRITTEN",
      message: `cannot write what a worker needs: ${(cause as Error).message}`,
      next: "Make room on the disk (`df -h`), and check that the data folder belongs to the user who runs Belay.",
      cause,
    });
  }
}
