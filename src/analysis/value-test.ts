import { z } from "zod";
import type { Arm } from "../routing/wire.ts";
import { Mixture, type MixtureState, mixtureSchema } from "./mixture.ts";

/** Beyond so many standard deviations of stable a value counts no further: one huge order decides nothing. */
const clip = 4;
/** How much is bet on each value, as a part of the most that could be. */
const stakes = [0.02, 0.06, 0.2, 0.6, 0.9] as const;
const priors = stakes.map(() => 1 / stakes.length);
const restartCash = 0.5;
const restartShare = 0.01;
/** Of stable, before its mean and spread are worth a bet. */
const stableMin = 30;
const canaryMin = 5;

/** What one value multiplies the bet by; `harm` is how much worse than stable's mean it is, in standard deviations, clipped. */
export function valueFactor(options: {
  readonly arm: Arm;
  readonly share: number;
  readonly stake: number;
  readonly harm: number;
}): number {
  const { arm, share, stake, harm } = options;
  const most = clip * Math.max(share, 1 - share);
  return 1 + (stake / most) * ((arm === "canary" ? 1 : 0) - share) * harm;
}

/** Count, mean, and sum of squared distances from the mean (Welford). */
interface Moments {
  readonly count: number;
  readonly mean: number;
  readonly squares: number;
}

export interface ValueTestState {
  readonly mixture: MixtureState;
  readonly peakLogE: number;
  readonly canary: Moments;
  readonly stable: Moments;
}

const moments = z.object({ count: z.number(), mean: z.number(), squares: z.number() });
export const valueTestSchema: z.ZodType<ValueTestState> = z.object({
  mixture: mixtureSchema,
  peakLogE: z.number(),
  canary: moments,
  stable: moments,
});

interface Options {
  readonly direction: "up" | "down";
  readonly tolerance: number;
  readonly restarts: boolean;
}

const none: Moments = { count: 0, mean: 0, squares: 0 };

/**
 * Are values (what an order is worth) worse on the canary? A bet on the side of each value by how much worse it is than stable's mean so
 * far, never more than the purse holds. If both sides have the same values and equally many of them, the side is the toss of the router's
 * coin whatever the value, so it is a fair bet however values drift; if the canary's clipped mean is better, it loses. How *many* visitors
 * get there is another KPI, without a value: this one looks at those who did. (A bounded betting martingale: Waudby-Smith and Ramdas,
 * Estimating means of bounded random variables by betting.)
 */
export class ValueTest {
  readonly #options: Options;
  readonly #mixture: Mixture;
  readonly #logFactors = new Float64Array(stakes.length);
  #peakLogE = 0;
  #moments: Record<Arm, Moments> = { canary: none, stable: none };

  constructor(options: Options) {
    this.#options = options;
    this.#mixture = new Mixture({ priors, cash: options.restarts ? restartCash : 0 });
  }

  static restore(options: Options, state: ValueTestState): ValueTest {
    const test = new ValueTest(options);
    test.#mixture.load(state.mixture);
    test.#peakLogE = state.peakLogE;
    test.#moments = { canary: state.canary, stable: state.stable };
    return test;
  }

  /** The value of a visitor's first event; `weight` is that of its exposure, in ten-thousandths. */
  valued(arm: Arm, weight: number, value: number): void {
    if (weight <= 0 || weight >= 10_000) return;
    const { mean, squares, count } = this.#moments.stable;
    const spread = count < 2 ? 0 : Math.sqrt(squares / (count - 1));
    // What is worth no bet yet, or no bet at all, still counts for the mean, clipped alike.
    const held =
      spread === 0 || count < stableMin ? value : Math.max(mean - clip * spread, Math.min(mean + clip * spread, value));
    if (count >= stableMin && spread > 0) this.#bet(arm, weight / 10_000, { value, mean, spread });
    this.#moments[arm] = withValue(this.#moments[arm], held);
  }

  /** Ends an epoch. Does nothing in a test without restarts. */
  invest(): void {
    this.#mixture.invest(restartShare);
  }

  get logE(): number {
    return this.#mixture.logValue();
  }

  get peakLogE(): number {
    return this.#peakLogE;
  }

  /** Null where no value was seen. */
  mean(arm: Arm): number | null {
    const { count, mean } = this.#moments[arm];
    return count === 0 ? null : mean;
  }

  hasReached(threshold: number): boolean {
    return this.#moments.canary.count >= canaryMin && this.logE >= Math.log(threshold);
  }

  state(): ValueTestState {
    return { mixture: this.#mixture.state(), peakLogE: this.#peakLogE, ...this.#moments };
  }

  #bet(arm: Arm, share: number, seen: { readonly value: number; readonly mean: number; readonly spread: number }): void {
    const { direction, tolerance } = this.#options;
    const sign = direction === "up" ? -1 : 1;
    // What the canary is allowed to be worse by is given to it before the comparison.
    const given = arm === "canary" ? -sign * tolerance * Math.abs(seen.mean) : 0;
    const harm = Math.max(-clip, Math.min(clip, (sign * (seen.value + given - seen.mean)) / seen.spread));
    stakes.forEach((stake, index) => {
      this.#logFactors[index] = Math.log(valueFactor({ arm, share, stake, harm }));
    });
    this.#mixture.multiply(this.#logFactors);
    this.#peakLogE = Math.max(this.#peakLogE, this.logE);
  }
}

function withValue({ count, mean, squares }: Moments, value: number): Moments {
  const next = mean + (value - mean) / (count + 1);
  return { count: count + 1, mean: next, squares: squares + (value - mean) * (value - next) };
}
