import { isOpenAt } from "../rollout/calendar.ts";
import type { Fact } from "../rollout/entry.ts";
import type { Rollout } from "../rollout/rollout.ts";

/** Facts after which more visitors meet the release. */
const stepsForward: ReadonlySet<Fact["kind"]> = new Set<Fact["kind"]>(["candidate-ready", "step-ended", "bake-ended"]);

/** What would bring more visitors to the release waits while no window is open; what takes them away never does. */
export function waitsForWindow({ plan }: Pick<Rollout, "plan">, fact: Fact, now: Temporal.Instant): boolean {
  return plan.calendar !== undefined && stepsForward.has(fact.kind) && !isOpenAt(plan.calendar, now);
}
