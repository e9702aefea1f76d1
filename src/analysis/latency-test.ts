import type { LatencyFigures } from "../rollout/evidence-summary.ts";
import type { Arm } from "../routing/wire.ts";
import { thresholds } from "./budget.ts";
import { binsFor, LatencyHistogram, latencyBin } from "./latency-histogram.ts";
import { Mixture, type MixtureState } from "./mixture.ts";

/** Categories end at these quantiles of stable. */
const cuts = [0.1, 0.3, 0.5, 0.7, 0.85, 0.95, 0.99, 0.999] as const;
const categoryCount = cuts.length + 1;

/** What a slower release may look like: everything takes `times` as long, or what stable has beyond a quantile is so many times as common. */
const alternatives = [
  { kind: "shift", times: 1.1, prior: 0.16 },
  { kind: "shift", times: 1.3, prior: 0.17 },
  { kind: "shift", times: 2, prior: 0.17 },
  { kind: "shift", times: 4, prior: 0.12 },
  { kind: "tail", beyond: 0.95, times: 1.7, prior: 0.08 },
  { kind: "tail", beyond: 0.99, times: 1.7, prior: 0.08 },
  { kind: "tail", beyond: 0.99, times: 4, prior: 0.1 },
  { kind: "tail", beyond: 0.999, times: 3, prior: 0.05 },
  { kind: "tail", beyond: 0.999, times: 15, prior: 0.07 },
] as const;

type Alternative = (typeof alternatives)[number];

/**
 * Answers this fast are no matter to anybody; the faster, the more the canary may be slower by, up to `slackMs`. With a small part of
 * the visitors its caches and compiled code stay colder than stable's for as long as the part is small, and on answers of a
 * millisecond that shows.
 */
const fastMs = 5;
const slackMs = 1;

const restartCash = 0.25;
const restartShare = 0.01;
/** Stable's answers before the first bet. */
const stableMin = 30;
const refreshGrowth = 1.15;
/** Nobody believes a verdict on fewer; waiting never hurts validity. */
const canaryMin = 5;
const tablesMax = 16;
/** Half a visitor, spread over the categories, keeps a category that stable has never reached from being impossible. */
const smoothing = 0.5;

/** For one alternative, how many times likelier each category is than on stable, rising with the category. */
type Likelihoods = readonly number[];

/** What one timed visitor multiplies the bet on an alternative by; `share` is the canary's share of visitors, within (0, 1). */
export function latencyFactor(options: { readonly arm: Arm; readonly share: number; readonly likelihood: number }): number {
  const { arm, share, likelihood } = options;
  return (arm === "canary" ? likelihood : 1) / (share * likelihood + 1 - share);
}

export interface LatencyTestState {
  readonly mixture: MixtureState;
  readonly peakLogE: number;
  readonly stable: readonly (readonly [bin: number, count: number])[];
  readonly canary: readonly (readonly [bin: number, count: number])[];
  readonly nextRefresh: number;
  readonly edges: readonly number[];
  readonly likelihoods: readonly Likelihoods[];
}

/**
 * Are answers slower on the canary? Durations are put into nine categories by the quantiles of stable's own past, and the
 * bet is on a visitor of a slow category being the canary's. If the canary is not slower, that side is still the toss of
 * the router's coin, so the value is a fair bet however latencies drift; because each alternative's likelihood rises with
 * the category, a canary that is faster only loses it; so the slack, which takes something off the canary's durations alone, makes it
 * safer and never unfair. (Multinomial form of the label test: Lindon and Malek,
 * Anytime-Valid Inference for Multinomial Count Data; docs/verdict-benchmark.md
 * measures it against an oracle. What most of the loss is, is stable's past: it is learnt as the rollout goes.)
 *
 * One answer per visitor and rollout, chosen before its outcome is known: visitors on slow lines would otherwise be
 * counted again and again on the same side. A request that was not answered by its deadline is as slow as its deadline.
 */
export class LatencyTest {
  readonly #mixture: Mixture;
  /** By weight, for the present categories: answers of requests that began before a change of weight still come after it. */
  readonly #tables = new Map<number, FactorTable>();
  #stable = new LatencyHistogram();
  #canary = new LatencyHistogram();
  #peakLogE = 0;
  #nextRefresh = stableMin;
  #edges: readonly number[] = [];
  #likelihoods: readonly Likelihoods[] = [];

  /**
   * With `restarts` a part of the bet is kept back, so that a release that slows down late is not weighed against all before it.
   * Unlike errors this harms nobody with visitors as units: one answer of each is timed, slow or not, so none is used up early.
   */
  constructor({ restarts = true }: { readonly restarts?: boolean } = {}) {
    this.#mixture = new Mixture({ priors: alternatives.map(({ prior }) => prior), cash: restarts ? restartCash : 0 });
  }

  static restore(state: LatencyTestState): LatencyTest {
    const test = new LatencyTest();
    test.#mixture.load(state.mixture);
    test.#peakLogE = state.peakLogE;
    test.#stable = LatencyHistogram.restore(state.stable);
    test.#canary = LatencyHistogram.restore(state.canary);
    // Categories of a program that cut elsewhere are no use here: they are made anew before the next answer.
    const isOfThisCut = state.edges.length === cuts.length && state.likelihoods.length === alternatives.length;
    if (!isOfThisCut) return test;
    test.#nextRefresh = state.nextRefresh;
    test.#edges = state.edges;
    test.#likelihoods = state.likelihoods;
    return test;
  }

