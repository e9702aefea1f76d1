import type { Ended, Ending } from "../../src/rehearsal/play.ts";
import { PolledRule, promoted, rolledBack } from "./windows.ts";

const stepMs = 60_000;
/** Literals of its code: not settings. */
const tolerance = 0.25;
/** Of its search for a root: a shift below it is none. */
const rootTolerance = 1e-4;
const z98 = 2.3263478740408408;

/**
 * Kayenta's NetflixACAJudge on the failures of each minute: a canary and a baseline of the same size, 5% of visitors
 * each, compared by the Mann-Whitney test of its code. Direction: increase is bad. It judges the growing window.
 */
export class Kayenta extends PolledRule {
  readonly #everyMs: number;
  readonly #lifetimeMs: number;
  readonly #canary: number[] = [];
  readonly #baseline: number[] = [];
  #minute = { canary: [0, 0] as [number, number], baseline: [0, 0] as [number, number] };
  #nextStepMs = stepMs;

  constructor(options: { readonly everyMs: number; readonly lifetimeMs: number }) {
    super(500);
    this.#everyMs = options.everyMs;
    this.#lifetimeMs = options.lifetimeMs;
  }

  override ended({ side, request, isFailed }: Ended): void {
    const isBaseline = side === "stable" && request.visitor.draw >= 9_500;
    if (side === "stable" && !isBaseline) return;
    const counts = this.#minute[isBaseline ? "baseline" : "canary"];
    counts[0] += 1;
    if (isFailed) counts[1] += 1;
  }

  tick({ nowMs }: { readonly nowMs: number }): Ending | null {
    if (nowMs < this.#nextStepMs) return null;
    this.#nextStepMs += stepMs;
    const { canary, baseline } = this.#minute;
    if (canary[0] > 0) this.#canary.push(canary[1]);
    if (baseline[0] > 0) this.#baseline.push(baseline[1]);
    this.#minute = { canary: [0, 0], baseline: [0, 0] };
    if (nowMs % this.#everyMs !== 0) return null;
    if (isHigh(this.#canary, this.#baseline)) return rolledBack("the judge classified the metric as High");
    return nowMs >= this.#lifetimeMs ? promoted("the lifetime was over") : null;
  }
}

/** Whether the judge calls the experiment's metric High. */
export function isHigh(experiment: readonly number[], control: readonly number[]): boolean {
  if (experiment.length === 0 || control.length === 0) return false;
  const all = new Set([...experiment, ...control]);
  if (all.size === 1) return false;
  const estimate = shiftAt(experiment, control, 0);
  const low = shiftAt(experiment, control, z98);
  const ratio = mean(experiment) / mean(control);
  // With a mean of 0 on the baseline the ratio is no number, and the judge skips this condition.
  const isEffect = !Number.isFinite(ratio) || ratio >= 1;
  return low > tolerance * Math.abs(estimate) + rootTolerance && isEffect;
}

/** The shift of the experiment at which the statistic of Mann and Whitney is `z`: 0 estimates it, 2.33 is the lower limit at 98%. */
function shiftAt(experiment: readonly number[], control: readonly number[], z: number): number {
  let low = Math.min(...experiment) - Math.max(...control);
  let high = Math.max(...experiment) - Math.min(...control);
  for (let step = 0; step < 40; step += 1) {
    const middle = (low + high) / 2;
    if (statistic(experiment, control, middle) > z) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Normal approximation with correction for ties and for continuity. */
function statistic(experiment: readonly number[], control: readonly number[], shift: number): number {
  const tagged = [
    ...experiment.map((value) => ({ value: value - shift, isOwn: true })),
    ...control.map((value) => ({ value, isOwn: false })),
  ];
  tagged.sort((a, b) => a.value - b.value);
  let rankSum = 0;
  let ties = 0;
  for (let from = 0; from < tagged.length; ) {
    let to = from;
    while (to < tagged.length && Math.abs((tagged[to]?.value ?? 0) - (tagged[from]?.value ?? 0)) < 1e-12) to += 1;
    const rank = (from + to + 1) / 2;
    for (let index = from; index < to; index += 1) if (tagged[index]?.isOwn === true) rankSum += rank;
    ties += (to - from) ** 3 - (to - from);
    from = to;
  }
  const [n, m] = [experiment.length, control.length];
  const difference = rankSum - (n * (n + 1)) / 2 - (n * m) / 2;
  const sigma = Math.sqrt(((n * m) / 12) * (n + m + 1 - ties / ((n + m) * (n + m - 1))));
  if (sigma === 0) return 0;
  return (difference - Math.sign(difference) * 0.5) / sigma;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
