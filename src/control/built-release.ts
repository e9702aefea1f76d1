import type { RolloutFact } from "../rollout/entry.ts";
import type { Release, Rollout } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";
import { takenRoute } from "./taken-route.ts";

/** What was free when the build began may have been taken by another service since. */
export function checkBuilt(service: Service, fact: RolloutFact, services: readonly Service[]): RolloutFact {
  if (fact.kind !== "release-built") return fact;
  const taken = takenRoute(fact.release, services);
  if (taken !== null) return { kind: "rollout-refused", code: taken.code, reason: taken.message, next: taken.next };
  return refuseWhatServes(service, fact);
}

/** The release that a rollout gives another configuration, and nothing else; null for any other rollout. */
export function revisionOf({ releases }: Service, rollout: Rollout): Release | null {
  return (rollout.revisionOf === undefined ? undefined : releases[rollout.revisionOf]) ?? null;
}

/** A build whose result serves everyone already has nothing to roll out. */
function refuseWhatServes(service: Service, fact: RolloutFact & { kind: "release-built" }): RolloutFact {
  if (fact.release.id !== service.stable) return fact;
  // It serves here from a time when nothing came after this environment: its attestation is still to be earned.
  if (service.rollout?.attests === true && service.attestations[fact.release.id] === undefined) return fact;
  return {
    kind: "rollout-refused",
    code: "BELAY_RELEASE_SERVES_ALREADY",
    reason: `the commit makes release ${fact.release.id}, which serves everyone already`,
    next: "Commit the change that you want to deploy, then run `belay deploy` again.",
  };
}
