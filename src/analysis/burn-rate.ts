const minuteMs = 60_000;
const minutesKept = 4_320;
/** On less nobody should be woken. */
const failedMin = 10;

/** Pairs of windows in minutes, and how many times faster than allowed the budget burns in both. (Site Reliability Workbook, chapter 5: 2 % of a month's budget in 1 h, 5 % in 6 h, 10 % in 3 days.) */
const pairs = [
  { longMinutes: 60, shortMinutes: 5, limit: 14.4 },
  { longMinutes: 360, shortMinutes: 30, limit: 6 },
  { longMinutes: 4_320, shortMinutes: 360, limit: 1 },
] as const;

/** The long windows, as people name them. */
export const burnWindows: readonly { readonly longMinutes: number; readonly name: string }[] = pairs.map(({ longMinutes }) => ({
  longMinutes,
  name: longMinutes < 1_440 ? `${longMinutes / 60}h` : `${longMinutes / 1_440}d`,
}));

/** A budget that burns too fast in a long window, and still does in a short one. */
export interface Burning {
  readonly longMinutes: number;
  readonly shortMinutes: number;
  readonly limit: number;
  /** Of the long window: 1 would use up the budget exactly in its time. */
  readonly rate: number;
}

/** A pair of windows, whether or not the budget burns too fast in it. */
export interface PairRate extends Burning {
  /** Of the short window. */
  readonly shortRate: number;
  readonly isBurning: boolean;
}

export interface BurnRatesState {
  readonly newestMinute: number;
  /** Minutes with requests, how many came in each, and how many failed. */
  readonly minutes: readonly (readonly [minute: number, requests: number, failed: number])[];
}

/**
 * How fast a service uses up its error budget. A pair of windows shows a burn that is large enough to matter and goes on
 * now; it is for reports and alerts, and decides nothing about a release, because it takes minutes to hours and blames
 * nobody. Three days of minutes in a ring, constant in memory.
 */
export class BurnRates {
  readonly #requests = new Float64Array(minutesKept);
  readonly #failed = new Float64Array(minutesKept);
  #newestMinute = 0;

  static restore({ newestMinute, minutes }: BurnRatesState): BurnRates {
    const rates = new BurnRates();
    rates.#newestMinute = newestMinute;
    for (const [minute, requests, failed] of minutes) {
      if (minute <= newestMinute - minutesKept || minute > newestMinute) continue;
      rates.#requests[minute % minutesKept] = requests;
      rates.#failed[minute % minutesKept] = failed;
    }
    return rates;
  }

  add(counted: { readonly requests: number; readonly failed: number; readonly nowMs: number }): void {
    this.#passTo(counted.nowMs);
    const index = this.#newestMinute % minutesKept;
    this.#requests[index] = (this.#requests[index] ?? 0) + counted.requests;
    this.#failed[index] = (this.#failed[index] ?? 0) + counted.failed;
  }

  /** All pairs, the fastest first: in which of them the budget of `availability` burns too fast, and how fast in the others. */
  rates(availability: number, nowMs: number): readonly PairRate[] {
    this.#passTo(nowMs);
    const budget = Math.max(1e-6, 1 - availability);
    return pairs.map(({ longMinutes, shortMinutes, limit }) => {
      const [long, short] = [this.#sum(longMinutes), this.#sum(shortMinutes)];
      const rate = long.failed / Math.max(1, long.requests) / budget;
      const shortRate = short.failed / Math.max(1, short.requests) / budget;
      const isBurning = rate > limit && shortRate > limit && long.failed >= failedMin;
      return { longMinutes, shortMinutes, limit, rate, shortRate, isBurning };
    });
  }

  /** Pairs in which the budget of `availability` burns too fast, the fastest first. */
  burning(availability: number, nowMs: number): readonly Burning[] {
    return this.rates(availability, nowMs)
      .filter(({ isBurning }) => isBurning)
      .map(({ longMinutes, shortMinutes, limit, rate }) => ({ longMinutes, shortMinutes, limit, rate }));
  }

  state(): BurnRatesState {
    const minutes: (readonly [number, number, number])[] = [];
    for (let minute = Math.max(0, this.#newestMinute - minutesKept + 1); minute <= this.#newestMinute; minute += 1) {
      const index = minute % minutesKept;
      const requests = this.#requests[index] ?? 0;
      if (requests > 0) minutes.push([minute, requests, this.#failed[index] ?? 0]);
    }
    return { newestMinute: this.#newestMinute, minutes };
  }

  /** A clock that goes back counts into the newest minute. */
  #passTo(nowMs: number): void {
    const minute = Math.floor(nowMs / minuteMs);
    const first = Math.max(this.#newestMinute + 1, minute - minutesKept + 1);
    for (let passed = first; passed <= minute; passed += 1) {
      this.#requests[passed % minutesKept] = 0;
      this.#failed[passed % minutesKept] = 0;
    }
    this.#newestMinute = Math.max(this.#newestMinute, minute);
  }

  #sum(minutes: number): { readonly requests: number; readonly failed: number } {
    let [requests, failed] = [0, 0];
    for (let back = 0; back < minutes; back += 1) {
      const minute = this.#newestMinute - back;
      if (minute < 0) break;
      requests += this.#requests[minute % minutesKept] ?? 0;
      failed += this.#failed[minute % minutesKept] ?? 0;
    }
    return { requests, failed };
  }
}
