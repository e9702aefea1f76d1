import { Mixture, type MixtureState } from "./mixture.ts";

/** How many times larger the odds of a bad end are on a bad canary, and how much of the bet is on each size: those of the visitors' test. */
const ratios = [1.25, 1.6, 2.2, 4, 12, 100, 1e5] as const;
const priors = [0.08, 0.14, 0.22, 0.2, 0.14, 0.11, 0.11] as const;

const restartCash = 0.5;
const restartShare = 0.01;

/** Bad ends beyond this in one batch are no batch but a fault of the source: the work of scoring grows with them. */
export const badInBatchMax = 1_000_000;

/** A term this much smaller (natural logarithm) than the largest is below the last digit of the sum, however many there are. */
const negligible = 60;

/** What both sides counted in the same time: how many ended at all, and how many of these badly. */
export interface Batch {
  readonly canary: { readonly of: number; readonly bad: number };
  readonly stable: { readonly of: number; readonly bad: number };
}

/** A batch without bad ends, or with one side only, compares nothing. */
export function isComparable({ canary, stable }: Batch): boolean {
  return canary.bad + stable.bad > 0 && canary.of > 0 && stable.of > 0;
}

/**
 * The logarithms of what one batch multiplies the bets on `ofRatios` by. Given how many ended on each side and how many badly in
 * all, the bad ones of a canary that is no worse fall on it as balls are drawn from an urn (central hypergeometric); on one
 * whose odds are r times larger, by Fisher's noncentral hypergeometric law. The quotient of the two laws needs no share of the
 * traffic and no rate. Turner, Ly, Grünwald: safe 2x2 tests; statistics of conditional odds: Fisher.
 */
export function batchLogFactors(batch: Batch, ofRatios: readonly number[]): Float64Array {
  if (!isComparable(batch)) return new Float64Array(ofRatios.length);
  const { canary, stable } = batch;
  const bad = canary.bad + stable.bad;
  const lowest = Math.max(0, bad - stable.of);
  const highest = Math.min(bad, canary.of);
  // Logarithms of C(canary.of, i) C(stable.of, bad - i), relative to the first: each from the one before, so that nothing cancels.
  const weights = new Float64Array(highest - lowest + 1);
  for (let i = lowest; i < highest; i += 1) {
    const step = ((canary.of - i) / (i + 1)) * ((bad - i) / (stable.of - bad + i + 1));
    weights[i - lowest + 1] = (weights[i - lowest] ?? 0) + Math.log(step);
  }
  const central = logSum(weights, 0);
  return Float64Array.from(
    ofRatios,
    (ratio) => (canary.bad - lowest) * Math.log(ratio) - (logSum(weights, Math.log(ratio)) - central),
  );
}

/** The logarithm of the sum over j of exp(weights[j] + j slope). */
function logSum(weights: Float64Array, slope: number): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (let j = 0; j < weights.length; j += 1) largest = Math.max(largest, (weights[j] ?? 0) + j * slope);
  let sum = 0;
  for (let j = 0; j < weights.length; j += 1) {
    const term = (weights[j] ?? 0) + j * slope - largest;
    if (term > -negligible) sum += Math.exp(term);
  }
  return largest + Math.log(sum);
}

export interface BatchTestState {
  readonly mixture: MixtureState;
  readonly peakLogE: number;
  readonly canary: Batch["canary"];
  readonly stable: Batch["stable"];
  readonly batches: number;
}

/**
 * Does the canary end badly more often, by counts of which nobody knows with what probability each fell on which side: counters
 * of the application itself, say. Exact for any share and any drift from batch to batch, as long as within a batch the ends are
 * exchangeable: no single person has many of them, and both sides are counted over the same time.
 *
 * No scrape is of the same moment for all instances, so at the edge of an outage that both sides share one batch may blame one of
 * them. Therefore a batch multiplies no bet by more than the cube root of what decides: three of them must agree. That is a bet
 * which gives something away, so it stays valid. A part of it is kept back for restarts, as faults may begin late.
 */
export class BatchTest {
  readonly #threshold: number;
  readonly #growthMax: number;
  readonly #mixture = new Mixture({ priors, cash: restartCash });
  #peakLogE = 0;
  #canary: Batch["canary"] = { of: 0, bad: 0 };
  #stable: Batch["stable"] = { of: 0, bad: 0 };
  #batches = 0;

  /** `threshold` is the e-value that decides. `isCapped: false` is for measuring what the cube root costs. */
  constructor({ threshold, isCapped = true }: { readonly threshold: number; readonly isCapped?: boolean }) {
    this.#threshold = threshold;
    // The cash does not grow, so a third of the way is counted from what is bet.
    this.#growthMax = isCapped ? Math.log(threshold / (1 - restartCash)) / 3 : Number.POSITIVE_INFINITY;
  }

  static restore(state: BatchTestState, threshold: number): BatchTest {
    const test = new BatchTest({ threshold });
    test.#mixture.load(state.mixture);
    test.#peakLogE = state.peakLogE;
    test.#canary = state.canary;
    test.#stable = state.stable;
    test.#batches = state.batches;
    return test;
  }

  absorb(batch: Batch): void {
    this.#canary = sumOf(this.#canary, batch.canary);
    this.#stable = sumOf(this.#stable, batch.stable);
    this.#batches += 1;
    if (!isComparable(batch)) return;
    this.#mixture.multiply(batchLogFactors(batch, ratios).map((factor) => Math.min(factor, this.#growthMax)));
    this.#peakLogE = Math.max(this.#peakLogE, this.logE);
  }

  /** Ends an epoch: a minute, or a weight. */
  invest(): void {
    this.#mixture.invest(restartShare);
  }

  get logE(): number {
    return this.#mixture.logValue();
  }

  get peakLogE(): number {
    return this.#peakLogE;
  }

  /** What was counted in all batches together. */
  get counts(): Batch {
    return { canary: this.#canary, stable: this.#stable };
  }

  get batches(): number {
    return this.#batches;
  }

  /** One bad end alone takes nothing back: nobody would believe it. */
  get isDecided(): boolean {
    return this.#canary.bad >= 2 && this.logE >= Math.log(this.#threshold);
  }

  state(): BatchTestState {
    return {
      mixture: this.#mixture.state(),
      peakLogE: this.#peakLogE,
      canary: this.#canary,
      stable: this.#stable,
      batches: this.#batches,
    };
  }
}

function sumOf(one: Batch["canary"], other: Batch["canary"]): Batch["canary"] {
  return { of: one.of + other.of, bad: one.bad + other.bad };
}
