import { type Burning, BurnRates, type BurnRatesState } from "../analysis/burn-rate.ts";
import type { ShieldSummary } from "../rollout/evidence-summary.ts";
import type { Counter } from "../routing/wire.ts";
import type { WorkerReport } from "../routing/worker-view.ts";
import { ShadowCounts, type ShadowSnapshot, type ShadowTotals } from "./shadow-counts.ts";
import { sumShield } from "./shield-counts.ts";

type Reported = Pick<WorkerReport, "worker" | "boot" | "counters" | "newVisitors" | "shadows">;

/** Requests of one rollout, summed over all workers. */
export interface RolloutTraffic {
  readonly canary: { readonly requests: number; readonly failed: number };
  readonly stable: { readonly requests: number; readonly failed: number };
  /** Of stable's, those that ended well or badly while visitors were drawn: not of a shadow's or a cohort's step, or of a pause. */
  readonly comparedOnStable: number;
  readonly cohort: { readonly requests: number; readonly failed: number };
  readonly preview: { readonly requests: number; readonly failed: number };
  /** Failed canary answers that reached a user. */
  readonly harmedRequests: number;
  /** Absent when the shield had no part in any request. */
  readonly shield?: ShieldSummary;
  /** Absent as long as no worker has told of copies. */
  readonly shadow?: ShadowTotals;
}

/** What a service had in the last minute. */
export interface ServiceTraffic {
  readonly requests: number;
  readonly failed: number;
  readonly newVisitors: number;
}

interface Second {
  readonly second: number;
  readonly byService: Map<string, { requests: number; failed: number; newVisitors: number }>;
}

export interface TrafficSnapshot {
  readonly counters: readonly (readonly [string, readonly Counter[]])[];
  /** By service; absent in snapshots from before it was kept. On the machine's monotonic clock, so of use in its present life only. */
  readonly burn?: readonly (readonly [string, BurnRatesState])[] | undefined;
  /** Absent in snapshots from before shadows. */
  readonly shadows?: ShadowSnapshot | undefined;
}

const keptSeconds = 60;

/**
 * What the workers counted. Counters are cumulative since a worker's boot, so a report that comes twice changes nothing;
 * a worker that was replaced leaves its last counts behind.
 */
export class TrafficCounts {
  /** By worker and boot, then by counter. */
  #byBoot = new Map<string, Map<string, Counter>>();
  #newVisitorsByBoot = new Map<string, number>();
  #seconds: Second[] = [];
  #burn = new Map<string, BurnRates>();
  #shadows = new ShadowCounts();

  absorb({ worker, boot, counters, newVisitors, shadows = [] }: Reported, nowMs: number): void {
    const bootKey = `${worker}/${boot}`;
    this.#shadows.absorb(bootKey, shadows);
    for (const { environment, service, count } of newVisitors) {
      const key = `${bootKey} ${environment}/${service}`;
      // A control plane that has just started has missed when they came, so they are not this second's.
      const before = this.#newVisitorsByBoot.get(key) ?? count;
      this.#newVisitorsByBoot.set(key, count);
      this.#secondOf({ environment, service }, nowMs).newVisitors += count - before;
    }
    const known = this.#byBoot.get(bootKey) ?? new Map<string, Counter>();
    this.#byBoot.set(bootKey, known);
    for (const counter of counters) {
      const key = keyOf(counter);
      const before = known.get(key)?.count ?? 0;
      if (counter.count <= before) continue;
      known.set(key, counter);
      const second = this.#secondOf(counter, nowMs);
      second.requests += counter.count - before;
      const added = counter.count - before;
      if (counter.outcome === "failed") second.failed += added;
      if (counter.outcome === "excluded") continue;
      const failed = counter.outcome === "failed" ? added : 0;
      this.#burnOf(counter.environment, counter.service).add({ requests: added, failed, nowMs });
    }
  }

  rollout(id: string): RolloutTraffic {
    const bySide = {
      canary: { requests: 0, failed: 0 },
      stable: { requests: 0, failed: 0 },
      cohort: { requests: 0, failed: 0 },
      preview: { requests: 0, failed: 0 },
    };
    let [harmedRequests, comparedOnStable] = [0, 0];
    const own: Counter[] = [];
    for (const known of this.#byBoot.values()) {
      for (const counter of known.values()) {
        if (counter.rollout !== id) continue;
        own.push(counter);
        const side = bySide[counter.arm];
        side.requests += counter.count;
        if (counter.outcome === "failed") side.failed += counter.count;
        if (counter.isHarm) harmedRequests += counter.count;
        if (counter.arm === "stable" && counter.weight > 0 && counter.outcome !== "excluded") comparedOnStable += counter.count;
      }
    }
    const shield = sumShield(own);
    const shadow = this.#shadows.rollout(id);
    return {
      ...bySide,
      comparedOnStable,
      harmedRequests,
      ...(shield === undefined ? {} : { shield }),
      ...(shadow === undefined ? {} : { shadow }),
    };
  }

