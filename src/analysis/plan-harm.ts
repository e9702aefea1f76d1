import type { Plan } from "../rollout/rollout.ts";
import { forecast } from "./forecast.ts";
import { durationWords, percentWords } from "./words.ts";

/** A release that fails more than half of everyone is caught by other tests long before a gate. */
export const harmMax = 0.5;
const harmMin = 1e-6;
const bisections = 50;

/**
 * The smallest harm that this traffic can rule out in `withinMs`, from the first unit on the canary to the end of the bake,
 * when nothing fails; at most `harmMax`. Time falls as harm rises, so the middle is halved on a logarithmic scale.
 */
export function harmWithin(plan: Plan, newUnitsPerSecond: number, withinMs: number): number {
  const fits = (harm: number): boolean => {
    const expected = forecast({ ...plan, harm }, newUnitsPerSecond);
    return expected.canPass && expected.totalMs <= withinMs;
  };
  let [low, high] = [Math.log(harmMin), Math.log(harmMax)];
  for (let step = 0; step < bisections; step += 1) {
    const middle = (low + high) / 2;
    if (fits(Math.exp(middle))) high = middle;
    else low = middle;
  }
  // Rounded upwards to two digits: what is promised is what is said.
  const digits = 10 ** (1 - Math.floor(Math.log10(Math.exp(high))));
  return Math.min(harmMax, Math.ceil(Math.exp(high) * digits - 1e-9) / digits);
}

/** What a plan that is given by time can show, before it starts. */
export function withinWords(plan: Plan, newUnitsPerSecond: number, withinMs: number): string {
  const units = plan.evidence === "request" ? "requests" : "visitors";
  const { totalMs } = forecast(plan, newUnitsPerSecond);
  const time = durationWords(withinMs);
  if (totalMs > withinMs) return `its holds and its bake alone take ${durationWords(totalMs)}, longer than the ${time} given`;
  return `within ${time} a release that fails ${percentWords(plan.harm)} more of your ${units} would be caught, and less would not`;
}
