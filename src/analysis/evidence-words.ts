import type { KpiSide, LatencyFigures } from "../rollout/evidence-summary.ts";
import type { Kpi } from "../rollout/kpi.ts";
import type { Unit } from "../rollout/rollout.ts";
import { thresholds } from "./budget.ts";
import type { Gate } from "./non-inferiority.ts";
import { sampleRatioThreshold } from "./sample-ratio.ts";
import { countWords, durationWords, likelihoodWords, percentWords, unitWords } from "./words.ts";

interface SampleCounts {
  readonly canary: number;
  readonly all: number;
  readonly expected: number;
}

interface BothSides<Value> {
  readonly canary: Value;
  readonly stable: Value;
}

/** What a verdict says of itself, for people, without a full stop. */
export function errorWords(options: {
  readonly failures: BothSides<number>;
  readonly weight: number;
  readonly logE: number;
  readonly unit: Unit;
}): string {
  const { failures, weight, logE, unit } = options;
  return `${unitWords(failures.canary, unit)} failed on the canary (${percentWords(weight / 10_000)} of ${unit}s) against ${countWords(failures.stable)} on stable: ${likelihoodWords(logE)} if the canary is worse than by chance (${thresholds.errors} decides)`;
}

export function sloWords(options: {
  readonly failed: number;
  readonly objective: number;
  readonly logE: number;
  readonly unit: Unit;
}): string {
  const { failed, objective, logE, unit } = options;
  return `${unitWords(failed, unit)} failed on the canary, and stable is well: ${likelihoodWords(logE)} than with twice the failures that the ${percentWords(objective)} objective tolerates (${countWords(thresholds.slo)} decides)`;
}

export function latencyWords(options: {
  readonly figures: BothSides<LatencyFigures>;
  readonly moved: string;
  readonly logE: number;
}): string {
  const { figures, moved, logE } = options;
  const { canary, stable } = figures;
  const half = `half of ${countWords(canary.visitors)} answers within ${msWords(canary.p50Ms)} (${msWords(stable.p50Ms)} on stable)`;
  const tail = `95% within ${msWords(canary.p95Ms)} (${msWords(stable.p95Ms)})`;
  return `answers of the canary are slower, ${moved}: ${half}, ${tail}; ${likelihoodWords(logE)} if it is slower than by chance (${thresholds.latency} decides)`;
}

export function latencySloWords(options: {
  readonly underMs: number;
  readonly objective: number;
  readonly logE: number;
}): string {
  const { underMs, objective, logE } = options;
  return `too many answers of the canary take longer than ${msWords(underMs)}, and stable is well: ${likelihoodWords(logE)} than with twice what the ${percentWords(objective)} objective tolerates (${countWords(thresholds.latencySlo)} decides)`;
}

export function kpiWords(options: {
  readonly kpi: Kpi;
  readonly canary: KpiSide;
  readonly stable: KpiSide;
  readonly logE: number;
  readonly threshold: number;
  readonly unit: Unit;
}): string {
  const { kpi, canary, stable, logE, threshold, unit } = options;
  const decides = `${likelihoodWords(logE)} if the canary is worse than by chance (${countWords(threshold)} decides)`;
  if (kpi.valueField !== null) {
    const counts = `${countWords(canary.good)} on the canary and ${countWords(stable.good)} on stable`;
    return `${kpi.name} is worse (${kpi.user} ${kpi.outcome}): ${meanWords(canary.mean)} on average against ${meanWords(stable.mean)}, by ${counts}: ${decides}`;
  }
  const side = ({ good, units }: KpiSide) => `${countWords(good)} of ${unitWords(units, unit)}`;
  return `${kpi.name} is worse: ${kpi.user} ${kpi.outcome} for ${side(canary)} on the canary against ${side(stable)} on stable: ${decides}`;
}

function meanWords(mean: number | null | undefined): string {
  return mean === null || mean === undefined ? "nothing" : String(Number(mean.toPrecision(3)));
}

export function sharedOutageWords(failed: BothSides<number>, objective: number, unit: Unit): string {
  return `shared outage: canary and stable both burn the error budget of the ${percentWords(objective)} objective (${unitWords(failed.canary, unit)} failed on the canary, ${countWords(failed.stable)} on stable), so something that they share is failing`;
}

export function sharedSlownessWords({ underMs, share }: { readonly underMs: number; readonly share: number }): string {
  return `shared outage: canary and stable both miss the latency objective (${percentWords(share)} within ${msWords(underMs)}), so something that they share is slow`;
}

export function assignmentWords(counts: SampleCounts, unit: Unit): string {
  return `${countWords(counts.canary)} of ${countWords(counts.all)} new ${unit}s came to the canary, and about ${countWords(counts.expected)} were planned: the two sides are no fair samples, so nothing that compares them counts (${countWords(sampleRatioThreshold)} decides)`;
}

export function answersWords(counts: SampleCounts, unit: Unit): string {
  return `of ${unitWords(counts.all, unit)} with any answer ${countWords(counts.canary)} were on the canary, and about ${countWords(counts.expected)} should have been: one side does not answer, or its answers are not told, so nothing that compares them counts`;
}

export function passWords(options: {
  readonly gate: Gate;
  readonly scored: number;
  readonly failed: number;
  readonly unit: Unit;
}): string {
  const { gate, scored, failed, unit } = options;
  const bad = failed === 0 ? "none" : countWords(failed);
  return `${unitWords(scored, unit)} scored on the canary, ${bad} failed: rules out more than ${percentWords(gate.margin)} extra failing ${unit}s (at most 1 in 20 such rulings is wrong)`;
}

export function lostWords(lostRecords: number): string {
  const records = lostRecords === 1 ? "1 record was" : `${countWords(lostRecords)} records were`;
  return `${records} lost on the way from the proxy, so nothing is promoted by evidence in this rollout`;
}

/** How many more units a gate needs, and how long that takes: (ln 20 - ln E) / growth, by what comes lately. */
export function missingWords(options: {
  readonly gate: Gate;
  readonly weight: number;
  readonly unit: Unit;
  readonly meanGapMs: number | null;
  /** Since the last new one came; null when none did. */
  readonly silentMs: number | null;
  /** A silence of so long is no chance. */
  readonly quietMs: number;
}): string {
  const { gate, weight, unit, meanGapMs, silentMs, quietMs } = options;
  const missing = gate.visitorsMissing(weight);
  if (!Number.isFinite(missing)) return "there is no canary traffic to compare with stable";
  const onCanary = Math.ceil((missing * weight) / 10_000);
  const count = `about ${countWords(missing)} more scored ${unit}s, ${countWords(onCanary)} of them on the canary, if it is as good as stable`;
  if (silentMs === null) return `${count}; no ${unit} has come yet, so nobody can say how long that takes`;
  if (silentMs >= quietMs)
    return `${count}; no new ${unit} has come for ${durationWords(silentMs)}, and without new ones it never ends`;
  if (meanGapMs === null) return `${count}; too few have come to say how long that takes`;
  const perSecond = 1_000 / Math.max(meanGapMs, 1);
  return `${count}: about ${durationWords(missing * Math.max(meanGapMs, 1))} at ${Number(perSecond.toPrecision(2))} new ${unit}s a second`;
}

export function bakeWords(objective: number): string {
  return `nothing to pass here: the SLO test watches the ${percentWords(objective)} objective; a fault that stays inside it shows only slowly`;
}

function msWords(ms: number | null): string {
  if (ms === null) return "an unknown time";
  return ms >= 10_000 ? `${countWords(ms / 1_000)} s` : `${Number(ms.toPrecision(2))} ms`;
}
