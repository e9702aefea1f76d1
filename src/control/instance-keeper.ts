import { BelayError } from "../errors.ts";
import { desired } from "../rollout/desired.ts";
import type { NewEntry } from "../rollout/entry.ts";
import type { InstanceId, ReleaseId, Rollout } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";
import { findRelease } from "../rollout/shadow.ts";
import type { Instance } from "../runtimes/runtime.ts";
import { loopActor } from "./journal.ts";
import type { World } from "./world.ts";

/** One list that leaves an instance out proves nothing, and a pool without any target fails every request. */
const goneAfterMs = 10_000;

/** How long one that cannot be started is shown before it is tried again: each try reads the whole bundle. */
const retryFailedAfterMs = 5_000;

/** What the proxies say of a release that should go. */
export interface Traffic {
  readonly isRouted: boolean;
  readonly inFlight: number;
}

export interface Reconciling {
  trafficOf(service: Service, release: ReleaseId): Traffic;
  /** Writes facts down. False when that is impossible. */
  record(entries: readonly NewEntry[]): boolean;
}

/**
 * Instances: what the runtime shows, what the ledger says of it, and the difference to what is desired. A release that is
 * not wanted any more is stopped only when no proxy routes to it and its last request has been answered or its time to
 * drain is over.
 */
export class InstanceKeeper {
  #world: World;
  #observed: readonly Instance[] = [];
  #stopping = new Map<InstanceId, Promise<void>>();
  /** Of these maps the keys are `keyOf` a service's release: environments may have one release in common. */
  #starting = new Map<string, Promise<void>>();
  #sparedSinceMs = new Map<string, number>();
  #downSinceMs: ReadonlyMap<string, number> = new Map();
  #unreadySinceMs: ReadonlyMap<string, number> = new Map();
  #failures = new Map<string, string>();
  #failedSinceMs: ReadonlyMap<InstanceId, number> = new Map();
  #missingSinceMs = new Map<InstanceId, number>();

  constructor(world: World) {
    this.#world = world;
  }

  get all(): readonly Instance[] {
    return this.#observed;
  }

  of(service: Service, release: ReleaseId | null): readonly Instance[] {
    return this.#ofService(service).filter((instance) => instance.release === release);
  }

  /** Why an instance of a rollout's candidate failed, with its last lines; kept after the instance is gone. */
  failureOf({ environment, service, candidate }: Rollout): string | undefined {
    return candidate === null ? undefined : this.#failures.get(keyOf({ environment, service }, candidate));
  }

  /** How long a wanted release has had no ready instance, as far as this process knows; 0 while it has one. */
  downForMs(service: Service, release: ReleaseId | null): number {
    if (release === null || hasReady(service, release)) return 0;
    const sinceMs = this.#downSinceMs.get(keyOfService(service, release));
    return sinceMs === undefined ? 0 : this.#world.clock.monotonicMs() - sinceMs;
  }

  /** How long an instance of a wanted release that was ready has not been, as far as this process knows; 0 when all are. */
  unreadyForMs(service: Service, release: ReleaseId | null): number {
    const sinceMs = release === null ? undefined : this.#unreadySinceMs.get(keyOfService(service, release));
    return sinceMs === undefined ? 0 : this.#world.clock.monotonicMs() - sinceMs;
  }

  /** Looks at the runtime. Null when it does not answer: then nothing is concluded from its silence. */
  async observe(): Promise<readonly Instance[] | null> {
    try {
      this.#observed = await this.#world.runtime.list();
      const failed = this.#observed.filter(({ state }) => state === "failed");
      for (const instance of failed) this.#failures.set(keyOf(instance, instance.release), instance.reason);
      const nowMs = this.#world.clock.monotonicMs();
      this.#failedSinceMs = new Map(failed.map(({ id }) => [id, this.#failedSinceMs.get(id) ?? nowMs]));
      return this.#observed;
    } catch (cause) {
      if (!(cause instanceof BelayError)) throw cause;
      this.#world.log.warn("the runtime does not answer", { code: cause.code, cause: cause.message });
      return null;
    }
  }

