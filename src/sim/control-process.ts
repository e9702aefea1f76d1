import { openConfigs } from "../config/open-configs.ts";
import { createMemoryFiles } from "../config/sealed-files.ts";
import { ControlLoop } from "../control/control-loop.ts";
import type { ControlPlane } from "../control/control-plane.ts";
import type { DataPlane } from "../control/data-plane.ts";
import type { EvidenceSnapshot } from "../control/evidence-book.ts";
import { openControlPlane } from "../control/open-control-plane.ts";
import { createMemoryKeyStore, PreviewKeys } from "../control/preview-keys.ts";
import { Previews } from "../control/previews.ts";
import type { World } from "../control/world.ts";
import { BelayError } from "../errors.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { type MemoryLedgerDisk, openMemoryLedger } from "../ledger/memory-ledger.ts";
import type { Clock } from "../ports/clock.ts";
import { silentLog } from "../ports/log.ts";
import { createSeededRandom, type Random } from "../ports/random.ts";
import type { RoutingTable } from "../routing/table.ts";
import { SimDataPlane } from "./sim-data-plane.ts";
import type { SimRuntime } from "./sim-runtime.ts";

/** What outlives a control plane. */
export interface ControlDisk {
  readonly ledger: MemoryLedgerDisk;
  evidence: EvidenceSnapshot | null;
  table: RoutingTable | null;
  /** Files beside the ledger cannot be written. */
  isFull: boolean;
}

export interface ControlSurroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly disk: ControlDisk;
  readonly runtime: SimRuntime;
  readonly boot: string;
  readonly machineBoot: string;
  /** Dies before this action, counted from 0; null lives on. */
  readonly diesBefore: number | null;
  readonly build: World["build"];
  runningWorkers(): Promise<readonly number[]>;
  replaceWorker(pid: number): void;
  stopAsked(instance: string): void;
  died(): void;
  /** An error that the control plane does not expect. */
  bug(cause: unknown): void;
  hasMicrotasks(): void;
}

/**
 * One life of the control plane: the production loop on simulated ports. Every action on the outside is counted, and before
 * any of them it may die. From then on nothing it does has an effect, and nothing it waits for comes.
 */
export class ControlProcess {
  readonly plane: SimDataPlane;
  readonly loop: ControlLoop;
  readonly commands: ControlPlane;
  readonly #around: ControlSurroundings;
  readonly #ledger: Ledger;
  #isAlive = true;
  #actions = 0;
  #diesBefore: number;
  #isTicking = false;