  lastMinute(environment: string, service: string, nowMs: number): ServiceTraffic {
    const sum = { requests: 0, failed: 0, newVisitors: 0 };
    for (const { second, byService } of this.#seconds) {
      if (second <= nowMs / 1000 - keptSeconds) continue;
      const counted = byService.get(`${environment}/${service}`);
      sum.requests += counted?.requests ?? 0;
      sum.failed += counted?.failed ?? 0;
      sum.newVisitors += counted?.newVisitors ?? 0;
    }
    return sum;
  }

  /** In which windows the error budget of `availability` burns too fast, on whichever side. */
  burning(
    environment: string,
    service: string,
    objective: { readonly availability: number; readonly nowMs: number },
  ): readonly Burning[] {
    return this.#burn.get(`${environment}/${service}`)?.burning(objective.availability, objective.nowMs) ?? [];
  }

  /** How much of the last minute there was anything of the service to count, at least 1 s. */
  watchedSeconds(environment: string, service: string, nowMs: number): number {
    const nowSecond = nowMs / 1000;
    const first = this.#seconds.find(
      ({ second, byService }) => second > nowSecond - keptSeconds && byService.has(`${environment}/${service}`),
    );
    return Math.min(keptSeconds, Math.max(1, nowSecond - (first?.second ?? nowSecond)));
  }

  /** Drops what a rollout counted that nobody will ask for again. */
  forgetRollouts(isWanted: (rollout: string) => boolean): void {
    this.#shadows.forgetRollouts(isWanted);
    for (const known of this.#byBoot.values()) {
      for (const [key, counter] of known) if (counter.rollout !== "" && !isWanted(counter.rollout)) known.delete(key);
    }
  }

  /** Forgets a worker's process that has ended. False, and nothing happens, while it has a part in a rollout's totals. */
  forgetBoot(worker: string, boot: string): boolean {
    const bootKey = `${worker}/${boot}`;
    const known = this.#byBoot.get(bootKey);
    if (known?.values().some(({ rollout }) => rollout !== "") === true || this.#shadows.knows(bootKey)) return false;
    this.#byBoot.delete(bootKey);
    for (const key of this.#newVisitorsByBoot.keys()) if (key.startsWith(`${bootKey} `)) this.#newVisitorsByBoot.delete(key);
    return true;
  }

  snapshot(): TrafficSnapshot {
    return {
      counters: [...this.#byBoot].map(([boot, known]) => [boot, [...known.values()]] as const),
      burn: [...this.#burn].map(([service, rates]) => [service, rates.state()] as const),
      shadows: this.#shadows.snapshot(),
    };
  }

  restore(snapshot: TrafficSnapshot): void {
    for (const [boot, counters] of snapshot.counters) {
      this.#byBoot.set(boot, new Map(counters.map((counter) => [keyOf(counter), counter])));
    }
    this.#shadows.restore(snapshot.shadows ?? []);
    for (const [service, state] of snapshot.burn ?? []) this.#burn.set(service, BurnRates.restore(state));
  }

  #burnOf(environment: string, service: string): BurnRates {
    return this.#burn.getOrInsertComputed(`${environment}/${service}`, () => new BurnRates());
  }

  #secondOf(
    { environment, service }: Pick<Counter, "environment" | "service">,
    nowMs: number,
  ): { requests: number; failed: number; newVisitors: number } {
    const second = Math.floor(nowMs / 1000);
    let last = this.#seconds.at(-1);
    if (last === undefined || last.second !== second) {
      last = { second, byService: new Map() };
      this.#seconds.push(last);
      if (this.#seconds.length > keptSeconds) this.#seconds.shift();
    }
    return last.byService.getOrInsertComputed(`${environment}/${service}`, () => ({ requests: 0, failed: 0, newVisitors: 0 }));
  }
}

function keyOf(counter: Counter): string {
  const { environment, service, rollout, release, arm, weight, route, outcome, isHarm, shield } = counter;
  return [environment, service, rollout, release, arm, weight, route, outcome, isHarm, shield].join("\n");
}
