import { z } from "zod";
import type { Arm } from "../routing/wire.ts";
import { Mixture, type MixtureState, mixtureSchema } from "./mixture.ts";

/** How many times as many conversions a worse release has, and how much of the bet is on each. */
const alternatives = {
  up: { ratios: [0.95, 0.9, 0.8, 0.6, 0.3, 0.02], priors: [0.12, 0.15, 0.18, 0.2, 0.15, 0.2] },
  down: { ratios: [1.05, 1.15, 1.4, 2, 4, 20], priors: [0.12, 0.15, 0.18, 0.2, 0.2, 0.15] },
} as const;

const restartCash = 0.5;
const restartShare = 0.01;
/** Nobody believes a verdict on fewer; waiting never hurts validity. */
const conversionsMin = 5;

/**
 * What one conversion multiplies the bet on `ratio` by. Under the boundary of the tolerance, where the canary has `tolerated` times
 * stable's conversions, its mean is 1.
 */
export function conversionFactor(options: {
  readonly arm: Arm;
  readonly share: number;
  readonly ratio: number;
  readonly tolerated: number;
}): number {
  const { arm, share, ratio, tolerated } = options;
  const mean = (share * ratio + 1 - share) / (share * tolerated + 1 - share);
  return (arm === "canary" ? ratio / tolerated : 1) / mean;
}

export interface ConversionTestState {
  readonly mixture: MixtureState;
  readonly peakLogE: number;
  readonly conversions: number;
}

export const conversionTestSchema: z.ZodType<ConversionTestState> = z.object({
  mixture: mixtureSchema,
  peakLogE: z.number(),
  conversions: z.number(),
});

interface Options {
  readonly direction: "up" | "down";
  readonly tolerance: number;
  readonly restarts: boolean;
}

/**
 * Do fewer visitors convert (or more, where fewer are better) on the canary? Looks at visitors who converted alone: if the canary is
 * no worse, the side of such a visitor is canary with the probability that it had when the visitor was first exposed. So nobody has
 * to be waited for who never converts, and a conversion that comes an hour later counts with the share of then; with the share of its
 * arrival a rollout that goes from 1 to 50 % meanwhile was taken back in every run. Exact as long as no side converts later than the
 * other. (Label form of the safe two-sample test: Turner, Ly and Grunwald, Generic E-variables for exact sequential k-sample tests.)
 *
 * No restarts with visitors: each converts once, so those of the better side have done so already.
 */
export class ConversionTest {
  readonly #options: Options;
  readonly #mixture: Mixture;
  /** By weight: late conversions come from several steps in turn. A plan has at most 50. */
  readonly #logFactors = new Map<number, Readonly<Record<Arm, Float64Array>>>();
  #peakLogE = 0;
  #conversions = 0;

  constructor(options: Options) {
    this.#options = options;
    const { priors } = alternatives[options.direction];
    this.#mixture = new Mixture({ priors, cash: options.restarts ? restartCash : 0 });
  }

  static restore(options: Options, state: ConversionTestState): ConversionTest {
    const test = new ConversionTest(options);
    test.#mixture.load(state.mixture);
    test.#peakLogE = state.peakLogE;
    test.#conversions = state.conversions;
    return test;
  }

  /** A visitor's conversion; `weight` is that of its exposure, in ten-thousandths. At 0 and 10,000 there is nobody to compare with. */
  converted(arm: Arm, weight: number): void {
    if (weight <= 0 || weight >= 10_000) return;
    this.#mixture.multiply(this.#logFactors.getOrInsertComputed(weight, () => logFactorsAt(weight / 10_000, this.#options))[arm]);
    this.#conversions += 1;
    this.#peakLogE = Math.max(this.#peakLogE, this.logE);
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

  hasReached(threshold: number): boolean {
    return this.#conversions >= conversionsMin && this.logE >= Math.log(threshold);
  }

  state(): ConversionTestState {
    return { mixture: this.#mixture.state(), peakLogE: this.#peakLogE, conversions: this.#conversions };
  }
}

function logFactorsAt(share: number, { direction, tolerance }: Options): Readonly<Record<Arm, Float64Array>> {
  const tolerated = direction === "up" ? 1 - tolerance : 1 + tolerance;
  const factors = (arm: Arm) =>
    Float64Array.from(alternatives[direction].ratios, (worse) =>
      Math.log(conversionFactor({ arm, share, ratio: worse * tolerated, tolerated })),
    );
  return { canary: factors("canary"), stable: factors("stable") };
}
