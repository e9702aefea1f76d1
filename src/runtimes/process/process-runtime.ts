import { BelayError } from "../../errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { Random } from "../../ports/random.ts";
import type { InstanceId, Release } from "../../rollout/rollout.ts";
import type { Instance, Runtime } from "../runtime.ts";
import { type BootAnswer, BootTrials } from "./boot-trials.ts";
import { FreePorts } from "./free-ports.ts";
import { type InstanceRecord, InstanceRecords } from "./instance-record.ts";
import { instanceHost, instanceId, instanceSpec, isInstanceId, slotOf } from "./instance-spec.ts";
import { InstanceWatch } from "./instance-watch.ts";
import type { Probe } from "./probe.ts";
import type { KeptProcess } from "./process-keeper.ts";
import { ReleaseStarter, type ReleaseStarterOptions, refusalOf } from "./release-starter.ts";
import { ScratchFolders } from "./scratch-folders.ts";
import { TaskProcesses } from "./task-processes.ts";
import { WorkerProcesses } from "./worker-processes.ts";

const shownLines = 20;

export interface ProcessRuntimeOptions extends ReleaseStarterOptions {
  /** For records and scratch folders of instances. */
  readonly folder: string;
  readonly logTail: (file: string, lines: number) => Promise<string>;
  readonly probe: Probe;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface ProcessRuntime extends Runtime {
  /**
   * Starts the release beside everything that runs, without traffic, until it answers its health check or does not. It has ended when
   * this returns; one whose control plane was killed meanwhile is ended by the next. Throws what `ReleaseStarter.place` throws, and
   * rejects with the signal's reason on abort.
   */
  tryBoot(release: Release, signal: AbortSignal): Promise<BootAnswer>;
  /** Stops looking at the instances; they run on. */
  close(): void;
}

/** Runs instances as processes of this machine, children of its keeper. Finds those that ran before by asking the keeper. */
export function openProcessRuntime(options: ProcessRuntimeOptions): ProcessRuntime {
  return new Processes(options);
}

class Processes implements ProcessRuntime {
  readonly name = "process";
  readonly tasks: TaskProcesses;
  readonly workers: WorkerProcesses;
  readonly #options: ProcessRuntimeOptions;
  readonly #starter: ReleaseStarter;
  readonly #records: InstanceRecords;
  readonly #watches = new Map<InstanceId, InstanceWatch>();
  /** What could not even be started; tried again at the next `start`. */
  readonly #refused = new Map<InstanceId, Instance>();
  readonly #ports: FreePorts;
  readonly #trials: BootTrials;
  readonly #stopListening: () => void;

