import type { MayCompare } from "../config/configs.ts";
import { mayDeployTo, type Principals } from "../rollout/principal.ts";
import type { Actor } from "../rollout/rollout.ts";

/**
 * Who deploys to staging alone could set guesses there and be told of each whether it is production's secret. So it is told to those who
 * deploy to both, and in production, whose own deploy must find what it shares.
 */
export function mayCompareAs(
  principals: Pick<Principals, "tokens">,
  { actor, now }: { readonly actor: Actor; readonly now: Temporal.Instant },
): MayCompare {
  return ({ service, environment }, other) =>
    environment === "production" || mayDeployTo(principals, actor, { place: { service, environment: other }, now });
}