  constructor(around: ControlSurroundings) {
    this.#around = around;
    this.#diesBefore = around.diesBefore ?? Number.POSITIVE_INFINITY;
    this.#ledger = openMemoryLedger({
      clock: around.clock,
      disk: around.disk.ledger,
      signer: { publicKey: "", sign: () => "" },
    });
    this.plane = new SimDataPlane(around.clock);
    const world = this.#ports();
    this.loop = new ControlLoop(world);
    this.loop.begin({ boot: around.boot, program: "sim" });
    this.commands = openControlPlane({
      world,
      loop: this.loop,
      ledger: world.ledger,
      previews: new Previews({
        world,
        loop: this.loop,
        keys: new PreviewKeys({ store: createMemoryKeyStore(), random: world.random }),
      }),
      configs: openConfigs({
        files: createMemoryFiles(createSeededRandom(0)),
        clock: world.clock,
        runCommand: () => Promise.reject(new Error("nothing has configuration in the simulator")),
      }),
      releases: {
        readFile: () => Promise.resolve(undefined),
        compareCommits: () => Promise.resolve({ commits: [], files: [] }),
        readBundle: () => Promise.reject(new Error("nobody sends a bundle in the simulator")),
      },
      program: "sim",
      addresses: () => Promise.resolve({}),
      logFileOf: (instance) => instance,
      loggedInstances: () => [],
    });
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Actions on the outside so far. */
  get actions(): number {
    return this.#actions;
  }

  get isTicking(): boolean {
    return this.#isTicking;
  }

  /** Dies before the action that comes after so many more. */
  dieAfter(actions: number): void {
    this.#diesBefore = this.#actions + actions;
  }

  die(): void {
    if (!this.#isAlive) return;
    this.#isAlive = false;
    this.#around.disk.ledger.killWriter();
    this.#around.died();
  }

  tick(): void {
    if (!this.#isAlive || this.#isTicking) return;
    this.#isTicking = true;
    this.#around.hasMicrotasks();
    this.loop.tick().then(
      () => {
        this.#isTicking = false;
      },
      (cause: unknown) => this.#around.bug(cause),
    );
  }

  #mayAct(): boolean {
    if (this.#isAlive && this.#actions >= this.#diesBefore) this.die();
    if (this.#isAlive) this.#actions += 1;
    return this.#isAlive;
  }

  /** The dead hear no answers. */
  #whileAlive<T>(answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      answer.then(
        (value) => {
          if (this.#isAlive) resolve(value);
        },
        (cause: unknown) => {
          if (this.#isAlive) reject(cause);
        },
      );
    });
  }

  #act<T>(action: () => Promise<T>): Promise<T> {
    return this.#mayAct() ? this.#whileAlive(action()) : new Promise(() => {});
  }

  #ports(): World {
    const { clock, random, disk, runtime, build, runningWorkers, replaceWorker, stopAsked } = this.#around;
    const inner = this.#ledger;
    const requireSpace = (): void => {
      if (disk.isFull) throw fullDisk();
    };
    return {
      clock,
      random,
      machineBoot: this.#around.machineBoot,
      log: silentLog,
      ledger: {
        log: inner.log,
        get position() {
          return inner.position;
        },
        append: (request) => (this.#mayAct() ? inner.append(request) : []),
        read: (request) => inner.read(request),
        checkpoint: () => inner.checkpoint(),
        close: () => inner.close(),
      },
      runtime: {
        name: "process",
        start: (release, count) => this.#act(() => runtime.start(release, count)),
        stop: (instance, graceMs) =>
          this.#act(() => {
            stopAsked(instance);
            return runtime.stop(instance, graceMs);
          }),
        list: () => this.#whileAlive(runtime.list()),
        workers: {
          start: (release, worker) => this.#act(() => runtime.workers.start(release, worker)),
          list: () => this.#whileAlive(runtime.workers.list()),
          stop: (release, name, graceMs) => this.#act(() => runtime.workers.stop(release, name, graceMs)),
        },
        tasks: {
          start: (task) => this.#act(() => runtime.tasks.start(task)),
          list: () => this.#whileAlive(runtime.tasks.list()),
          forget: (id) => this.#act(() => runtime.tasks.forget(id)),
        },
      },
      dataPlane: this.#dataPlane(),
      evidence: {
        load: () => (disk.evidence === null ? null : JSON.parse(JSON.stringify(disk.evidence))),
        save: (snapshot) => {
          if (!this.#mayAct()) return;
          requireSpace();
          disk.evidence = snapshot;
        },
      },
      tables: {
        load: () => disk.table,
        save: (table) => {
          if (!this.#mayAct()) return;
          requireSpace();
          disk.table = table;
        },
      },
      build: (order) => this.#act(() => build(order)),
      checkRunning: () => this.#act(async () => ({ results: [], stopping: [] })),
      readSource: async () => ({ kind: "broken", reason: "no source is played here" }),
      runningWorkers: () => this.#whileAlive(runningWorkers()),
      replaceWorker: (pid) => this.#act(() => Promise.resolve(replaceWorker(pid))),
    };
  }

  #dataPlane(): DataPlane {
    const { plane } = this;
    return {
      workers: () => plane.workers(),
      publish: (table) => {
        if (this.#mayAct()) plane.publish(table);
      },
      renewLease: (epoch, ttlMs) => {
        if (this.#mayAct()) plane.renewLease(epoch, ttlMs);
      },
      onReport: (listener) => plane.onReport(listener),
      keep: (worker, boot, sequence) => {
        if (this.#mayAct()) plane.keep(worker, boot, sequence);
      },
      onChange: (listener) => plane.onChange(listener),
    };
  }
}

function fullDisk(): BelayError {
  return new BelayError({
    code: "BELAY_LEDGER_UNWRITABLE",
    message: "no space left on the simulated disk",
    next: "Wait until there is space again.",
  });
}
