import type { Plan } from "../rollout/rollout.ts";

/** The weight that a gate decides about; the step of a cohort has none, and an approval only keeps the one before it. */
export function nextWeightAfter({ steps, holdbackWeight }: Pick<Plan, "steps" | "holdbackWeight">, step: number): number {
  const next = steps.slice(step + 1).find(({ weight, gate }) => weight > 0 && gate === undefined);
  return next?.weight ?? holdbackWeight;
}
