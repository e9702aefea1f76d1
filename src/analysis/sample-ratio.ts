import type { Arm } from "../routing/wire.ts";

/** How firmly each part of the bet believes in the planned share at its start, in visitors. */
const concentrations = [100, 1_000, 10_000] as const;
/** Alpha is 0.001 a rollout, apart from that of the metrics: a mismatch never rolls back. */
export const sampleRatioThreshold = 1_000;
const weightsMax = 128;

interface Labels {
  canary: number;
  all: number;
}

export interface SampleRatioState {
  readonly logWealth: readonly number[];
  readonly labels: readonly (readonly [weight: number, canary: number, all: number])[];
  readonly peakLogE: number;
}

/**
 * Are as many visitors on the canary as its weight says? If they are, each new visitor is the canary's with exactly that
 * probability, so a bet that learns the share from those before it (a Beta-binomial, after Lindon and Malek) passes 1,000
 * with a probability of at most 0.1 %, whenever one looks. When it does, the two sides are no fair samples of the same
 * visitors, and no comparison between them means anything.
 */
export class SampleRatio {
  readonly #logWealth = new Float64Array(concentrations.length);
  readonly #labels = new Map<number, Labels>();
  #peakLogE = 0;

  static restore(state: SampleRatioState): SampleRatio {
    const test = new SampleRatio();
    test.#logWealth.set(state.logWealth.slice(0, concentrations.length));
    for (const [weight, canary, all] of state.labels) test.#labels.set(weight, { canary, all });
    test.#peakLogE = state.peakLogE;
    return test;
  }

  /** A visitor that was new at `weight` ten-thousandths. */
  seen({ arm, weight }: { readonly arm: Arm; readonly weight: number }): void {
    if (!(weight > 0 && weight < 10_000)) return;
    const labels = this.#labelsAt(weight);
    if (labels === undefined) return;
    const share = weight / 10_000;
    for (let index = 0; index < concentrations.length; index += 1) {
      const concentration = concentrations[index] ?? 1;
      const learned = (share * concentration + labels.canary) / (concentration + labels.all);
      const factor = arm === "canary" ? learned / share : (1 - learned) / (1 - share);
      this.#logWealth[index] = (this.#logWealth[index] ?? 0) + Math.log(factor);
    }
    if (arm === "canary") labels.canary += 1;
    labels.all += 1;
    this.#peakLogE = Math.max(this.#peakLogE, this.logE);
  }

  get logE(): number {
    const wealth = this.#logWealth;
    let largest = Number.NEGATIVE_INFINITY;
    for (let index = 0; index < wealth.length; index += 1) largest = Math.max(largest, wealth[index] ?? 0);
    let sum = 0;
    for (let index = 0; index < wealth.length; index += 1) sum += Math.exp((wealth[index] ?? 0) - largest);
    return largest + Math.log(sum / concentrations.length);
  }

  /** Latched: the bound holds for the highest value ever reached. */
  get hasFired(): boolean {
    return this.#peakLogE >= Math.log(sampleRatioThreshold);
  }

  get peakLogE(): number {
    return this.#peakLogE;
  }

  /** Visitors on the canary, of how many, and how many were expected. */
  get counts(): { readonly canary: number; readonly all: number; readonly expected: number } {
    let [canary, all, expected] = [0, 0, 0];
    for (const [weight, labels] of this.#labels) {
      canary += labels.canary;
      all += labels.all;
      expected += (weight / 10_000) * labels.all;
    }
    return { canary, all, expected };
  }

  state(): SampleRatioState {
    return {
      logWealth: Array.from(this.#logWealth),
      labels: Array.from(this.#labels, ([weight, { canary, all }]) => [weight, canary, all] as const),
      peakLogE: this.#peakLogE,
    };
  }

  /** Undefined for one weight too many: no plan has so many. */
  #labelsAt(weight: number): Labels | undefined {
    const known = this.#labels.get(weight);
    if (known !== undefined || this.#labels.size >= weightsMax) return known;
    const begun = { canary: 0, all: 0 };
    this.#labels.set(weight, begun);
    return begun;
  }
}
