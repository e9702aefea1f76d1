import type { Route } from "../rollout/rollout.ts";
import { routeCovering } from "./find-route.ts";
import { type CountedMethod, countedMethods, type PathCount } from "./path-tree.ts";
import { shieldMarkOf } from "./shield.ts";

/** Requests of one method on one route that stable may not answer in the canary's place. */
export interface UnshieldedRequests {
  /** Host and path prefix, as the manifest writes them. */
  readonly route: string;
  readonly method: CountedMethod;
  readonly requests: number;
  /** `key`: those with an Idempotency-Key may be, and whether they have one is not counted. */
  readonly why: "not-repeatable" | "key" | "switched-off";
}

export interface ShieldedShare {
  /** Requests that were counted on these routes. */
  readonly requests: number;
  /** Of them, those that stable may answer in the canary's place; 0 where none was counted. */
  readonly share: number;
  /** The most frequent first. */
  readonly unshielded: readonly UnshieldedRequests[];
}

/** What the shield may cover of the traffic that was counted, by the rules that routes declare. Bodies are taken to be small. */
export function shieldedShare(routes: readonly Route[], paths: readonly PathCount[]): ShieldedShare {
  const unshielded = new Map<string, UnshieldedRequests>();
  let [requests, covered] = [0, 0];
  for (const { host, path, methods } of paths) {
    const rules = routeCovering(routes, host, path);
    if (rules === null) continue;
    for (const method of countedMethods) {
      const count = methods[method] ?? 0;
      if (count === 0) continue;
      requests += count;
      const mark = shieldMarkOf(rules, { method, hasIdempotencyKey: false, bodyBytes: 0 });
      if (mark === "covered") {
        covered += count;
        continue;
      }
      const why = mark === "switched-off" ? mark : rules.idempotent === "key" ? "key" : "not-repeatable";
      const route = `${rules.host}${rules.path}`;
      const known = unshielded.get(`${method} ${route}`)?.requests ?? 0;
      unshielded.set(`${method} ${route}`, { route, method, requests: known + count, why });
    }
  }
  return {
    requests,
    share: requests === 0 ? 0 : covered / requests,
    unshielded: [...unshielded.values()].toSorted((one, other) => other.requests - one.requests),
  };
}
