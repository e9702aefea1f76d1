import type { Log } from "../../ports/log.ts";
import type { WorkerProcess } from "../../rollout/background.ts";
import type { Release } from "../../rollout/rollout.ts";
import { isWorkerId, type WorkerRun, type WorkerRunner, workerId } from "../worker-runner.ts";
import { releaseProcess } from "./instance-spec.ts";
import type { KeptProcess, ProcessKeeper } from "./process-keeper.ts";
import { type ReleaseStarter, refusalOf } from "./release-starter.ts";
import type { ScratchFolders } from "./scratch-folders.ts";

const shownLines = 20;

export interface WorkerProcessesOptions {
  readonly keeper: ProcessKeeper;
  readonly starter: ReleaseStarter;
  readonly scratch: ScratchFolders;
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
    const { starter, scratch, log } = this.#options;
    const { name, command, memoryBytesMax } = worker;
    const id = workerId(release, name);
    try {
      const place = await starter.place({ release, id, scratchFolder: scratch.of(id) });
      scratch.make(id);
      await starter.run({ ...releaseProcess(place, command, { BELAY_PROCESS: name }), memoryBytesMax });
      this.#refused.delete(id);
    } catch (cause) {
      const { code, message, next } = refusalOf(cause);
      log.error("a worker cannot be started", { worker: id, code, message });
      const { service, environment } = release;
      const reason = `${message} (${code}). ${next}`;
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
    await this.#options.scratch.remove(id);
  }

  async list(): Promise<readonly WorkerRun[]> {
    const kept = (await this.#options.keeper.list()).filter(
      ({ name, env }) => isWorkerId(name) && env["BELAY_PROCESS"] !== undefined,
    );
    const found = await Promise.all(kept.map((process_) => this.#describe(process_)));
    return [...found, ...this.#refused.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1));
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
