import { BelayError } from "../errors.ts";
import { workersOf } from "../rollout/background.ts";
import { desired } from "../rollout/desired.ts";
import type { NewEntry } from "../rollout/entry.ts";
import type { ReleaseId, Rollout } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";
import type { WorkerRun } from "../runtimes/worker-runner.ts";
import { loopActor } from "./journal.ts";
import type { World } from "./world.ts";

/** A worker that ended so often in a row, each time before it counted as alive, goes round in circles. */
const endsMax = 5;
/** How long one that could not even be started is shown before it is tried again. */
const retryFailedAfterMs = 5_000;

export interface Recording {
  /** Writes facts down. False when that is impossible. */
  record(entries: readonly NewEntry[]): boolean;
  /** The service as the ledger says it now: what was read before something was awaited may be old. */
  current(service: Service): Service | undefined;
}

/**
 * Workers: one release of a service runs them, and never two at once. The ledger says which one may; before another one may, every
 * worker of the first was told to end and has. Only then `processes-moved` is written, and only after that the others are started.
 */
export class WorkerSwitch {
  readonly #world: Pick<World, "clock" | "log" | "runtime">;
  /** Null until the runtime has answered for the first time. */
  #observed: readonly WorkerRun[] | null = null;
  /** One thing at a time for each service. */
  readonly #busy = new Set<string>();
  /** By the worker's id: how often it had ended when it was last well, or when it was first seen. */
  readonly #endsWhenWell = new Map<string, number>();
  readonly #startedHere = new Set<string>();
  readonly #failedSinceMs = new Map<string, number>();
  /** Why a worker of a release goes round in circles, with its last lines; kept after it is gone. */
  readonly #failures = new Map<string, string>();

  constructor(world: Pick<World, "clock" | "log" | "runtime">) {
    this.#world = world;
  }

  of(service: Service): readonly WorkerRun[] {
    return (this.#observed ?? []).filter((run) => run.service === service.name && run.environment === service.environment);
  }

  /** Looks at the runtime. When it does not answer, nothing is concluded from its silence. */
  async observe(services: readonly Service[]): Promise<void> {
    try {
      this.#observed = await this.#world.runtime.workers.list();
    } catch (cause) {
      if (!(cause instanceof BelayError)) throw cause;
      this.#world.log.warn("the runtime does not say which workers run", { code: cause.code, cause: cause.message });
      return;
    }
    this.#noteEnds(services);
  }

  isLooping(run: WorkerRun): boolean {
    return run.state === "failed" || run.exits - (this.#endsWhenWell.get(run.id) ?? run.exits) >= endsMax;
  }

  /** Why a release's workers do not run well, or null. */
  crashLoopOf(service: Service, release: ReleaseId | null): string | null {
    const looping = this.of(service).find((run) => run.release === release && this.isLooping(run));
    if (looping === undefined) return null;
    const { name, state, exits, reason } = looping;
    this.#failures.set(keyOf(service.environment, service.name, release), reason);
    const said = firstLine(reason);
    if (state === "failed") return `its worker ${name} could not be started: ${said}`;
    const times = exits - (this.#endsWhenWell.get(looping.id) ?? 0);
    return `its worker ${name} ended by itself ${times} times in a row; it ${said}`;
  }

  /** As `crashLoopOf`, with the last lines, for as long as this control plane lives. */
  failureOf({ environment, service, candidate }: Rollout): string | undefined {
    return this.#failures.get(keyOf(environment, service, candidate));
  }

  /** Ends what should not run, and when nothing of it is left, starts what should. What it came to, the next look tells. */
  reconcile(services: readonly Service[], recording: Recording): void {
    if (this.#observed === null) return;
    for (const service of services) {
      const key = keyOf(service.environment, service.name, "");
      const step = this.#busy.has(key) ? null : this.#nextStep(service, recording);
      if (step === null) continue;
      this.#busy.add(key);
      void this.#attempt(service, step).finally(() => this.#busy.delete(key));
    }
  }

  async #attempt(service: Service, step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (cause) {
      if (!(cause instanceof BelayError)) throw cause;
      const { name, environment } = service;
      this.#world.log.warn("workers could not be switched; it is tried again", {
        service: name,
        environment,
        cause: cause.message,
      });
    }
  }

