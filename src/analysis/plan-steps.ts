import type { Plan, WeightStep } from "../rollout/rollout.ts";
import { forecast } from "./forecast.ts";

const minHoldMs = 60_000;

/** From the gentlest to the coarsest; ten-thousandths. Each jump is at most tenfold, so that no step bets far more than the one before it has shown. */
const ladders: readonly (readonly number[])[] = [
  [100, 500, 2_500, 5_000],
  [200, 1_000, 2_500, 5_000],
  [500, 2_500, 5_000],
  [1_000, 5_000],
  [2_000, 5_000],
];

/** With fewer canary visitors a minute than this, a release that always fails is seen late (reference: over 70 % of runs have no verdict after a minute). */
const visitorsPerMinuteMin = 5;

/** Traffic that no gate can be passed with: the steps only bound how many meet a bad release before somebody notices. */
const quietLadder: readonly number[] = [1_000, 5_000];

/**
 * Steps for a plan that names none, from the measured new visitors a second: the gentlest ladder whose first step gives the
 * canary a handful of visitors a minute and whose gates all pass within the plan's longest hold.
 */
export function planSteps(plan: Omit<Plan, "steps">, newUnitsPerSecond: number): readonly WeightStep[] {
  const fits = (weights: readonly number[]): boolean => {
    const [first = 0] = weights;
    const canaryPerMinute = (first / 10_000) * newUnitsPerSecond * 60;
    return (
      canaryPerMinute >= visitorsPerMinuteMin && forecast({ ...plan, steps: toSteps(weights, plan) }, newUnitsPerSecond).canPass
    );
  };
  return toSteps(ladders.find(fits) ?? quietLadder, plan);
}

function toSteps(weights: readonly number[], { maxHoldMs }: Pick<Plan, "maxHoldMs">): readonly WeightStep[] {
  return weights.map((weight) => ({ weight, minHoldMs: Math.min(minHoldMs, maxHoldMs) }));
}
