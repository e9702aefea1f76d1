import type { Clock } from "../ports/clock.ts";
import type { InstanceId, Release, ReleaseId } from "../rollout/rollout.ts";
import { type MemoryTaskBehaviour, MemoryTasks } from "./memory-tasks.ts";
import { MemoryWorkers } from "./memory-workers.ts";
import type { Instance, Runtime } from "./runtime.ts";
import type { TaskSpec } from "./task-runner.ts";

/** How the instances of a release behave. */
export interface MemoryBehaviour {
  /** From its start until it answers; null is never. */
  readonly readyAfterMs: number | null;
  /** It ends each time before it answers. */
  readonly crashes: boolean;
  /** It listens where other machines reach it. */
  readonly isExposed: boolean;
  /** How long it takes to end after SIGTERM; what is beyond the grace is cut off. */
  readonly drainMs: number;
}

export const wellBehaved: MemoryBehaviour = { readyAfterMs: 200, crashes: false, isExposed: false, drainMs: 0 };

export type RuntimeCall =
  | { readonly kind: "start"; readonly release: ReleaseId; readonly count: number }
  | { readonly kind: "stop"; readonly instance: InstanceId; readonly graceMs: number }
  | { readonly kind: "list" };

/** Where faults come in. Either hook may throw, which the caller sees as the call's failure. */
export interface RuntimeFaults {
  /** Before the call has had any effect: a throw is a call that never arrived. */
  before(call: RuntimeCall): Promise<void> | void;
  /** After it has had its effect: a throw is a lost reply. */
  after(call: RuntimeCall): Promise<void> | void;
  /** What `list` answers instead of the truth. */
  lie(truth: readonly Instance[]): readonly Instance[];
}

export const noFaults: RuntimeFaults = { before: () => {}, after: () => {}, lie: (truth) => truth };

interface MemoryInstance {
  readonly id: InstanceId;
  readonly release: Release;
  readonly port: number;
  readonly behaviour: MemoryBehaviour;
  readonly askedAtMs: number;
  /** When the process that runs now was started. */
  startedAtMs: number;
  wasReady: boolean;
  exits: number;
  /** Set by a test or the simulator: answers or not, whatever its behaviour says. */
  isAnswering: boolean | null;
  isStopping: boolean;
  hasFailed: boolean;
}

const restartMs = 100;
const crashesUntilFailed = 3;
/** What a process needs to crash at its start, and what the pauses between its starts come to. */
const crashAfterMs = 100;

/** Instances as notes in memory, for the simulator and for tests: no processes, no chance, and time is the given clock's. */
export class MemoryRuntime implements Runtime {
  readonly name = "process";
  readonly #clock: Clock;
  readonly #behaviourOf: (release: Release) => MemoryBehaviour;
  readonly #instances = new Map<InstanceId, MemoryInstance>();
  #lastPort = 20_000;
  faults: RuntimeFaults = noFaults;
  readonly tasks: MemoryTasks;
  readonly workers: MemoryWorkers;

  constructor(options: {
    readonly clock: Clock;
    readonly behaviourOf?: (release: Release) => MemoryBehaviour;
    readonly taskBehaviourOf?: (task: TaskSpec) => MemoryTaskBehaviour;
  }) {
    this.workers = new MemoryWorkers(options);
    this.tasks = new MemoryTasks({ clock: options.clock, behaviourOf: options.taskBehaviourOf });
    this.#clock = options.clock;
    this.#behaviourOf = options.behaviourOf ?? (() => wellBehaved);
  }