  #nextStep(service: Service, recording: Recording): (() => Promise<void>) | null {
    const { processes: wanted } = desired(service);
    const { processOwner: owner } = service;
    const observed = this.of(service);
    if (owner !== wanted) {
      const isNeeded = observed.length > 0 || hasProcesses(service, owner) || hasProcesses(service, wanted);
      return isNeeded ? () => this.#move(service, recording) : null;
    }
    const workers = workersOf(releaseOf(service, wanted)?.processes);
    const strays = observed.filter((run) => run.release !== wanted || workers.every(({ name }) => name !== run.name));
    if (strays.length > 0) return () => this.#stop(service, strays);
    const missing = workers.filter(({ name }) => {
      const run = observed.find((one) => one.name === name);
      return run === undefined || (run.state === "failed" && this.#isDueAgain(run));
    });
    return missing.length === 0 ? null : () => this.#start(service, missing);
  }

  async #move(service: Service, { record, current }: Recording): Promise<void> {
    const { processes: to } = desired(service);
    const { processOwner: from } = service;
    // By the ledger and not by the list alone: one that a list leaves out may run.
    const known = workersOf(releaseOf(service, from)?.processes).map(({ name }) => ({ release: from ?? "", name }));
    const others = this.of(service).filter(({ release }) => release !== to && release !== from);
    await this.#stop(service, [...known, ...others]);
    const left = (await this.#world.runtime.workers.list()).filter(
      (run) => run.service === service.name && run.environment === service.environment && run.release !== to,
    );
    const now = current(service);
    if (left.length > 0 || now === undefined || now.processOwner !== from || desired(now).processes !== to) return;
    const fact = { kind: "processes-moved", from, release: to } as const;
    record([{ environment: service.environment, service: service.name, rollout: "", actor: loopActor, fact }]);
  }

  /** Every one of them, told at once; resolves when all have ended. */
  async #stop(service: Service, runs: readonly { readonly release: ReleaseId; readonly name: string }[]): Promise<void> {
    await Promise.all(
      runs.map(({ release: id, name }) => {
        const release = releaseOf(service, id);
        return release === undefined ? undefined : this.#world.runtime.workers.stop(release, name, release.run.drainTimeoutMs);
      }),
    );
  }

  async #start(service: Service, missing: ReturnType<typeof workersOf>): Promise<void> {
    const release = releaseOf(service, service.processOwner);
    if (release === undefined) return;
    // Nothing of the releases before is left when another one's workers are started.
    const others = [...this.#startedHere].filter(
      (key) =>
        key.startsWith(keyOf(service.environment, service.name, "")) &&
        !key.startsWith(keyOf(service.environment, service.name, `${release.id}/`)),
    );
    for (const key of others) this.#startedHere.delete(key);
    for (const worker of missing) {
      this.#startedHere.add(keyOf(service.environment, service.name, `${release.id}/${worker.name}`));
      await this.#world.runtime.workers.start(release, worker);
    }
  }

  #isDueAgain({ id }: WorkerRun): boolean {
    const nowMs = this.#world.clock.monotonicMs();
    if (nowMs - this.#failedSinceMs.getOrInsert(id, nowMs) < retryFailedAfterMs) return false;
    this.#failedSinceMs.delete(id);
    return true;
  }

  #noteEnds(services: readonly Service[]): void {
    const present = new Set((this.#observed ?? []).map(({ id }) => id));
    for (const id of this.#endsWhenWell.keys()) if (!present.has(id)) this.#endsWhenWell.delete(id);
    for (const service of services) {
      for (const run of this.of(service)) {
        const spec = workersOf(releaseOf(service, run.release)?.processes).find(({ name }) => name === run.name);
        const isWell = run.state === "running" && run.ranMs >= (spec?.aliveAfterMs ?? 0);
        const isOwn = this.#startedHere.has(keyOf(service.environment, service.name, `${run.release}/${run.name}`));
        // What ended before anybody watched says nothing about how it goes now.
        if (isWell || !this.#endsWhenWell.has(run.id)) this.#endsWhenWell.set(run.id, isOwn && !isWell ? 0 : run.exits);
      }
    }
  }
}

function releaseOf(service: Service, id: ReleaseId | null): Service["releases"][string] | undefined {
  return id === null ? undefined : service.releases[id];
}

function hasProcesses(service: Service, id: ReleaseId | null): boolean {
  return (releaseOf(service, id)?.processes ?? []).length > 0;
}

function keyOf(environment: string, service: string, release: string | null): string {
  return `${environment}/${service}/${release ?? ""}`;
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}
