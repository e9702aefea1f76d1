import { isWindowPassedOver, type Supervised } from "../rollout/approval.ts";
import { isOpenAt } from "../rollout/calendar.ts";
import type { Fact } from "../rollout/entry.ts";
import type { Rollout } from "../rollout/rollout.ts";

/** Facts after which more visitors meet the release. */
const stepsForward: ReadonlySet<Fact["kind"]> = new Set<Fact["kind"]>(["candidate-ready", "step-ended", "bake-ended"]);

/** What would bring more visitors to the release waits while no window is open; what takes them away never does. */
export function waitsForWindow(rollout: Supervised & Pick<Rollout, "plan">, fact: Fact, now: Temporal.Instant): boolean {
  const { calendar } = rollout.plan;
  if (calendar === undefined || !stepsForward.has(fact.kind) || isOpenAt(calendar, now)) return false;
  return !isWindowPassedOver(rollout, now);
}
