import type { Route } from "../rollout/rollout.ts";
import type { RepeatRules } from "./shield.ts";
import type { RoutingTable, ServiceRoute } from "./table.ts";

export interface FoundRoute {
  readonly service: ServiceRoute;
  /** Host and path prefix as the manifest writes them: the name of the route in counters. */
  readonly name: string;
  readonly rules: RepeatRules;
}

interface Prefix extends FoundRoute {
  readonly path: string;
}

/** A table's routes, sorted once so that a request costs one look-up by host and a short walk. */
export class RouteIndex {
  #byHost: ReadonlyMap<string, readonly Prefix[]>;

  constructor(table: RoutingTable) {
    const byHost = new Map<string, Prefix[]>();
    for (const service of table.services) {
      for (const rules of service.routes) {
        const { host, path } = rules;
        byHost.getOrInsertComputed(host, () => []).push({ service, path, name: `${host}${path}`, rules });
      }
    }
    for (const prefixes of byHost.values()) prefixes.sort((a, b) => b.path.length - a.path.length);
    this.#byHost = byHost;
  }

  /** The longest path prefix among the routes of exactly this host, else among those of `*`. `host` is normalized, `path` has no query. */
  find(host: string, path: string): FoundRoute | null {
    return longest(this.#byHost.get(host), path) ?? longest(this.#byHost.get("*"), path);
  }
}

/** The route by whose rules a path goes that was counted below `host`, as a route has it: the same as an index finds, without one. */
export function routeCovering(routes: readonly Route[], host: string, path: string): Route | null {
  const of = (wanted: string) =>
    routes
      .filter((route) => route.host === wanted && covers(route.path, path))
      .toSorted((one, other) => other.path.length - one.path.length)[0];
  return of(host) ?? of("*") ?? null;
}

/** A Host header as routes are compared with it: lower case, without port and trailing dot. */
export function normalizeHost(header: string): string {
  return header.toLowerCase().replace(/:\d*$/, "").replace(/\.$/, "");
}

function longest(prefixes: readonly Prefix[] | undefined, path: string): FoundRoute | null {
  return prefixes?.find((prefix) => covers(prefix.path, path)) ?? null;
}

/** A prefix covers whole segments: `/shop` covers `/shop` and `/shop/a`, not `/shopping`. */
export function covers(prefix: string, path: string): boolean {
  if (!path.startsWith(prefix)) return false;
  return prefix.endsWith("/") || path.length === prefix.length || path[prefix.length] === "/";
}