  async start(release: Release, count: number): Promise<void> {
    const call: RuntimeCall = { kind: "start", release: release.id, count };
    await this.faults.before(call);
    const own = [...this.#instances.values()].filter((instance) => isSame(instance.release, release));
    let missing = count - own.filter(({ isStopping }) => !isStopping).length;
    for (let slot = 0; missing > 0; slot += 1) {
      const id = `${release.service}.${release.environment}.${release.id}.${slot}`;
      if (this.#instances.has(id)) continue;
      this.#create(id, release);
      missing -= 1;
    }
    await this.faults.after(call);
  }

  async stop(instance: InstanceId, graceMs: number): Promise<void> {
    const call: RuntimeCall = { kind: "stop", instance, graceMs };
    await this.faults.before(call);
    const found = this.#instances.get(instance);
    if (found !== undefined) {
      found.isStopping = true;
      const drainMs = Math.min(found.behaviour.drainMs, graceMs);
      if (drainMs > 0) await this.#clock.sleep(drainMs);
      this.#instances.delete(instance);
    }
    await this.faults.after(call);
  }

  async list(): Promise<readonly Instance[]> {
    await this.faults.before({ kind: "list" });
    const answer = this.faults.lie(this.instances());
    await this.faults.after({ kind: "list" });
    return answer;
  }

  /** The truth, whatever `list` says, and without any fault. */
  instances(): readonly Instance[] {
    return [...this.#instances.values()].map((instance) => this.#describe(instance));
  }

  /** The process ends by itself and is started again. Nothing when there is no such instance. */
  crash(id: InstanceId): void {
    const instance = this.#instances.get(id);
    if (instance === undefined) return;
    this.#describe(instance);
    instance.exits += 1;
    instance.startedAtMs = this.#clock.monotonicMs();
  }

  /** Makes an instance answer, or not, from now on; null leaves it to its behaviour again. Nothing when there is no such instance. */
  setAnswering(id: InstanceId, isAnswering: boolean | null): void {
    const instance = this.#instances.get(id);
    if (instance !== undefined) instance.isAnswering = isAnswering;
  }

  /** Every process is gone, as after a restart of the machine without a keeper. */
  loseAll(): void {
    this.#instances.clear();
  }

  #create(id: InstanceId, release: Release): void {
    const nowMs = this.#clock.monotonicMs();
    this.#lastPort += 1;
    this.#instances.set(id, {
      id,
      release,
      port: this.#lastPort,
      behaviour: this.#behaviourOf(release),
      askedAtMs: nowMs,
      startedAtMs: nowMs,
      wasReady: false,
      exits: 0,
      isAnswering: null,
      isStopping: false,
      hasFailed: false,
    });
  }

  #describe(instance: MemoryInstance): Instance {
    this.#catchUp(instance);
    const { id, release, port, exits } = instance;
    const { service, environment } = release;
    return { id, service, environment, release: release.id, host: "127.0.0.1", port, exits, ...this.#standing(instance) };
  }

  /** What would have happened since it was last looked at. */
  #catchUp(instance: MemoryInstance): void {
    const { behaviour, release } = instance;
    const sinceAskedMs = this.#clock.monotonicMs() - instance.askedAtMs;
    if (behaviour.crashes) instance.exits = Math.max(instance.exits, Math.floor(sinceAskedMs / crashAfterMs));
    if (this.#isAnswering(instance) && !instance.hasFailed && !instance.isStopping) {
      if (behaviour.isExposed && release.environment === "production") instance.hasFailed = true;
      else instance.wasReady = true;
    }
    if (instance.wasReady) return;
    if (instance.exits >= crashesUntilFailed || sinceAskedMs >= release.run.startTimeoutMs) instance.hasFailed = true;
  }

  #isAnswering(instance: MemoryInstance): boolean {
    const { behaviour, isAnswering, startedAtMs, wasReady } = instance;
    const sinceMs = this.#clock.monotonicMs() - startedAtMs;
    const readyAfterMs = wasReady ? Math.min(behaviour.readyAfterMs ?? restartMs, restartMs) : behaviour.readyAfterMs;
    return isAnswering ?? (!behaviour.crashes && readyAfterMs !== null && sinceMs >= readyAfterMs);
  }

  #standing(instance: MemoryInstance): Pick<Instance, "state" | "reason"> {
    const lines = "the instance's last lines";
    const { behaviour, exits, hasFailed, isStopping, release, wasReady } = instance;
    const exposure = behaviour.isExposed ? "listens on 0.0.0.0: listen on process.env.HOST instead" : "";
    if (isStopping) return { state: "unready", reason: "is being stopped" };
    if (hasFailed && behaviour.isExposed) return { state: "failed", reason: `${exposure}\n${lines}` };
    if (hasFailed)
      return {
        state: "failed",
        reason: `ended ${exits} times, or was not ready within ${release.run.startTimeoutMs / 1000} s\n${lines}`,
      };
    if (this.#isAnswering(instance)) return { state: "ready", reason: exits > 0 ? "ended last with signal SIGKILL" : exposure };
    return { state: wasReady ? "unready" : "starting", reason: `GET ${release.run.health}: connection refused\n${lines}` };
  }
}

function isSame(a: Release, b: Release): boolean {
  return a.id === b.id && a.service === b.service && a.environment === b.environment;
}
