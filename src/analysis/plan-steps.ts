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

/** A first share that brings the canary about two visitors a second, within 1 and 20 %: what a bad release costs depends on how many meet it, not on the share. */
const firstShare = { least: 0.01, most: 0.2, visitorsPerSecond: 2 } as const;

/** With fewer canary visitors a minute than this, a release that always fails is seen late (reference: over 70 % of runs have no verdict after a minute). */
export const visitorsPerMinuteMin = 5;

/** Traffic that no gate can be passed with: the steps only bound how many meet a bad release before somebody notices. */
const quietLadder: readonly number[] = [1_000, 5_000];

/**
 * Steps for a plan that names none, from the measured new visitors a second: the ladder whose first step gives the canary about
 * two visitors a second, or the next coarser one whose gates all pass within the plan's longest hold.
 */
export function planSteps(plan: Omit<Plan, "steps">, newUnitsPerSecond: number): readonly WeightStep[] {
  const { least, most, visitorsPerSecond } = firstShare;
  const wanted = 10_000 * Math.min(most, Math.max(least, visitorsPerSecond / newUnitsPerSecond));
  const begin = ladders.findLastIndex(([first = 0]) => first <= wanted);
  const fits = (weights: readonly number[]): boolean => {
    const [first = 0] = weights;
    const canaryPerMinute = (first / 10_000) * newUnitsPerSecond * 60;
    return (
      canaryPerMinute >= visitorsPerMinuteMin && forecast({ ...plan, steps: toSteps(weights, plan) }, newUnitsPerSecond).canPass
    );
  };
  return toSteps(ladders.slice(begin).find(fits) ?? quietLadder, plan);
}

function toSteps(weights: readonly number[], { maxHoldMs }: Pick<Plan, "maxHoldMs">): readonly WeightStep[] {
  return weights.map((weight) => ({ weight, minHoldMs: Math.min(minHoldMs, maxHoldMs) }));
}
