import { BelayError } from "../errors.ts";
import { isEnded, type Route } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";

/** Who wants to be reached where. One name in two environments is two services. */
export interface RouteClaim {
  readonly service: string;
  readonly environment: string;
  readonly routes: readonly Route[];
}

/**
 * A host and path belong to one service: the one that serves them, or whose rollout is on its way to. `BELAY_ROUTE_TAKEN` when
 * another one has a route of this claim, else null.
 */
export function takenRoute(claim: RouteClaim, services: readonly Service[]): BelayError | null {
  for (const other of services) {
    if (other.name === claim.service && other.environment === claim.environment) continue;
    const running = other.rollout !== null && !isEnded(other.rollout) ? other.rollout.candidate : null;
    const claimed = [other.stable, running].flatMap((id) => (id === null ? [] : (other.releases[id]?.routes ?? [])));
    const taken = claim.routes.find((route) => claimed.some(({ host, path }) => host === route.host && path === route.path));
    if (taken === undefined) continue;
    return new BelayError({
      code: "BELAY_ROUTE_TAKEN",
      message: `${taken.host}${taken.path} belongs to ${other.name} in ${other.environment}`,
      next:
        taken.host === "*"
          ? `Give ${claim.service} a host of its own in belay.yml: ${claim.service}.localhost on this machine, or the name that its visitors use.`
          : `Give ${claim.service} another host or path in belay.yml.`,
    });
  }
  return null;
}
