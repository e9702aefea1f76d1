import { type Burning, BurnRates, type BurnRatesState, type PairRate } from "../analysis/burn-rate.ts";
import type { ShieldSummary } from "../rollout/evidence-summary.ts";
import type { Counter } from "../routing/wire.ts";
import type { WorkerReport } from "../routing/worker-view.ts";
import { type BudgetMoment, type BudgetsSnapshot, ErrorBudgets, isSeen } from "./error-budgets.ts";
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
  /** By service; absent in snapshots from before it was kept. By the clock of the budgets. */
  readonly burn?: readonly (readonly [string, BurnRatesState])[] | undefined;
  /** Absent in snapshots from before it was kept: then `burn` is on the monotonic clock, and of use in that life of the machine only. */
  readonly budgets?: BudgetsSnapshot | undefined;
  /** Absent in snapshots from before shadows. */
  readonly shadows?: ShadowSnapshot | undefined;
}

const keptSeconds = 60;
/** Longer than a worker keeps what it counted of a release that no table names, so that what it tells again is always known here. */
const keptUnservedMs = 2 * 3_600_000;

type OfRelease = Pick<Counter, "environment" | "service" | "release">;

/**
 * What the workers counted. Counters are cumulative since a worker's boot, so a report that comes twice changes nothing;
 * a worker that was replaced leaves its last counts behind.
 */
export class TrafficCounts {
  /** By worker and boot, then by counter. */
  #byBoot = new Map<string, Map<string, Counter>>();
  #newVisitorsByBoot = new Map<string, number>();
  /** The workers' processes that were heard since this control plane began. */
  #heardBoots = new Set<string>();
  /** Since when a release of which something was counted while no rollout exposed has no part in anything. */
  #unservedSinceMs = new Map<string, number>();
  #seconds: Second[] = [];
  #burn = new Map<string, BurnRates>();
  readonly budgets: ErrorBudgets = new ErrorBudgets();
  #shadows = new ShadowCounts();

  absorb({ worker, boot, counters, newVisitors, shadows = [] }: Reported, nowMs: number): void {
    const bootKey = `${worker}/${boot}`;
    this.#shadows.absorb(bootKey, shadows);
    for (const { environment, service, count } of newVisitors) {
      const key = `${bootKey} ${environment}/${service}`;
      // When those of a process's first report came, nobody knows; a service that is first heard of later begins at none.
      const before = this.#newVisitorsByBoot.get(key) ?? (this.#heardBoots.has(bootKey) ? 0 : count);
      this.#newVisitorsByBoot.set(key, count);
      this.#secondOf({ environment, service }, nowMs).newVisitors += count - before;
    }
    this.#heardBoots.add(bootKey);
    const known = this.#byBoot.get(bootKey) ?? new Map<string, Counter>();
    this.#byBoot.set(bootKey, known);
    for (const counter of counters) {
      const key = keyOf(counter);
      const told = known.get(key)?.count ?? 0;
      // Less than before is a release that came back after its worker had forgotten it.
      const before = counter.rollout === "" && counter.count < told ? 0 : told;
      if (counter.count <= before) continue;
      known.set(key, counter);
      const second = this.#secondOf(counter, nowMs);
      second.requests += counter.count - before;
      const added = counter.count - before;
      const failed = isSeen(counter) ? added : 0;
      second.failed += failed;
      this.budgets.count(counter, added, nowMs);
      if (counter.outcome === "excluded") continue;
      this.#burnOf(counter.environment, counter.service).add({ requests: added, failed, nowMs: this.budgets.timeAt(nowMs) });
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
    const { availability, nowMs } = objective;
    return this.#burn.get(`${environment}/${service}`)?.burning(availability, this.budgets.timeAt(nowMs)) ?? [];
  }

  /** The same windows, whether or not it burns too fast in them. */
  burnRates(
    environment: string,
    service: string,
    { availability, nowMs }: { readonly availability: number; readonly nowMs: number },
  ): readonly PairRate[] {
    return this.#burnOf(environment, service).rates(availability, this.budgets.timeAt(nowMs));
  }

  /** How much of the last minute there was anything of the service to count, at least 1 s. */
  watchedSeconds(environment: string, service: string, nowMs: number): number {
    const nowSecond = nowMs / 1000;
    const first = this.#seconds.find(
      ({ second, byService }) => second > nowSecond - keptSeconds && byService.has(`${environment}/${service}`),
    );
    return Math.min(keptSeconds, Math.max(1, nowSecond - (first?.second ?? nowSecond)));
  }

  /** Routes on which requests came since the workers that are known were started. */
  routesMet(environment: string, service: string): ReadonlySet<string> {
    const routes = new Set<string>();
    for (const known of this.#byBoot.values())
      for (const counter of known.values())
        if (counter.service === service && counter.environment === environment) routes.add(counter.route);
    return routes;
  }

  /** Drops what a rollout counted that nobody will ask for again. */
  forgetRollouts(isWanted: (rollout: string) => boolean): void {
    this.#shadows.forgetRollouts(isWanted);
    for (const known of this.#byBoot.values()) {
      for (const [key, counter] of known) if (counter.rollout !== "" && !isWanted(counter.rollout)) known.delete(key);
    }
  }

  /** Whether the worker's process has told of the same before. */
  hasCounted({ worker, boot }: Pick<WorkerReport, "worker" | "boot">, counter: Counter): boolean {
    return this.#byBoot.get(`${worker}/${boot}`)?.has(keyOf(counter)) === true;
  }

  /** Drops what was counted of releases, outside of rollouts, that nothing is served by any more. Their budgets have it. */
  forgetReleases(isServed: (release: OfRelease) => boolean, nowMs: number): void {
    const unserved = new Map<string, number>();
    for (const known of this.#byBoot.values()) {
      for (const [key, counter] of known) {
        if (counter.rollout !== "" || isServed(counter)) continue;
        const release = `${counter.environment}/${counter.service}/${counter.release}`;
        const sinceMs = this.#unservedSinceMs.get(release) ?? nowMs;
        if (nowMs - sinceMs < keptUnservedMs) unserved.set(release, sinceMs);
        else known.delete(key);
      }
    }
    this.#unservedSinceMs = unserved;
  }

  /** Forgets a worker's process that has ended. False, and nothing happens, while it has a part in a rollout's totals. */
  forgetBoot(worker: string, boot: string): boolean {
    const bootKey = `${worker}/${boot}`;
    const known = this.#byBoot.get(bootKey);
    if (known?.values().some(({ rollout }) => rollout !== "") === true || this.#shadows.knows(bootKey)) return false;
    this.#byBoot.delete(bootKey);
    this.#heardBoots.delete(bootKey);
    for (const key of this.#newVisitorsByBoot.keys()) if (key.startsWith(`${bootKey} `)) this.#newVisitorsByBoot.delete(key);
    return true;
  }

  snapshot(moment: Pick<BudgetMoment, "wallMs"> = { wallMs: 0 }): TrafficSnapshot {
    return {
      counters: [...this.#byBoot].map(([boot, known]) => [boot, [...known.values()]] as const),
      burn: [...this.#burn].map(([service, rates]) => [service, rates.state()] as const),
      budgets: this.budgets.snapshot(moment),
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
  const { environment, service, rollout, release, arm, weight, route, outcome, isHarm, shield, isSlow } = counter;
  return [environment, service, rollout, release, arm, weight, route, outcome, isHarm, shield, isSlow].join("\n");
}