  constructor(options: ProcessRuntimeOptions) {
    this.#options = options;
    this.#starter = new ReleaseStarter(options);
    const beside = { ...options, starter: this.#starter, scratch: new ScratchFolders(options) };
    this.tasks = new TaskProcesses(beside);
    this.workers = new WorkerProcesses(beside);
    this.#ports = new FreePorts(options);
    this.#trials = new BootTrials({ ...beside, ports: this.#ports });
    this.#records = new InstanceRecords(options.folder);
    void this.#tidyUp(() => this.#records.removeLeftovers());
    void this.#tidyUp(() => this.#trials.removeLeftovers());
    this.#stopListening = options.keeper.onExit(({ name, lastExit }) => void this.#noteExit(name, lastExit));
  }

  async start(release: Release, count: number): Promise<void> {
    for (const [id, refused] of this.#refused) if (isOf(release, refused)) this.#refused.delete(id);
    const kept = instancesAmong(await this.#options.keeper.list());
    const own = kept.filter(({ env }) => env["BELAY_RELEASE"] === release.id && isOf(release, serviceOf(env)));
    const usedSlots = new Set(own.map(({ name }) => slotOf(name)));
    const missing = count - own.filter(({ state }) => state !== "stopping").length;
    const slots = Array.from({ length: usedSlots.size + Math.max(missing, 0) }, (_, slot) => slot).filter(
      (slot) => !usedSlots.has(slot),
    );
    for (const slot of slots.slice(0, Math.max(missing, 0))) await this.#startOne(release, instanceId(release, slot));
  }

  async stop(instance: InstanceId, graceMs: number): Promise<void> {
    this.#refused.delete(instance);
    if (!isInstanceId(instance)) return;
    await this.#options.keeper.stop(instance, graceMs);
    this.#forget(instance);
    await this.#tidyUp(() => this.#records.remove(instance));
  }

  async list(): Promise<readonly Instance[]> {
    const known = [...this.#watches.keys()];
    const kept = instancesAmong(await this.#options.keeper.list());
    for (const id of known) if (!kept.some(({ name }) => name === id)) this.#forget(id);
    const found = await Promise.all(kept.map((process_) => this.#describe(process_)));
    return [...found, ...this.#refused.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1));
  }

  tryBoot(release: Release, signal: AbortSignal): Promise<BootAnswer> {
    return this.#trials.boot(release, signal);
  }

  close(): void {
    this.#stopListening();
    for (const watch of this.#watches.values()) watch.close();
    this.#watches.clear();
  }

  /** What a service left in its folders can be beyond our rights, and must stop nothing but its own removal. */
  async #tidyUp(remove: () => Promise<void>): Promise<void> {
    try {
      await remove();
    } catch (cause) {
      if (!(cause instanceof Error) || !("code" in cause)) throw cause;
      this.#options.log.warn("what an instance left cannot be removed", { cause: cause.message });
    }
  }

  async #startOne(release: Release, id: InstanceId): Promise<void> {
    let port = 0;
    try {
      const place = await this.#starter.place({ release, id, scratchFolder: this.#records.scratchFolder(id) });
      // Only now: to read the bundle takes a while, in which another release may have been started.
      port = await this.#ports.take();
      this.#records.create(id, release, port);
      await this.#starter.run(instanceSpec({ ...place, port }));
    } catch (cause) {
      const { code, message, next } = refusalOf(cause);
      this.#options.log.error("an instance cannot be started", { instance: id, code, message });
      const { service, environment, id: release_ } = release;
      const reason = `${message} (${code}). ${next}`;
      this.#refused.set(id, {
        id,
        service,
        environment,
        release: release_,
        host: instanceHost,
        port,
        state: "failed",
        exits: 0,
        reason,
      });
      return;
    } finally {
      this.#ports.giveBack(port);
    }
    this.#watch(id, { exits: 0, lastExit: "" });
  }

  /** The watch of an instance; undefined when nothing is recorded of it, so that nobody knows how to ask it. */
  #watch(id: InstanceId, past: Pick<KeptProcess, "exits" | "lastExit">): InstanceWatch | undefined {
    const present = this.#watches.get(id);
    const record = present?.record ?? this.#records.read(id);
    if (present !== undefined || record === undefined) return present;
    const { clock, probe, keeper } = this.#options;
    const watch = new InstanceWatch({
      record,
      past,
      clock,
      probe,
      kept: async () => (await keeper.list()).find(({ name }) => name === id),
      onFirstReady: (ready) => this.#noteReady(ready),
    });
    this.#watches.set(id, watch);
    return watch;
  }

  async #describe(process_: KeptProcess): Promise<Instance> {
    const { name: id, env, exits, lastExit, logFile, state } = process_;
    const isNew = !this.#watches.has(id);
    const watch = this.#watch(id, process_);
    watch?.noteExits(exits, lastExit);
    // Found running, after this control plane was started anew: ask it before anything is said about it.
    if (isNew) await watch?.firstProbe;
    const standing =
      state === "stopping" ? { state: "unready" as const, reason: "is being stopped" } : (watch?.standing ?? unknownInstance);
    const lines = standing.state === "ready" ? "" : await this.#options.logTail(logFile, shownLines);
    return {
      id,
      ...serviceOf(env),
      release: env["BELAY_RELEASE"] ?? "",
      host: instanceHost,
      port: Number(env["PORT"]),
      state: standing.state,
      exits,
      reason: lines === "" ? standing.reason : `${standing.reason}\n${lines}`,
    };
  }

  /** The push tells that it ended; how often, the keeper's list says. */
  async #noteExit(id: InstanceId, lastExit: string): Promise<void> {
    const watch = this.#watches.get(id);
    if (watch === undefined) return;
    try {
      const kept = (await this.#options.keeper.list()).find(({ name }) => name === id);
      if (kept !== undefined) watch.noteExits(kept.exits, lastExit);
    } catch (cause) {
      // The keeper is gone or this client is closed: the next `list` counts the exit.
      if (!(cause instanceof BelayError)) throw cause;
    }
  }

  #noteReady(ready: InstanceRecord): void {
    try {
      this.#records.write(ready);
    } catch (cause) {
      // It is only a hint for the next control plane, which otherwise waits for this instance as for one that starts.
      if (!(cause instanceof BelayError)) throw cause;
      this.#options.log.warn("that an instance is ready cannot be noted", { instance: ready.id, message: cause.message });
    }
  }

  #forget(id: InstanceId): void {
    this.#watches.get(id)?.close();
    this.#watches.delete(id);
  }
}

const unknownInstance = {
  state: "failed" as const,
  reason:
    "its record in the data folder is missing, so nobody knows how to ask whether it is well: it must be stopped and started anew",
};

function instancesAmong(processes: readonly KeptProcess[]): readonly KeptProcess[] {
  return processes.filter(({ name, env }) => env["BELAY_INSTANCE"] === name && isInstanceId(name));
}

function serviceOf(env: KeptProcess["env"]): Pick<Instance, "service" | "environment"> {
  return { service: env["BELAY_SERVICE"] ?? "", environment: env["BELAY_ENVIRONMENT"] ?? "" };
}

function isOf(release: Release, other: Pick<Instance, "service" | "environment"> & { readonly release?: string }): boolean {
  const isSameRelease = other.release === undefined || other.release === release.id;
  return isSameRelease && other.service === release.service && other.environment === release.environment;
}
