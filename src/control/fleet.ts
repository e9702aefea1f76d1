import type { ReleaseId, Rollout } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";
import type { RoutingTable } from "../routing/table.ts";
import type { Brake, OpenOnStable } from "../routing/wire.ts";
import type { WorkerView } from "../routing/worker-view.ts";
import type { Traffic } from "./instance-keeper.ts";
import { isRouted } from "./routing-table.ts";
import type { World } from "./world.ts";

/** A worker that runs and has not acknowledged the table for this long is replaced: no change waits for ever for a hung process. */
const acknowledgeWithinMs = 5_000;
/** One that has never said hello may still be starting, on a machine that has much to do. */
const startWithinMs = 20_000;

/**
 * The proxy workers as a whole. Two sources are held against each other: the keeper says which workers run, the links say
 * what each of them serves. A worker that runs and is silent may still serve an older table.
 */
export class Fleet {
  #world: Pick<World, "clock" | "log" | "dataPlane" | "runningWorkers" | "replaceWorker">;
  /** Null while nobody can tell which workers run. */
  #pids: readonly number[] | null = null;
  /** Since when a running worker has been behind the present table. */
  #behindSinceMs = new Map<number, number>();

  constructor(world: Pick<World, "clock" | "log" | "dataPlane" | "runningWorkers" | "replaceWorker">) {
    this.#world = world;
  }

  /** Asks which workers run, and replaces those that do not take the table. */
  async look(table: RoutingTable): Promise<void> {
    try {
      this.#pids = await this.#world.runningWorkers();
    } catch (cause) {
      this.#pids = null;
      this.#world.log.warn("the keeper does not say which workers run", { cause: String(cause) });
    }
    await this.#replaceHung(table);
  }

  /** Every worker that runs serves the table. Not known means no. */
  serves(table: RoutingTable): boolean {
    if (this.#pids === null || this.#behind(table).length > 0) return false;
    // One that is being replaced is not among those that should run, and still answers its last visitors.
    return this.#world.dataPlane.workers().every((worker) => !worker.isConnected || worker.acknowledgedEpoch === table.epoch);
  }

  /** Whether any worker may still route to the release, and how many of its requests are in flight. */
  trafficOf(table: RoutingTable, service: Service, release: ReleaseId): Traffic {
    let inFlight = 0;
    for (const worker of this.#world.dataPlane.workers()) inFlight += worker.isConnected ? (worker.inFlight[release] ?? 0) : 0;
    return { isRouted: !this.serves(table) || isRouted(table, service, release), inFlight };
  }

  /** A worker that runs and is not connected may still hold failures of the past, so nothing later than its last word is settled. */
  settledUntilMs(nowMs: number): number {
    const workers = this.#world.dataPlane.workers();
    if (this.#pids === null) return 0;
    const settled = this.#pids.map((pid) => workers.findLast((worker) => worker.pid === pid)?.settledUntilMs ?? 0);
    return Math.min(nowMs, ...settled);
  }

  /**
   * What of the rollout is open on stable, of all workers together. Of one that runs and does not say, nothing is known that began
   * after its settled time. One that is being replaced still answers its last visitors, and is reckoned with as long as it is there.
   */
  openOnStable(rollout: string, nowMs: number): OpenOnStable {
    const workers = this.#world.dataPlane.workers().filter(({ isConnected, pid }) => isConnected || this.#pids?.includes(pid));
    const isEachThere = this.#pids?.every((pid) => workers.some((worker) => worker.pid === pid)) ?? false;
    if (!isEachThere) return { rollout, requests: [], knownUntilMs: 0 };
    const told = workers.map(({ openOnStable, settledUntilMs }) => {
      const nothing = { requests: [], knownUntilMs: openOnStable?.toldAtMs ?? settledUntilMs };
      return openOnStable?.rollouts.find((open) => open.rollout === rollout) ?? nothing;
    });
    const requests = told.flatMap((open) => open.requests);
    return { rollout, requests, knownUntilMs: Math.min(nowMs, ...told.map(({ knownUntilMs }) => knownUntilMs)) };
  }

  /** Brakes of the rollout's present exposure, with the name of the worker that reports each. */
  brakesOf(rollout: Rollout): readonly (Brake & { readonly worker: string })[] {
    return this.#world.dataPlane
      .workers()
      .filter((worker) => worker.isConnected)
      .flatMap(({ brakes, worker }) => brakes.map((brake) => ({ ...brake, worker })))
      .filter((brake) => brake.rollout === rollout.id && brake.exposureEpoch === rollout.exposureEpoch);
  }

  /** Workers that run and have not taken the table yet. One that serves a newer table refuses this one, and is right to. */
  #behind(table: RoutingTable): readonly number[] {
    const workers = this.#world.dataPlane.workers();
    const isServing = (worker: WorkerView) => worker.isConnected && worker.acknowledgedEpoch >= table.epoch;
    return (this.#pids ?? []).filter((pid) => !workers.some((worker) => worker.pid === pid && isServing(worker)));
  }

  async #replaceHung(table: RoutingTable): Promise<void> {
    const nowMs = this.#world.clock.monotonicMs();
    const behind = this.#behind(table);
    for (const pid of this.#behindSinceMs.keys()) if (!behind.includes(pid)) this.#behindSinceMs.delete(pid);
    for (const pid of behind) {
      const isKnown = this.#world.dataPlane.workers().some((worker) => worker.pid === pid);
      if (nowMs - this.#behindSinceMs.getOrInsert(pid, nowMs) < (isKnown ? acknowledgeWithinMs : startWithinMs)) continue;
      this.#behindSinceMs.delete(pid);
      this.#world.log.warn("a worker does not acknowledge its table and is replaced", { pid });
      await this.#world.replaceWorker(pid);
    }
  }
}
