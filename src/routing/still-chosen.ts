import type { InFlight } from "./in-flight.ts";
import type { ServiceRoute } from "./table.ts";

/**
 * Whether a request may still be sent to the release that was chosen for it: a table or a brake may have come since. A
 * weight that was raised since only adds visitors, and a promotion made the canary everyone's: both leave its visitors
 * where they are. A release that the table does not name any more gets nothing, whichever side it was on.
 */
export function isStillChosen(
  { choice, release, hasFallenBack }: InFlight,
  present: ServiceRoute | null,
  { isOpen, hasCohorts }: { readonly isOpen: boolean; readonly hasCohorts: boolean },
): boolean {
  const isOnCanary = choice.fallback !== null && !hasFallenBack;
  if (present === null) return !isOnCanary;
  if (present.stable.release === release) return true;
  const { exposure, previews = [] } = present;
  if (isOnCanary && choice.arm === "preview") return previews.some((pool) => pool.release === release);
  if (!isOnCanary || exposure?.rollout !== choice.rollout || exposure.canary.release !== release) return false;
  if (choice.arm === "cohort" && !hasCohorts) return false;
  return exposure.weight >= choice.weight && isOpen;
}
