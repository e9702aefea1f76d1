import type { DeclaredMetric, JudgedMetric } from "../rollout/evidence-summary.ts";
import type { Plan } from "../rollout/rollout.ts";

/** A release that is no worse is taken back by all tests together in at most this share of rollouts. */
export const alpha = 0.01;

type OwnMetric = Exclude<JudgedMetric, DeclaredMetric>;

/** How the alpha is split. What teams declare shares its part equally. */
const weights: Readonly<Record<OwnMetric, number>> = { errors: 0.4, latency: 0.25, slo: 0.1, latencySlo: 0.1 };
const declaredWeight = 0.15;

/**
 * The e-value at which a metric decides: 1/(alpha w), a weighted Bonferroni. Steps cost nothing, because each test is one
 * martingale over the whole rollout. The weighted average of e-values would decide a little earlier, and it is not used:
 * it is valid only where all of them are fair bets given the same past. With visitors as units they are not, since a
 * visitor's first answer, which the latency test has seen, gives away its side before its first error comes.
 */
export const thresholds: Readonly<Record<OwnMetric, number>> = {
  errors: thresholdOf(weights.errors),
  latency: thresholdOf(weights.latency),
  /** Both objectives are judged by the same test. */
  slo: thresholdOf(weights.slo),
  latencySlo: thresholdOf(weights.latencySlo),
};

/** How many share that part: everything that a plan declares beside what is always judged. */
export function declaredCount({ kpis = [], sources = [] }: Pick<Plan, "kpis" | "sources">): number {
  return kpis.length + sources.length;
}

/** Of each KPI and each source, when the plan has so many of them together. */
export function declaredThreshold(count: number): number {
  return thresholdOf(declaredWeight / count);
}

function thresholdOf(weight: number): number {
  return Math.round(1 / (alpha * weight));
}
