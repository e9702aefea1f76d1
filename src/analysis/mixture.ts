import { z } from "zod";

export interface MixtureState {
  readonly logWealth: readonly number[];
  readonly cash: number;
}

export const mixtureSchema: z.ZodType<MixtureState> = z.object({ logWealth: z.array(z.number()), cash: z.number() });

/** A wealth of nothing, as a logarithm that JSON can hold. */
const nothing = -1e9;

/**
 * A bet spread over several alternatives: its value is cash + the sum of their wealths, and it starts at 1. If every
 * alternative's factor has expectation at most 1 under the null, the value passes 1/alpha with probability at most alpha,
 * at whatever times one looks (Ville). Wealth is kept as logarithms and is never raised: a floor would create evidence.
 */
export class Mixture {
  readonly #priors: readonly number[];
  readonly #logWealth: Float64Array;
  #cash: number;
  /** The value as long as nothing has changed it: it is asked for at each record, of every test. NaN when it is not known. */
  #known = Number.NaN;

  /** `priors` sum to 1; `cash` is the part held back for later restarts. */
  constructor(options: { readonly priors: readonly number[]; readonly cash: number }) {
    this.#priors = options.priors;
    this.#cash = options.cash;
    this.#logWealth = Float64Array.from(options.priors, (prior) => Math.log(prior * (1 - options.cash)));
  }

  /** By one factor for each alternative, as logarithms; `from` is where they begin in a table of several. */
  multiply(logFactors: Float64Array, from = 0): void {
    this.#known = Number.NaN;
    for (let index = 0; index < this.#logWealth.length; index += 1) {
      this.#logWealth[index] = (this.#logWealth[index] ?? 0) + (logFactors[from + index] ?? 0);
    }
  }

  /**
   * A restart: puts `share` of the cash on the alternatives anew, so that a fault that begins late is not weighed against all
   * the good before it. The value stays what it is.
   */
  invest(share: number): void {
    const invested = this.#cash * share;
    if (invested < 1e-12) return;
    this.#known = Number.NaN;
    this.#cash -= invested;
    this.#priors.forEach((prior, index) => {
      const old = this.#logWealth[index] ?? 0;
      const added = Math.log(invested * prior);
      const larger = Math.max(old, added);
      this.#logWealth[index] = larger + Math.log(Math.exp(old - larger) + Math.exp(added - larger));
    });
  }

  /** Natural logarithm of the value. */
  logValue(): number {
    if (!Number.isNaN(this.#known)) return this.#known;
    const wealth = this.#logWealth;
    let larger = this.#cash > 0 ? Math.log(this.#cash) : Number.NEGATIVE_INFINITY;
    for (let index = 0; index < wealth.length; index += 1) larger = Math.max(larger, wealth[index] ?? 0);
    let sum = this.#cash * Math.exp(-larger);
    for (let index = 0; index < wealth.length; index += 1) sum += Math.exp((wealth[index] ?? 0) - larger);
    this.#known = larger + Math.log(sum);
    return this.#known;
  }

  state(): MixtureState {
    return { logWealth: Array.from(this.#logWealth), cash: this.#cash };
  }

  /**
   * Takes over a state, also of a program with other alternatives: a past bet that goes on with other fair factors is fair.
   * An alternative that the state does not have begins with nothing, or the value would have grown by the change.
   */
  load(state: MixtureState): void {
    this.#known = Number.NaN;
    this.#logWealth.fill(nothing);
    this.#logWealth.set(state.logWealth.slice(0, this.#logWealth.length));
    this.#cash = state.cash;
  }
}
