import type { Plan } from "../rollout/rollout.ts";
import { nextWeightAfter } from "./next-weight.ts";
import { Gate, gateThreshold } from "./non-inferiority.ts";
import { gateWarmUpMs } from "./warm-up.ts";
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
 * How long a release without any failure takes through the plan, from `newUnitsPerSecond`. A visitor whom the rollout has
 * seen before is not new: a closed circle of visitors passes no gate, however busy it is. Where each request is a unit, each
 * is new.
 */
export function forecast(plan: Plan, newUnitsPerSecond: number): Forecast {
  const windowMs = plan.evidence === "request" ? 0 : plan.scoreWindowMs;
  let scoredCanaryVisitors = 0;
  let coldMs = gateWarmUpMs(plan);
  const gates = plan.steps.map(({ weight, minHoldMs, cohort, shadow, gate }, step): GateForecast => {
    const { margin } = new Gate({ harm: plan.harm, nextWeight: nextWeightAfter(plan, step) });
    if (cohort !== undefined || shadow !== undefined || gate !== undefined)
      return { step, weight, margin, gateMs: 0, stepMs: minHoldMs };
    const canaryVisitorsPerMs = ((weight / 10_000) * newUnitsPerSecond) / 1_000;
    const missing = Math.max(0, Math.log(gateThreshold) / margin - scoredCanaryVisitors);
    const gateMs = missing === 0 ? 0 : missing / canaryVisitorsPerMs;
    const stepMs = Math.max(minHoldMs, coldMs + gateMs + windowMs);
    // Visitors of a step's last window are scored in neither step, and those of the warm-up in none.
    if (Number.isFinite(stepMs)) scoredCanaryVisitors += canaryVisitorsPerMs * Math.max(0, stepMs - windowMs - coldMs);
    coldMs = 0;
    return { step, weight, margin, gateMs, stepMs };
  });
  const totalMs = gates.reduce((sum, gate) => sum + gate.stepMs, plan.bakeMs);
  const canPass = gates.every((gate) => gate.stepMs <= plan.maxHoldMs);
  return { gates, totalMs, canPass, words: describe({ plan, newUnitsPerSecond, gates, canPass }) };
}

function describe(options: {
  readonly plan: Plan;
  readonly newUnitsPerSecond: number;
  readonly gates: readonly GateForecast[];
  readonly canPass: boolean;
}): string {
  const { plan, newUnitsPerSecond, gates, canPass } = options;
  const units = plan.evidence === "request" ? "requests" : "visitors";
  const rate = `${Number(newUnitsPerSecond.toPrecision(2))} new ${units} a second`;
  const gatesMs = gates.reduce((sum, gate) => sum + gate.gateMs, 0);
  const claim = `rules out more than ${percentWords(plan.harm)} extra failing ${units}`;
  if (canPass) return `about ${durationWords(gatesMs)} of gates at ${rate}; ${claim}`;
  const slowest = gates.find((gate) => gate.stepMs > plan.maxHoldMs);
  const place = `the gate of the ${percentWords((slowest?.weight ?? 0) / 10_000)} step`;
  if (newUnitsPerSecond <= 0) return `without new ${units} ${place} cannot pass, because each of them counts once`;
  return `${place} takes about ${durationWords(slowest?.gateMs ?? 0)} at ${rate}, longer than the longest hold of ${durationWords(plan.maxHoldMs)}`;
}
