import type { Manifest } from "../manifest/manifest.ts";
import type { Plan } from "../rollout/rollout.ts";
import { forecast } from "./forecast.ts";
import { harmMax, harmWithin, withinWords } from "./plan-harm.ts";
import { planSteps } from "./plan-steps.ts";
import { durationWords } from "./words.ts";

/**
 * What the manifest leaves open is decided by the visitors of the last minute (null: nothing serves yet), and it is said before
 * the start what that plan can show. A gate that this traffic cannot pass would only hold the release, so there the steps go on
 * without evidence, unless the manifest says otherwise. The words begin with what matters most; each part behind a "; " stands alone.
 */
export function freezePlan(
  { withinMs, ...plan }: Manifest["plan"],
  unitsPerSecond: number | null,
): { readonly plan: Plan; readonly words: string } {
  const open = { ...plan, onInconclusive: plan.onInconclusive ?? ("hold" as const) };
  const named = plan.steps ?? [];
  const isPlanned = named.every(({ cohort, shadow, gate }) => (cohort ?? shadow ?? gate) !== undefined);
  // A plan that is given by time rules out what it can in it: the ladder is the gentlest that this traffic can climb at all.
  const planned = planSteps(withinMs === undefined ? open : { ...open, harm: harmMax }, unitsPerSecond ?? 0);
  const steps = isPlanned ? [...named, ...planned] : named;
  const harm = withinMs === undefined ? plan.harm : harmWithin({ ...open, steps }, unitsPerSecond ?? 0, withinMs);
  const known = { ...open, harm, ...(unitsPerSecond === null ? {} : { newUnitsPerSecond: unitsPerSecond }) };
  if (unitsPerSecond === null) {
    const words = "first release, nothing to compare with: it goes to everyone as soon as it is ready";
    return { plan: { ...known, steps }, words };
  }
  const expected = forecast({ ...known, steps }, unitsPerSecond);
  const ladder = isPlanned
    ? `; steps planned from this traffic: ${steps
        .slice(named.length)
        .map(({ weight }) => `${weight / 100}%`)
        .join(", ")}`
    : "";
  const inTime = withinMs === undefined ? "" : `; ${withinWords({ ...known, steps }, unitsPerSecond, withinMs)}`;
  if (expected.canPass)
    return {
      plan: { ...known, steps },
      words: `about ${durationWords(expected.totalMs)} in all; ${expected.words}${ladder}${inTime}`,
    };
  const onInconclusive = plan.onInconclusive ?? "continue";
  const end =
    onInconclusive === "continue"
      ? "the steps go on without statistical evidence"
      : `it will end by onInconclusive: ${onInconclusive}`;
  const longestMs = steps.length * known.maxHoldMs + known.bakeMs;
  const length = onInconclusive === "continue" ? `; ${durationWords(longestMs)} in all at the most` : "";
  return { plan: { ...known, steps, onInconclusive }, words: `${end}; ${expected.words}${ladder}${length}` };
}
