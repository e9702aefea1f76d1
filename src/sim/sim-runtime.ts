import { BelayError } from "../errors.ts";
import type { Release } from "../rollout/rollout.ts";
import type { Instance } from "../runtimes/runtime.ts";
import type { TaskSpec } from "../runtimes/task-runner.ts";
import type { Agenda } from "./agenda.ts";
import type { Draw } from "./draw.ts";
import { SimInstance } from "./instance.ts";
import type { SimNode } from "./node.ts";
import type { ReleaseStory } from "./releases.ts";
import { SimTasks } from "./sim-tasks.ts";
import { SimWorkers } from "./sim-workers.ts";

/** How the runtime misbehaves at present. */
export interface RuntimeFaults {
  /** `list` leaves out the instance of this place in the list. */
  missesSlot: number | null;
  saysReadyTooEarly: boolean;
  losesStarts: boolean;
  /** What is asked is done, but the answer is an error, and comes late. */
  losesReplies: boolean;
  isSilent: boolean;
}

const replyTimeoutMs = 1_000;
const firstRestartMs = 100;
const restartMsMax = 3_000;

/** The engine under the runtime: the instances as they truly are. Survives every control plane. */
export class SimRuntime {
  readonly faults: RuntimeFaults = {
    missesSlot: null,
    saysReadyTooEarly: false,
    losesStarts: false,
    losesReplies: false,
    isSilent: false,
  };
  readonly tasks: SimTasks;
  readonly workers: SimWorkers;
  readonly #agenda: Agenda;
  readonly #draw: Draw;
  readonly #nodes: readonly SimNode[];
  readonly #storyOf: (release: Release) => ReleaseStory;
  readonly #hasMicrotasks: () => void;
  readonly #onStart: (release: Release) => void;
  readonly #instances = new Map<string, SimInstance>();
  readonly #byPort = new Map<number, SimInstance>();
  /** Processes started so far, restarts after a crash left out. */
  starts = 0;
  #port = 20_000;

  constructor(options: {
    agenda: Agenda;
    draw: Draw;
    nodes: readonly [SimNode, SimNode];
    storyOf: (release: Release) => ReleaseStory;
    hasMicrotasks: () => void;
    onStart: (release: Release) => void;
    /** A worker starts, and these run or are about to end. */
    onWorker: (release: Release, running: readonly Release[]) => void;
    onTask: (task: TaskSpec) => void;
  }) {
    this.#agenda = options.agenda;
    this.#draw = options.draw;
    this.#nodes = options.nodes;
    this.#storyOf = options.storyOf;
    this.#hasMicrotasks = options.hasMicrotasks;
    this.#onStart = options.onStart;
    this.workers = new SimWorkers({
      agenda: options.agenda,
      node: options.nodes[0],
      faults: this.faults,
      hasMicrotasks: options.hasMicrotasks,
      onStart: options.onWorker,
      late: () => this.#late(),
    });
    this.tasks = new SimTasks({
      agenda: options.agenda,
      node: options.nodes[0],
      faults: this.faults,
      storyOf: ({ release }) => options.storyOf(release).task ?? { runsMs: 100, code: 0 },
      onStart: options.onTask,
      late: () => this.#late(),
    });
  }

