import type { Arm } from "../routing/wire.ts";

/** A gate passes wrongly with at most this probability. */
const gateBeta = 0.05;
/** The value at which a gate passes. */
export const gateThreshold: number = 1 / gateBeta;
const logThreshold = Math.log(gateThreshold);

const searchSteps = 90;
const goldenRatio = (Math.sqrt(5) - 1) / 2;
const marginMax = 0.5;
const cachedMax = 1_024;

/** Natural logarithms of what one scored visitor multiplies the evidence by, and the mean gain per visitor if both sides fail alike. */
export interface GateFactors {
  readonly canary: { readonly good: number; readonly bad: number };
  readonly stable: { readonly good: number; readonly bad: number };
  readonly growth: number;
}

function divergence(p: number, q: number): number {
  return p * Math.log(p / q) + (1 - p) * Math.log((1 - p) / (1 - q));
}

/** The minimum of a convex function on [low, high], by golden section. */
function minimise(cost: (x: number) => number, from: number, to: number): number {
  let low = from;
  let high = to;
  let left = high - goldenRatio * (high - low);
  let right = low + goldenRatio * (high - low);
  let leftCost = cost(left);
  let rightCost = cost(right);
  for (let step = 0; step < searchSteps; step += 1) {
    if (leftCost < rightCost) {
      high = right;
      right = left;
      rightCost = leftCost;
      left = high - goldenRatio * (high - low);
      leftCost = cost(left);
    } else {
      low = left;
      left = right;
      leftCost = rightCost;
      right = low + goldenRatio * (high - low);
      rightCost = cost(right);
    }
  }
  return (low + high) / 2;
}

/**
 * The factors of the test of "the canary fails for at least `margin` more visitors than stable": the alternative, both sides
 * failing at `rate`, over the null closest to it (reverse information projection; Grünwald, de Heide, Koolen, Safe Testing).
 * `share` is the canary's share of visitors. All three within (0, 1).
 */
export function gateFactors(options: { readonly rate: number; readonly share: number; readonly margin: number }): GateFactors {
  const { rate, share, margin } = options;
  // Only nulls that exist: above this bound the canary's rate would pass 1, and clamping it there made values of 1e10 out of nothing.
  const stableMax = Math.min(rate, (1 - margin) * (1 - 1e-9));
  const stableRate = minimise(
    (q) => share * divergence(rate, q + margin) + (1 - share) * divergence(rate, q),
    stableMax * 1e-6,
    stableMax,
  );
  const canaryRate = stableRate + margin;
  const canary = { good: (1 - rate) / (1 - canaryRate), bad: rate / canaryRate };
  const stable = { good: (1 - rate) / (1 - stableRate), bad: rate / stableRate };
  // The expectation is linear, so over the convex null it is largest at a corner. Dividing by it makes the test exact
  // whatever the search above returned.
  const expectation = (p0: number, p1: number) =>
    share * (p1 * canary.bad + (1 - p1) * canary.good) + (1 - share) * (p0 * stable.bad + (1 - p0) * stable.good);
  const logNorm = Math.log(Math.max(1, expectation(0, margin), expectation(1 - margin, 1), expectation(0, 1)));
  return {
    canary: { good: Math.log(canary.good) - logNorm, bad: Math.log(canary.bad) - logNorm },
    stable: { good: Math.log(stable.good) - logNorm, bad: Math.log(stable.bad) - logNorm },
    growth: share * divergence(rate, canaryRate) + (1 - share) * divergence(rate, stableRate) - logNorm,
  };
}

export interface GateState {
  readonly logE: number;
  readonly peakLogE: number;
  readonly scored: number;
  readonly bad: number;
}

/**
 * The evidence that going on is safe: passes once "at least `margin` more visitors fail on the canary" has become 20 times
 * less likely than "both fail alike". Runs over the whole rollout and survives changes of weight, because the weight of each
 * visitor was known before its outcome. Needs about ln(20)/margin scored canary visitors when nobody fails.
 */
export class Gate {
  readonly margin: number;
  readonly #cache = new Map<number, GateFactors>();
  #logE = 0;
  #peakLogE = 0;
  #scored = 0;
  #bad = 0;

  /** `harm`: extra failing visitors tolerated as a share of all; `nextWeight`: ten-thousandths on the canary once this gate has passed. */
  constructor(options: { readonly harm: number; readonly nextWeight: number }) {
    // A smaller margin is the stricter test, so the bound costs nothing in safety.
    this.margin = Math.min(marginMax, options.harm / (options.nextWeight / 10_000));
  }

  /** Takes over what an earlier gate with the same margin had collected. */
  load(state: GateState): void {
    this.#logE = state.logE;
    this.#peakLogE = state.peakLogE;
    this.#scored = state.scored;
    this.#bad = state.bad;
  }

  /** Each visitor once, in the order of exposure; `weight` is that of its exposure, from 1 to 9,999. */
  score(visitor: { readonly arm: Arm; readonly weight: number; readonly isBad: boolean }): void {
    if (!(visitor.weight > 0 && visitor.weight < 10_000)) return;
    const factors = this.#factors(visitor.weight)[visitor.arm];
    this.#logE += visitor.isBad ? factors.bad : factors.good;
    this.#peakLogE = Math.max(this.#peakLogE, this.#logE);
    this.#scored += 1;
    if (visitor.isBad) this.#bad += 1;
  }

  get logE(): number {
    return this.#logE;
  }

  get peakLogE(): number {
    return this.#peakLogE;
  }

  /** Latched: the bound on wrong passes holds for the highest value ever reached. */
  get hasPassed(): boolean {
    return this.#peakLogE >= logThreshold;
  }

  /** About how many more visitors, of both sides, are to be scored at `weight` if the canary is as good as stable. */
  visitorsMissing(weight: number): number {
    if (weight <= 0 || weight >= 10_000) return Number.POSITIVE_INFINITY;
    return Math.ceil(Math.max(0, logThreshold - this.#logE) / Math.max(1e-12, this.#factors(weight).growth));
  }

  state(): GateState {
    return { logE: this.#logE, peakLogE: this.#peakLogE, scored: this.#scored, bad: this.#bad };
  }

  /**
   * The alternative is the failing share of the visitors scored so far, on a grid of 5 %: known before the next visitor is
   * scored, as validity asks, and coarse, so that the search runs some hundred times in a rollout and not at each visitor.
   */
  #factors(weight: number): GateFactors {
    const rateIndex = Math.min(-1, Math.round(20 * Math.log((this.#bad + 0.5) / (this.#scored + 100))));
    const key = weight - rateIndex * 10_000;
    const known = this.#cache.get(key);
    if (known !== undefined) return known;
    if (this.#cache.size >= cachedMax) this.#cache.clear();
    const factors = gateFactors({ rate: Math.exp(rateIndex / 20), share: weight / 10_000, margin: this.margin });
    this.#cache.set(key, factors);
    return factors;
  }
}