  /** What the ledger does not know yet about instances that have become ready or stopped answering. */
  differences(services: readonly Service[]): readonly NewEntry[] {
    this.#noteDown(services);
    return services.flatMap((service) => [...this.#becameReady(service), ...this.#wereLost(service)]);
  }

  #noteDown(services: readonly Service[]): void {
    const nowMs = this.#world.clock.monotonicMs();
    const wanted = services.flatMap((service) => desired(service).running.map((release) => ({ service, release })));
    const since = (before: ReadonlyMap<string, number>, isSo: (service: Service, release: ReleaseId) => boolean) => {
      const found = wanted.filter(({ service, release }) => isSo(service, release));
      return new Map(
        found.map(({ service, release }) => keyOfService(service, release)).map((key) => [key, before.get(key) ?? nowMs]),
      );
    };
    const hasUnready = (service: Service, release: ReleaseId) =>
      this.of(service, release).some(({ id, state }) => state === "unready" && !this.#stopping.has(id));
    this.#downSinceMs = since(this.#downSinceMs, (service, release) => !hasReady(service, release));
    this.#unreadySinceMs = since(this.#unreadySinceMs, hasUnready);
    const tried = new Set(services.map((service) => keyOfService(service, service.rollout?.candidate ?? "")));
    for (const key of this.#failures.keys()) if (!tried.has(key)) this.#failures.delete(key);
  }

  #becameReady(service: Service): readonly NewEntry[] {
    return this.#ofService(service)
      .filter(({ id, state }) => state === "ready" && !this.#stopping.has(id))
      .filter(({ id, host, port }) => {
        const known = service.instances[id];
        return known === undefined || !known.isReady || known.host !== host || known.port !== port;
      })
      .map(({ id, release, host, port }) => this.#entry(service, { kind: "instance-ready", instance: id, release, host, port }));
  }

  /** An instance of a wanted release that a list leaves out has not answered; it is gone for good when the lists after that say so too. */
  #wereLost(service: Service): readonly NewEntry[] {
    const observed = new Map(this.#ofService(service).map((instance) => [instance.id, instance]));
    const { running } = desired(service);
    return Object.values(service.instances).flatMap(({ id, release, isReady }) => {
      const seen = observed.get(id);
      const missingForMs = this.#missingForMs(id, seen === undefined);
      const isGone = seen === undefined && (!running.includes(release) || missingForMs >= goneAfterMs);
      if (isGone) this.#missingSinceMs.delete(id);
      if (seen?.state === "ready" || (!isReady && !isGone)) return [];
      const reason = seen === undefined ? (isGone ? "stopped" : "not listed") : (seen.reason.split("\n", 1)[0] ?? "");
      return [this.#entry(service, { kind: "instance-lost", instance: id, release, isGone, reason })];
    });
  }

  #missingForMs(id: InstanceId, isMissing: boolean): number {
    if (!isMissing) {
      this.#missingSinceMs.delete(id);
      return 0;
    }
    const nowMs = this.#world.clock.monotonicMs();
    return nowMs - this.#missingSinceMs.getOrInsert(id, nowMs);
  }

  /** Stops what nobody needs and starts what is missing. Neither is waited for: what it came to, the next look tells. */
  reconcile(services: readonly Service[], reconciling: Reconciling): void {
    const present = new Set(this.#observed.map((instance) => keyOf(instance, instance.release)));
    for (const key of this.#sparedSinceMs.keys()) if (!present.has(key)) this.#sparedSinceMs.delete(key);
    for (const service of services) {
      const { running } = desired(service);
      for (const instance of this.#ofService(service)) {
        if (!running.includes(instance.release)) this.#retire(service, instance, reconciling);
        else if (instance.state === "failed" && !isCandidate(service, instance.release)) this.#stopFailed(instance);
      }
      for (const release of running) {
        this.#sparedSinceMs.delete(keyOfService(service, release));
        this.#start(service, release);
      }
    }
  }

  #start(service: Service, id: ReleaseId): void {
    const key = keyOfService(service, id);
    const release = findRelease(service, id);
    if (release === undefined || this.#starting.has(key)) return;
    const present = this.of(service, id).filter((instance) => !this.#stopping.has(instance.id));
    if (present.length >= release.run.instances || present.some((instance) => instance.state === "failed")) return;
    const starting = this.#world.runtime
      .start(release, release.run.instances)
      .catch((cause: unknown) => {
        if (!(cause instanceof BelayError)) throw cause;
        this.#world.log.warn("instances could not be started", { release: id, code: cause.code, cause: cause.message });
      })
      .finally(() => this.#starting.delete(key));
    this.#starting.set(key, starting);
  }

  #stopFailed(instance: Instance): void {
    const nowMs = this.#world.clock.monotonicMs();
    if (nowMs - (this.#failedSinceMs.get(instance.id) ?? nowMs) >= retryFailedAfterMs) this.#stop(instance, 0);
  }

  #retire(service: Service, instance: Instance, { trafficOf, record }: Reconciling): void {
    const nowMs = this.#world.clock.monotonicMs();
    const { id, release } = instance;
    const { isRouted, inFlight } = trafficOf(service, release);
    if (isRouted || this.#stopping.has(id)) return;
    const sparedForMs = nowMs - this.#sparedSinceMs.getOrInsert(keyOfService(service, release), nowMs);
    const drainMs = findRelease(service, release)?.run.drainTimeoutMs ?? 0;
    if (inFlight > 0 && sparedForMs < drainMs) return;
    // Recorded first: a rollback that comes while it ends must not take it for one that answers.
    const lost = { kind: "instance-lost", instance: id, release, isGone: true, reason: "stopped" } as const;
    const isRecorded = service.instances[id] === undefined || record([this.#entry(service, lost)]);
    if (isRecorded) this.#stop(instance, Math.max(1_000, drainMs - sparedForMs));
  }

  #stop(instance: Instance, graceMs: number): void {
    if (this.#stopping.has(instance.id)) return;
    const stopping = this.#world.runtime
      .stop(instance.id, graceMs)
      .catch((cause: unknown) => {
        if (!(cause instanceof BelayError)) throw cause;
        this.#world.log.warn("an instance could not be stopped; it is tried again", {
          instance: instance.id,
          cause: cause.message,
        });
      })
      .finally(() => this.#stopping.delete(instance.id));
    this.#stopping.set(instance.id, stopping);
  }

  #ofService(service: Service): readonly Instance[] {
    return this.#observed.filter((instance) => instance.service === service.name && instance.environment === service.environment);
  }

  #entry(service: Service, fact: NewEntry["fact"]): NewEntry {
    return { environment: service.environment, service: service.name, rollout: "", actor: loopActor, fact };
  }
}

function keyOf({ environment, service }: Pick<Instance, "environment" | "service">, release: ReleaseId): string {
  return `${environment}/${service}/${release}`;
}

function keyOfService({ environment, name }: Service, release: ReleaseId): string {
  return keyOf({ environment, service: name }, release);
}

function hasReady(service: Service, release: ReleaseId): boolean {
  return Object.values(service.instances).some((instance) => instance.release === release && instance.isReady);
}

function isCandidate(service: Service, release: ReleaseId): boolean {
  return service.rollout?.candidate === release && service.stable !== release;
}
