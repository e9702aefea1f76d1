const hourMs = 3_600_000;
/** The longest window that an objective may have. */
const hoursKept = 90 * 24;
/** More releases than this in one hour share a cell without a name. */
const releasesPerHourMax = 16;
/** On less nobody is stopped: at 99.9 % one failure among the first hundred requests would be ten budgets. */
const badMin = 10;

/** What users met of one release in some time. */
export interface BudgetCounts {
  readonly requests: number;
  /** Failures that users saw. */
  readonly failed: number;
  /** Of these, how many while the release was being tried, and not yet everyone's. */
  readonly harmed: number;
  /** Failures that users did not see, because stable answered. They cost no budget. */
  readonly shielded: number;
  /** Answers later than the objective for latency allows. */
  readonly slow: number;
}

/** The counts of one release in one hour, as they are kept. */
export type BudgetCell = readonly [
  hour: number,
  release: string,
  requests: number,
  failed: number,
  harmed: number,
  shielded: number,
  slow: number,
];

export interface ReleaseCost extends BudgetCounts {
  /** Empty for the many that shared an hour with many others. */
  readonly release: string;
  /** When its first and its last hour began. */
  readonly firstMs: number;
  readonly lastMs: number;
}

/** How an objective stands in its window. */
export interface BudgetState {
  /** Share of requests that has to be good. */
  readonly objective: number;
  readonly requests: number;
  readonly bad: number;
  /** How many may be bad among so many requests. */
  readonly allowed: number;
  /** Share of the budget that is spent; above 1 the objective is missed. */
  readonly spent: number;
  /** Nothing is left, and more than a handful of requests says so. */
  readonly isExhausted: boolean;
}

const nothing: BudgetCounts = { requests: 0, failed: 0, harmed: 0, shielded: 0, slow: 0 };

/**
 * What the error budget of a service is reckoned from: counts by hour and release, of the last 90 days at most. Times are of one
 * clock that never goes back. Hours that are over are `filed` once, and told again only by `filed`.
 */
export class ErrorBudget {
  /** By hour, then by release. */
  #hours = new Map<number, Map<string, BudgetCounts>>();
  #filedBefore = Number.NEGATIVE_INFINITY;

  add(release: string, counts: BudgetCounts, nowMs: number): void {
    const hour = Math.floor(nowMs / hourMs);
    const cells = this.#hours.getOrInsertComputed(hour, () => new Map<string, BudgetCounts>());
    const name = cells.has(release) || cells.size < releasesPerHourMax ? release : "";
    cells.set(name, sum(cells.get(name) ?? nothing, counts));
    for (const old of this.#hours.keys()) if (old <= hour - hoursKept) this.#hours.delete(old);
  }

  /** The whole service in the window that ends at `nowMs`; its first hour counts whole. */
  within(windowMs: number, nowMs: number): BudgetCounts {
    return this.#cells(windowMs, nowMs).reduce((all, { counts }) => sum(all, counts), nothing);
  }

  /** Each release that users met in the window, the latest first. */
  costs(windowMs: number, nowMs: number): readonly ReleaseCost[] {
    const costs = new Map<string, ReleaseCost>();
    for (const { hour, release, counts } of this.#cells(windowMs, nowMs)) {
      const atMs = hour * hourMs;
      const before = costs.get(release) ?? { ...nothing, release, firstMs: atMs, lastMs: atMs };
      const firstMs = Math.min(before.firstMs, atMs);
      costs.set(release, { release, firstMs, lastMs: Math.max(before.lastMs, atMs), ...sum(before, counts) });
    }
    return [...costs.values()].sort((a, b) => b.lastMs - a.lastMs || b.firstMs - a.firstMs);
  }

  /** How much of the window there was anything to count in. */
  watchedMs(windowMs: number, nowMs: number): number {
    const first = Math.min(...this.#cells(windowMs, nowMs).map(({ hour }) => hour * hourMs));
    return Number.isFinite(first) ? Math.min(windowMs, nowMs - first) : 0;
  }

  /** What is not filed yet: the present hour, and those that are over since. */
  unfiled(): readonly BudgetCell[] {
    return this.#rows((hour) => hour >= this.#filedBefore);
  }

  /** Whether an hour that is over is not filed yet. */
  hasToFile(nowMs: number): boolean {
    const present = Math.floor(nowMs / hourMs);
    return [...this.#hours.keys()].some((hour) => hour >= this.#filedBefore && hour < present);
  }

  /** Every hour that is over. */
  over(nowMs: number): readonly BudgetCell[] {
    const present = Math.floor(nowMs / hourMs);
    return this.#rows((hour) => hour < present);
  }

  /** What is over at `nowMs` is kept for good. */
  filed(nowMs: number): void {
    this.#filedBefore = Math.max(this.#filedBefore, Math.floor(nowMs / hourMs));
  }

  /**
   * What was filed, and what was not yet when it was last kept. Where both know an hour, the one that was not filed counts: it was
   * kept together with how far the workers' reports had been read, so that none is counted twice.
   */
  static restore(filed: readonly BudgetCell[], unfiled: readonly BudgetCell[]): ErrorBudget {
    const budget = new ErrorBudget();
    budget.#insert(filed);
    const again = new Set(unfiled.map(([hour]) => hour));
    for (const hour of again) budget.#hours.delete(hour);
    budget.#insert(unfiled);
    const first = Math.min(...again);
    const last = Math.max(...filed.map(([hour]) => hour));
    budget.#filedBefore = Math.min(first, last + 1);
    return budget;
  }

  #insert(cells: readonly BudgetCell[]): void {
    for (const [hour, release, requests, failed, harmed, shielded, slow] of cells)
      this.#hours
        .getOrInsertComputed(hour, () => new Map<string, BudgetCounts>())
        .set(release, { requests, failed, harmed, shielded, slow });
  }

  #cells(windowMs: number, nowMs: number) {
    const first = Math.floor((nowMs - windowMs) / hourMs);
    return [...this.#hours].flatMap(([hour, cells]) =>
      hour > first ? Array.from(cells, ([release, counts]) => ({ hour, release, counts })) : [],
    );
  }

  #rows(isWanted: (hour: number) => boolean): readonly BudgetCell[] {
    return [...this.#hours].flatMap(([hour, cells]) =>
      isWanted(hour)
        ? Array.from(
            cells,
            ([release, { requests, failed, harmed, shielded, slow }]): BudgetCell => [
              hour,
              release,
              requests,
              failed,
              harmed,
              shielded,
              slow,
            ],
          )
        : [],
    );
  }
}

/** How an objective stands after `requests`, of which `bad` were not as promised. */
export function budgetState(objective: number, requests: number, bad: number): BudgetState {
  const allowed = (1 - objective) * requests;
  const spent = bad === 0 ? 0 : bad / Math.max(allowed, Number.MIN_VALUE);
  return { objective, requests, bad, allowed, spent, isExhausted: spent >= 1 && bad >= badMin };
}

function sum(a: BudgetCounts, b: BudgetCounts): BudgetCounts {
  return {
    requests: a.requests + b.requests,
    failed: a.failed + b.failed,
    harmed: a.harmed + b.harmed,
    shielded: a.shielded + b.shielded,
    slow: a.slow + b.slow,
  };
}
