import { thresholds } from "./budget.ts";
import { Mixture, type MixtureState } from "./mixture.ts";

/** Alternatives as multiples of the tolerated share; one more is a half of all visitors. */
const multiples = [1.5, 2.5, 5, 14.4, 50, 200] as const;
const burnLimit = 2;
/** More than this many requests of a visitor are not allowed for: with them the test would hardly see anything any more. */
const requestsPerVisitMax = 20;
/** However many requests a visitor makes: when half of all visitors fail, the objective is missed. */
const allowedShareMax = 0.5;
const cashShare = 0.5;
const investedShare = 0.01;
/** A side that fired is well again once "still above its budget" is 20 times less likely than a fifth of the budget. */
const recoveredShare = 0.2;
const recoveryThreshold = 20;

/** The cash of the test is invested in steps of this length, and at each change of weight. */
export const sloEpochMs = 60_000;

export interface SloTestState {
  readonly mixture: MixtureState;
  readonly failures: number;
  readonly peakLogE: number;
  /** Evidence of recovery since it fired last, as a logarithm; null when it never fired or is well again. */
  readonly logRecovery: number | null;
}

/** The share of visitors that may fail while the objective is kept, and what one visitor multiplies the evidence by, as logarithms. */
interface Factors {
  readonly served: Float64Array;
  readonly failed: Float64Array;
  readonly recovery: { readonly served: number; readonly failed: number };
}

/**
 * Does one side fail more than twice what its objective tolerates? Counts visitors: each leaves with its first error and
 * brings at most one success a minute (counted per request, a few unlucky visitors fired it 15 times too often). Needs no
 * other side to compare with, so it is what watches the bake and the time after it. With restarts, because without them it
 * goes deaf: a fault after 50,000 good answers needed 146 failing visitors, and 35 with them.
 *
 * The objective is a share of requests. A visitor of m requests meets a failure with at most m times that probability,
 * however failures cluster (the union bound), so `allow(m)` widens what is tolerated by the mean m.
 */
export class SloTest {
  readonly #objective: number;
  #factors: Factors;
  #mixture: Mixture;
  #failures = 0;
  #peakLogE = 0;
  #logRecovery: number | null = null;

  /** `availability` is the objective as a share of requests, 0.999 for 99.9 %. */
  constructor(availability: number) {
    this.#objective = availability;
    this.#factors = factorsFor(availability, 1);
    this.#mixture = this.#begin();
  }

  static restore(state: SloTestState, availability: number): SloTest {
    const test = new SloTest(availability);
    test.#mixture.load(state.mixture);
    test.#failures = state.failures;
    test.#peakLogE = state.peakLogE;
    test.#logRecovery = state.logRecovery;
    return test;
  }

  /** From now on visitors make so many requests a minute in the mean; to be known before they are counted. */
  allow(requestsPerVisit: number): void {
    this.#factors = factorsFor(this.#objective, requestsPerVisit);
  }

  /** A visitor that has not failed got a good answer; at most once per visitor and minute. */
  served(): void {
    this.#mixture.multiply(this.#factors.served);
    this.#recover(this.#factors.recovery.served);
  }

  /**
   * A visitor's first error. True when the test fires now: then it begins anew, so that a fault that goes on fires again
   * within a few visitors, and one that is over does not hang in the evidence for hours.
   */
  failed(): boolean {
    this.#mixture.multiply(this.#factors.failed);
    this.#recover(this.#factors.recovery.failed);
    this.#failures += 1;
    const logE = this.logE;
    this.#peakLogE = Math.max(this.#peakLogE, logE);
    if (this.#failures < 2 || logE < Math.log(thresholds.slo)) return false;
    this.#logRecovery = 0;
    this.#mixture = this.#begin();
    this.#failures = 0;
    return true;
  }

  /** Ends an epoch: a minute, or a weight. */
  invest(): void {
    this.#mixture.invest(investedShare);
  }

  get logE(): number {
    return this.#mixture.logValue();
  }

  get peakLogE(): number {
    return this.#peakLogE;
  }

  /** It fired, and has not been shown to be well again since. */
  get isBurning(): boolean {
    return this.#logRecovery !== null;
  }

  state(): SloTestState {
    return { mixture: this.#mixture.state(), failures: this.#failures, peakLogE: this.#peakLogE, logRecovery: this.#logRecovery };
  }

  #recover(logFactor: number): void {
    if (this.#logRecovery === null) return;
    this.#logRecovery += logFactor;
    if (this.#logRecovery >= Math.log(recoveryThreshold)) this.#logRecovery = null;
  }

  #begin(): Mixture {
    const count = multiples.length + 1;
    return new Mixture({ priors: Array.from({ length: count }, () => 1 / count), cash: cashShare });
  }
}

function factorsFor(availability: number, requestsPerVisit: number): Factors {
  const perRequest = Math.min(0.98, Math.max(1e-6, burnLimit * (1 - availability)));
  const requests = Math.min(requestsPerVisitMax, Math.max(1, requestsPerVisit));
  const budget = Math.max(perRequest, Math.min(allowedShareMax, perRequest * requests));
  // An alternative below the budget would be no bet against the null at all: it is held at the budget, where it wins nothing.
  const rates = [...multiples.map((multiple) => multiple * budget), 0.5].map((rate) => Math.max(budget, Math.min(0.99, rate)));
  const recovered = recoveredShare * budget;
  return {
    served: Float64Array.from(rates, (rate) => Math.log((1 - rate) / (1 - budget))),
    failed: Float64Array.from(rates, (rate) => Math.log(rate / budget)),
    recovery: { served: Math.log((1 - recovered) / (1 - budget)), failed: Math.log(recovered / budget) },
  };
}
