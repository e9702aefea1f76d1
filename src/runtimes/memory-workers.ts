import type { Clock } from "../ports/clock.ts";
import type { WorkerProcess } from "../rollout/background.ts";
import type { Release } from "../rollout/rollout.ts";
import { type WorkerRun, type WorkerRunner, workerId } from "./worker-runner.ts";

interface MemoryWorker {
  readonly id: string;
  readonly release: Release;
  readonly worker: WorkerProcess;
  startedAtMs: number;
  exits: number;
}

/** What a worker of the tests needs to end, each time, when its command is `crash`. */
const crashAfterMs = 100;

/** Workers as notes in memory, for tests. `done` is what was done to whom, in order. */
export class MemoryWorkers implements WorkerRunner {
  readonly #clock: Clock;
  readonly #workers = new Map<string, MemoryWorker>();
  readonly done: string[] = [];
  /** Before each call; a throw is a call that never arrived. */
  before: (call: "start" | "list" | "stop") => void = () => {};
  /** How long a stop takes, by the caller's own means. */
  ending: () => Promise<void> = async () => {};

  constructor(options: { readonly clock: Clock }) {
    this.#clock = options.clock;
  }

  async start(release: Release, worker: WorkerProcess): Promise<void> {
    this.before("start");
    const id = workerId(release, worker.name);
    if (this.#workers.has(id)) return;
    this.done.push(`start ${release.id} ${worker.name}`);
    this.#workers.set(id, { id, release, worker, startedAtMs: this.#clock.monotonicMs(), exits: 0 });
  }

  async stop(release: Release, name: string): Promise<void> {
    this.before("stop");
    const id = workerId(release, name);
    if (!this.#workers.has(id)) return;
    await this.ending();
    this.done.push(`stop ${release.id} ${name}`);
    this.#workers.delete(id);
  }

  async list(): Promise<readonly WorkerRun[]> {
    this.before("list");
    return [...this.#workers.values()].map((worker) => this.#describe(worker));
  }

  /** The process ends by itself and is started again. */
  crash(id: string): void {
    const worker = this.#workers.get(id);
    if (worker === undefined) return;
    worker.exits += 1;
    worker.startedAtMs = this.#clock.monotonicMs();
  }

  #describe(entry: MemoryWorker): WorkerRun {
    const { id, release, worker } = entry;
    const nowMs = this.#clock.monotonicMs();
    if (worker.command === "crash") {
      const ends = Math.floor((nowMs - entry.startedAtMs) / crashAfterMs);
      entry.exits += ends;
      entry.startedAtMs += ends * crashAfterMs;
    }
    const { exits, startedAtMs } = entry;
    const { service, environment } = release;
    const reason = exits === 0 ? "" : "ended last with signal SIGKILL";
    const ranMs = nowMs - startedAtMs;
    return { id, service, environment, release: release.id, name: worker.name, state: "running", ranMs, exits, reason };
  }
}
