import type { Arm } from "../routing/wire.ts";
import { thresholds } from "./budget.ts";
import { Mixture, type MixtureState } from "./mixture.ts";

/** How many times likelier a visitor fails on a bad canary, and how much of the bet is on each size. */
const ratios = [1.25, 1.6, 2.2, 4, 12, 100, 1e5] as const;
const priors = [0.08, 0.14, 0.22, 0.2, 0.14, 0.11, 0.11] as const;

/** Half of the bet was kept back once: the fault that is there from the start then cost 1.53 times Wald's requests, and 1.45 with a quarter. */
const restartCash = 0.25;
const restartShare = 0.01;

/** What one failing visitor multiplies the bet on `ratio` by; `share` is the canary's share of visitors, within (0, 1). */
export function labelFactor(options: { readonly arm: Arm; readonly share: number; readonly ratio: number }): number {
  const { arm, share, ratio } = options;
  return (arm === "canary" ? ratio : 1) / (share * ratio + 1 - share);
}

export interface LabelTestState {
  readonly mixture: MixtureState;
  readonly peakLogE: number;
  readonly canaryFailures: number;
  readonly stableFailures: number;
}

/**
 * Do visitors fail more on the canary? The router drew each visitor's side itself, so if the canary is not worse, the side
 * of a visitor at its first error is canary with exactly the probability `weight`, however error rates drift over time.
 * First errors only: one visitor with 200 errors would otherwise count 200 times (measured: 64 to 79 % of good releases
 * rolled back). No restarts with visitors: those of the worse side use up their first errors early, and with restarts a
 * *better* release was rolled back in up to all runs. A request that is a unit of its own has no second error, so there a
 * part of the bet is kept back for restarts, without which a fault that begins late is weighed against all the good before it.
 *
 * Valid in whatever order errors come that does not depend on the side. If both sides fail equally often, but the canary
 * at once and stable by a slow timeout, the canary's errors in flight are seen first: `StartOrder` mends that.
 */
export class LabelTest {
  readonly #mixture: Mixture;
  readonly #logFactors = { canary: new Float64Array(ratios.length), stable: new Float64Array(ratios.length) };
  #factorsWeight = 0;
  #peakLogE = 0;
  #canaryFailures = 0;
  #stableFailures = 0;

  constructor({ restarts = false }: { readonly restarts?: boolean } = {}) {
    this.#mixture = new Mixture({ priors, cash: restarts ? restartCash : 0 });
  }

  static restore(state: LabelTestState): LabelTest {
    const test = new LabelTest();
    test.#mixture.load(state.mixture);
    test.#peakLogE = state.peakLogE;
    test.#canaryFailures = state.canaryFailures;
    test.#stableFailures = state.stableFailures;
    return test;
  }

  /** One that goes on by itself from here. */
  copy(): LabelTest {
    return LabelTest.restore(this.state());
  }

  /** A visitor's first error, by a request that was assigned at `weight` ten-thousandths. At 0 and 10,000 there is nobody to compare with. */
  failed(arm: Arm, weight: number): void {
    if (!(weight > 0 && weight < 10_000)) return;
    if (weight !== this.#factorsWeight) this.#computeFactors(weight);
    this.#mixture.multiply(this.#logFactors[arm]);
    if (arm === "canary") this.#canaryFailures += 1;
    else this.#stableFailures += 1;
    this.#peakLogE = Math.max(this.#peakLogE, this.logE);
  }

  /** Ends an epoch: a minute, or a weight. Does nothing in a test without restarts. */
  invest(): void {
    this.#mixture.invest(restartShare);
  }

  get logE(): number {
    return this.#mixture.logValue();
  }

  get peakLogE(): number {
    return this.#peakLogE;
  }

  /** Failing visitors that were compared, by side. */
  get failures(): Readonly<Record<Arm, number>> {
    return { canary: this.#canaryFailures, stable: this.#stableFailures };
  }

  /** One visitor alone never rolls a release back: users of Belay would not believe it, and waiting never hurts validity. */
  get isDecided(): boolean {
    return this.#canaryFailures >= 2 && this.logE >= Math.log(thresholds.errors);
  }

  state(): LabelTestState {
    return {
      mixture: this.#mixture.state(),
      peakLogE: this.#peakLogE,
      canaryFailures: this.#canaryFailures,
      stableFailures: this.#stableFailures,
    };
  }

  #computeFactors(weight: number): void {
    const share = weight / 10_000;
    ratios.forEach((ratio, index) => {
      this.#logFactors.canary[index] = Math.log(labelFactor({ arm: "canary", share, ratio }));
      this.#logFactors.stable[index] = Math.log(labelFactor({ arm: "stable", share, ratio }));
    });
    this.#factorsWeight = weight;
  }
}
