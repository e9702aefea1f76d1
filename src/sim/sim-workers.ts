import type { WorkerProcess } from "../rollout/background.ts";
import type { Release } from "../rollout/rollout.ts";
import { type WorkerRun, workerId } from "../runtimes/worker-runner.ts";
import type { Agenda } from "./agenda.ts";
import type { SimNode } from "./node.ts";
import type { RuntimeFaults } from "./sim-runtime.ts";

interface SimWorkerProcess {
  readonly release: Release;
  readonly worker: WorkerProcess;
  startedAtMs: number;
  isStopping: boolean;
}

/** What a worker needs to finish the piece of work that it is at when it is told to stop. */
const endsAfterMs = 150;

/** Workers as they truly run, on the first node. What the keeper noted of them survives the node, and runs again when it is back. */
export class SimWorkers {
  readonly #agenda: Agenda;
  readonly #node: SimNode;
  readonly #faults: RuntimeFaults;
  readonly #hasMicrotasks: () => void;
  readonly #late: () => Promise<never>;
  readonly #onStart: (release: Release, running: readonly Release[]) => void;
  readonly #workers = new Map<string, SimWorkerProcess>();

  constructor(options: {
    agenda: Agenda;
    node: SimNode;
    faults: RuntimeFaults;
    hasMicrotasks: () => void;
    late: () => Promise<never>;
    onStart: (release: Release, running: readonly Release[]) => void;
  }) {
    this.#agenda = options.agenda;
    this.#node = options.node;
    this.#faults = options.faults;
    this.#hasMicrotasks = options.hasMicrotasks;
    this.#late = options.late;
    this.#onStart = options.onStart;
  }

  /** The truth: what runs or is about to end, whatever `list` says. */
  running(): readonly Release[] {
    return this.#node.isUp ? [...this.#workers.values()].map(({ release }) => release) : [];
  }

  start(release: Release, worker: WorkerProcess): Promise<void> {
    if (this.#faults.isSilent || !this.#node.isUp) return this.#late();
    const id = workerId(release, worker.name);
    if (!this.#faults.losesStarts && !this.#workers.has(id)) {
      this.#onStart(release, this.running());
      this.#workers.set(id, { release, worker, startedAtMs: this.#agenda.nowMs, isStopping: false });
    }
    return this.#faults.losesReplies ? this.#late() : Promise.resolve();
  }

  /** Resolves when it has ended. */
  stop(release: Release, name: string, graceMs: number): Promise<void> {
    if (this.#faults.isSilent || !this.#node.isUp) return this.#late();
    const id = workerId(release, name);
    const worker = this.#workers.get(id);
    if (worker === undefined) return Promise.resolve();
    worker.isStopping = true;
    return new Promise((resolve, reject) => {
      this.#agenda.after(Math.min(endsAfterMs, graceMs), () => {
        if (this.#workers.get(id) === worker) this.#workers.delete(id);
        this.#hasMicrotasks();
        if (this.#faults.losesReplies) this.#late().catch(reject);
        else resolve();
      });
    });
  }

  list(): Promise<readonly WorkerRun[]> {
    if (this.#faults.isSilent) return this.#late();
    const all = [...this.#workers.values()].map((worker) => this.#show(worker));
    const missed = this.#faults.missesSlot;
    return Promise.resolve(missed === null || all.length === 0 ? all : all.filter((_, index) => index !== missed % all.length));
  }

  loseNode(node: SimNode): void {
    if (node !== this.#node) return;
    for (const worker of this.#workers.values()) worker.startedAtMs = this.#agenda.nowMs;
  }

  #show({ release, worker, startedAtMs, isStopping }: SimWorkerProcess): WorkerRun {
    const { service, environment, id } = release;
    return {
      id: workerId(release, worker.name),
      service,
      environment,
      release: id,
      name: worker.name,
      state: isStopping ? "stopping" : this.#node.isUp ? "running" : "waiting",
      ranMs: this.#node.isUp ? this.#agenda.nowMs - startedAtMs : 0,
      exits: 0,
      reason: "",
    };
  }
}