  /** A visitor's timed answer, by a request that was assigned at `weight` ten-thousandths. */
  timed(answer: { readonly arm: Arm; readonly weight: number; readonly tookMs: number }): void {
    const { arm, weight, tookMs } = answer;
    if (!(weight > 0 && weight < 10_000)) return;
    // What stable did before this answer decides the categories; the answer itself has no part in them.
    if (this.#stable.total >= this.#nextRefresh) this.#refresh();
    if (this.#likelihoods.length > 0)
      this.#bet(arm, weight, this.#categoryOf(latencyBin(arm === "canary" ? withoutSlack(tookMs) : tookMs)));
    (arm === "stable" ? this.#stable : this.#canary).add(latencyBin(tookMs));
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

  get isDecided(): boolean {
    return this.#canary.total >= canaryMin && this.logE >= Math.log(thresholds.latency);
  }

  /** What the bet has won most on, in words that follow "slower": which part of the answers moved. */
  get moved(): string {
    const wealth = this.#mixture.state().logWealth;
    const leading = wealth.indexOf(Math.max(...wealth));
    const alternative: Alternative | undefined = alternatives[leading];
    if (alternative === undefined || alternative.kind === "shift") return "throughout";
    return `mostly among the slowest ${Number(((1 - alternative.beyond) * 100).toPrecision(2))}%`;
  }

  figures(arm: Arm): LatencyFigures {
    const histogram = arm === "stable" ? this.#stable : this.#canary;
    return {
      visitors: histogram.total,
      p50Ms: rounded(histogram.quantileMs(0.5)),
      p95Ms: rounded(histogram.quantileMs(0.95)),
      p99Ms: rounded(histogram.quantileMs(0.99)),
    };
  }

  state(): LatencyTestState {
    return {
      mixture: this.#mixture.state(),
      peakLogE: this.#peakLogE,
      stable: this.#stable.state(),
      canary: this.#canary.state(),
      nextRefresh: this.#nextRefresh,
      edges: this.#edges,
      likelihoods: this.#likelihoods,
    };
  }

  #bet(arm: Arm, weight: number, category: number): void {
    this.#mixture.multiply(this.#tableOf(weight)[arm], category * alternatives.length);
    if (arm === "canary") this.#peakLogE = Math.max(this.#peakLogE, this.logE);
  }

  #tableOf(weight: number): FactorTable {
    const known = this.#tables.get(weight);
    if (known !== undefined) return known;
    if (this.#tables.size >= tablesMax) this.#tables.clear();
    const table = factorTable(this.#likelihoods, weight / 10_000);
    this.#tables.set(weight, table);
    return table;
  }

  #categoryOf(bin: number): number {
    let category = 0;
    while (category < this.#edges.length && bin >= (this.#edges[category] ?? 0)) category += 1;
    return category;
  }

  #refresh(): void {
    this.#nextRefresh = this.#stable.total * refreshGrowth + 1;
    this.#edges = cuts.map((cut) => this.#stable.edgeAt(cut));
    const stable = { total: this.#stable.total, shareBefore: this.#stable.smoothed() };
    this.#likelihoods = alternatives.map((alternative) => likelihoodsOf(alternative, this.#edges, stable));
    this.#tables.clear();
  }
}

/** Rises with the duration and is never above it. */
function withoutSlack(tookMs: number): number {
  return tookMs - slackMs * Math.max(0, 1 - tookMs / fastMs);
}

/** Logarithms of what an answer multiplies the bets by, one row of alternatives for each category. */
type FactorTable = Readonly<Record<Arm, Float64Array>>;

function factorTable(likelihoods: readonly Likelihoods[], share: number): FactorTable {
  const rows = (arm: Arm): Float64Array =>
    Float64Array.from({ length: categoryCount * alternatives.length }, (_, index) => {
      const category = Math.floor(index / alternatives.length);
      const likelihood = likelihoods[index % alternatives.length]?.[category] ?? 1;
      return Math.log(latencyFactor({ arm, share, likelihood }));
    });
  return { canary: rows("canary"), stable: rows("stable") };
}

interface StableShares {
  readonly total: number;
  readonly shareBefore: (bin: number) => number;
}

/** The likelihood of each category under the alternative over that on stable, made to rise by a running maximum, with mean 1 on stable. */
function likelihoodsOf(alternative: Alternative, edges: readonly number[], stable: StableShares): Likelihoods {
  const under = categoryShares(edges, stable, 0);
  const against =
    alternative.kind === "shift" ? categoryShares(edges, stable, binsFor(alternative.times)) : tailShares(alternative, under);
  let highest = 0;
  const rising = under.map((share, category) => {
    highest = Math.max(highest, (against[category] ?? 0) / share);
    return highest;
  });
  const mean = rising.reduce((sum, likelihood, category) => sum + likelihood * (under[category] ?? 0), 0);
  return rising.map((likelihood) => likelihood / mean);
}

function categoryShares(edges: readonly number[], stable: StableShares, shiftBins: number): readonly number[] {
  let before = 0;
  return Array.from({ length: categoryCount }, (_, category) => {
    const edge = edges[category];
    const until = edge === undefined ? 1 : stable.shareBefore(edge - shiftBins);
    const share = until - before;
    before = until;
    return (share * stable.total + smoothing / categoryCount) / (stable.total + smoothing);
  });
}

function tailShares(alternative: Extract<Alternative, { kind: "tail" }>, under: readonly number[]): readonly number[] {
  const isBeyond = (category: number) => category > 0 && (cuts[category - 1] ?? 0) >= alternative.beyond;
  const beyond = under.reduce((sum, share, category) => sum + (isBeyond(category) ? share : 0), 0);
  const times = Math.min(alternative.times, 0.9 / beyond);
  return under.map((share, category) => share * (isBeyond(category) ? times : (1 - times * beyond) / (1 - beyond)));
}

function rounded(ms: number | null): number | null {
  return ms === null ? null : Number(ms.toPrecision(2));
}