  /** What runs or is being stopped. */
  all(): readonly SimInstance[] {
    return [...this.#instances.values()];
  }

  find(id: string): SimInstance | undefined {
    return this.#instances.get(id);
  }

  /** Whoever listens, or listened last, at a port. */
  atPort(port: number): SimInstance | undefined {
    return this.#byPort.get(port);
  }

  start(release: Release, count: number): Promise<void> {
    if (this.faults.isSilent) return this.#late();
    if (!this.faults.losesStarts) {
      for (let slot = 1; slot <= count; slot += 1) this.#startOne(release, slot);
    }
    return this.faults.losesReplies ? this.#late() : Promise.resolve();
  }

  /** Resolves when the instance has ended. */
  stop(id: string, graceMs: number): Promise<void> {
    if (this.faults.isSilent) return this.#late();
    const instance = this.#instances.get(id);
    if (instance === undefined) return Promise.resolve();
    instance.stopAsked = true;
    if (!instance.isUp || instance.story.leavesAtOnce) instance.end("stop");
    const endsAtMs = this.#agenda.nowMs + graceMs;
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (instance.isUp && instance.served.size > 0 && this.#agenda.nowMs < endsAtMs) {
          this.#agenda.after(20, look);
          return;
        }
        instance.end("stop");
        if (this.#instances.get(id) === instance) this.#instances.delete(id);
        this.#hasMicrotasks();
        if (this.faults.losesReplies) reject(noAnswer());
        else resolve();
      };
      this.#agenda.after(20, look);
    });
  }

  list(): Promise<readonly Instance[]> {
    if (this.faults.isSilent) return this.#late();
    const all = [...this.#instances.values()].map((instance) => this.#show(instance));
    const missed = this.faults.missesSlot;
    return Promise.resolve(missed === null || all.length === 0 ? all : all.filter((_, index) => index !== missed % all.length));
  }

  /** The process ends by itself and is started again, each time later. */
  crash(instance: SimInstance): void {
    if (!instance.isUp || !instance.node.isUp) return;
    instance.end("fault");
    instance.exits += 1;
    const waitMs = Math.min(restartMsMax, firstRestartMs * 2 ** (instance.exits - 1));
    this.#agenda.after(waitMs, () => {
      if (instance.stopAsked || !instance.node.isUp || this.#instances.get(instance.id) !== instance) return;
      this.#boot(instance);
    });
  }

  /** The machine is gone, and its instances with it. */
  loseNode(node: SimNode): void {
    this.tasks.loseNode(node);
    this.workers.loseNode(node);
    for (const instance of this.#instances.values()) {
      if (instance.node !== node) continue;
      instance.end("fault");
      this.#instances.delete(instance.id);
    }
  }

  #startOne(release: Release, slot: number): void {
    const id = `${release.service}.${release.id}.${slot}`;
    const present = this.#instances.get(id);
    const up = this.#nodes.filter((node) => node.isUp);
    const node = up[slot % Math.max(1, up.length)];
    if (present !== undefined || node === undefined) return;
    this.#port += 1;
    this.starts += 1;
    this.#onStart(release);
    const story = this.#storyOf(release);
    const instance = new SimInstance({ id, release, story, node, port: this.#port, nowMs: this.#agenda.nowMs });
    this.#instances.set(id, instance);
    this.#byPort.set(instance.port, instance);
    this.#planCrash(instance);
  }

  #boot(instance: SimInstance): void {
    instance.boot(this.#agenda.nowMs);
    this.#planCrash(instance);
  }

  #planCrash(instance: SimInstance): void {
    const { behaviour, bootMs } = instance.story;
    if (behaviour.kind !== "crash-loops") return;
    const { life } = instance;
    this.#agenda.after(bootMs + behaviour.everyMs * this.#draw.between(0.7, 1.3), () => {
      if (instance.life === life) this.crash(instance);
    });
  }

  #show(instance: SimInstance): Instance {
    const { id, release, port, exits } = instance;
    const nowMs = this.#agenda.nowMs;
    const isServing = instance.isServing(nowMs);
    const isLie = this.faults.saysReadyTooEarly && !isServing && instance.isUp && !instance.stopAsked;
    if (isLie) instance.wasLiedAbout = true;
    const state = isServing || isLie ? "ready" : this.#stateOf(instance, nowMs);
    const reason = state === "ready" ? "" : `${state} since its start`;
    return {
      id,
      service: release.service,
      environment: release.environment,
      release: release.id,
      host: "sim",
      port,
      state,
      exits,
      reason,
    };
  }

  #stateOf(instance: SimInstance, nowMs: number): Instance["state"] {
    if (instance.wasEverReady) return "unready";
    return nowMs - instance.startedAtMs > instance.release.run.startTimeoutMs ? "failed" : "starting";
  }

  #late(): Promise<never> {
    return new Promise((_, reject) => {
      this.#agenda.after(replyTimeoutMs, () => {
        this.#hasMicrotasks();
        reject(noAnswer());
      });
    });
  }
}

function noAnswer(): BelayError {
  return new BelayError({
    code: "BELAY_KEEPER_UNREACHABLE",
    message: "the simulated runtime did not answer",
    next: "Wait until it answers again.",
  });
}
