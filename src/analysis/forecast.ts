import type { Plan } from "../rollout/rollout.ts";
import { nextWeightAfter } from "./evidence.ts";
import { Gate, gateThreshold } from "./non-inferiority.ts";
import { durationWords, percentWords } from "./words.ts";

export interface GateForecast {
  /** Index of the step. */
  readonly step: number;
  /** Ten-thousandths on the canary in this step. */
  readonly weight: number;
  /** Extra share of failing visitors that this gate rules out. */
  readonly margin: number;
  /** Time in which visitors for the gate have to come, after what the steps before collected for it. */
  readonly gateMs: number;
  /** Length of the whole step. */
  readonly stepMs: number;
}

export interface Forecast {
  readonly gates: readonly GateForecast[];
  /** From the first visitor on the canary to the end of the bake; infinity when a gate never passes. */
  readonly totalMs: number;
  /** Whether every gate passes within the plan's longest hold. */
  readonly canPass: boolean;
  /** For people, without a full stop. */
  readonly words: string;
}

/**
 * How long a release without any failing visitor takes through the plan, from `newVisitorsPerSecond`. A visitor whom the
 * rollout has seen before is not new: a closed circle of visitors passes no gate, however busy it is.
 */
export function forecast(plan: Plan, newVisitorsPerSecond: number): Forecast {
  let scoredCanaryVisitors = 0;
  const gates = plan.steps.map(({ weight, minHoldMs, cohort }, step): GateForecast => {
    const { margin } = new Gate({ harm: plan.harm, nextWeight: nextWeightAfter(plan, step) });
    if (cohort !== undefined) return { step, weight, margin, gateMs: 0, stepMs: minHoldMs };
    const canaryVisitorsPerMs = ((weight / 10_000) * newVisitorsPerSecond) / 1_000;
    const missing = Math.max(0, Math.log(gateThreshold) / margin - scoredCanaryVisitors);
    const gateMs = missing === 0 ? 0 : missing / canaryVisitorsPerMs;
    const stepMs = Math.max(minHoldMs, gateMs + plan.scoreWindowMs);
    // Visitors of a step's last window are scored in neither step.
    if (Number.isFinite(stepMs)) scoredCanaryVisitors += canaryVisitorsPerMs * (stepMs - plan.scoreWindowMs);
    return { step, weight, margin, gateMs, stepMs };
  });
  const totalMs = gates.reduce((sum, gate) => sum + gate.stepMs, plan.bakeMs);
  const canPass = gates.every((gate) => gate.stepMs <= plan.maxHoldMs);
  return { gates, totalMs, canPass, words: describe({ plan, newVisitorsPerSecond, gates, canPass }) };
}

function describe(options: {
  readonly plan: Plan;
  readonly newVisitorsPerSecond: number;
  readonly gates: readonly GateForecast[];
  readonly canPass: boolean;
}): string {
  const { plan, newVisitorsPerSecond, gates, canPass } = options;
  const rate = `${Number(newVisitorsPerSecond.toPrecision(2))} new visitors a second`;
  const gatesMs = gates.reduce((sum, gate) => sum + gate.gateMs, 0);
  const claim = `rules out more than ${percentWords(plan.harm)} extra failing visitors`;
  if (canPass) return `about ${durationWords(gatesMs)} of gates at ${rate}; ${claim}`;
  const slowest = gates.find((gate) => gate.stepMs > plan.maxHoldMs);
  const place = `the gate of the ${percentWords((slowest?.weight ?? 0) / 10_000)} step`;
  if (newVisitorsPerSecond <= 0) return `without new visitors ${place} cannot pass; each of them is scored once`;
  return `${place} takes about ${durationWords(slowest?.gateMs ?? 0)} at ${rate}, longer than the longest hold of ${durationWords(plan.maxHoldMs)}`;
}
