import type { Route } from "../rollout/rollout.ts";
import { routeCovering } from "../routing/find-route.ts";

/**
 * Stable's routes with what both releases allow there: a request that the canary has had and stable then gets must be harmless to
 * repeat in either, and so must a copy. Where the canary has a line for a part of one of them, that part is a route of its own, because
 * the longest path decides in the canary, too. `others` are the routes of other services: what is theirs is not taken.
 */
export function ruledRoutes(
  stable: readonly Route[],
  canary: readonly Route[] | undefined,
  others: readonly Route[] = [],
): readonly Route[] {
  if (canary === undefined) return stable.map((route) => ruledRoute(route, undefined));
  const lines = byPlace(canary);
  const ruled = stable.map((route) => ruledRoute(route, lines.get(nameOf(route)) ?? covering(canary, route)));
  if (canary.length === stable.length && stable.every((route) => lines.has(nameOf(route)))) return ruled;
  // `*` first: a host without a part of its own goes by those.
  const hosts = new Set(["*", ...stable.map(({ host }) => host), ...canary.map(({ host }) => host)]);
  for (const host of hosts) {
    const parts = partsOf(host, { stable, canary, others });
    // Where no part differs from what it is a part of, the routes stay as stable's owner wrote them.
    if (parts.some((route) => !isSameRule(route, covering(ruled, route)))) ruled.push(...parts);
  }
  return ruled;
}

interface Lines {
  readonly stable: readonly Route[];
  readonly canary: readonly Route[];
  readonly others: readonly Route[];
}

/** What stable has no line of its own for, at every path that a line of either release names for this host. */
function partsOf(host: string, { stable, canary, others }: Lines): readonly Route[] {
  const lines = [...stable, ...canary].filter((route) => route.host === host || route.host === "*");
  const known = new Set(stable.filter((route) => route.host === host).map(({ path }) => path));
  const paths = [...new Set(lines.map(({ path }) => path))].filter((path) => !known.has(path));
  return paths.flatMap((path): readonly Route[] => {
    const wider = covering([...stable, ...others], { host, path });
    if (wider === undefined || !stable.includes(wider)) return [];
    return [ruledRoute({ ...wider, host, path }, covering(canary, { host, path }))];
  });
}

function isSameRule(one: Route, other: Route | undefined): boolean {
  return one.idempotent === other?.idempotent && one.shield === other?.shield && one.effects === other?.effects;
}

function ruledRoute({ host, path, idempotent, shield, effects, hedgeMs }: Route, other: Route | undefined): Route {
  const isOff = shield === "off" || other?.shield === "off";
  const least = other === undefined || idempotent === other.idempotent ? idempotent : weaker(idempotent, other.idempotent);
  const fewest = effects === other?.effects ? effects : mostEffects(effects, other?.effects);
  return {
    host,
    path,
    ...(least === undefined ? {} : { idempotent: least }),
    ...(isOff ? { shield: "off" } : {}),
    ...(fewest === undefined ? {} : { effects: fewest }),
    // Of stable alone, as only its requests are hedged.
    ...(hedgeMs === undefined ? {} : { hedgeMs }),
  };
}

function weaker(one: Route["idempotent"], other: Route["idempotent"]): Route["idempotent"] {
  return one === undefined || other === undefined ? undefined : "key";
}

function mostEffects(one: Route["effects"], other: Route["effects"]): Route["effects"] {
  return one === undefined || other === undefined ? undefined : "writes";
}

type Place = Pick<Route, "host" | "path">;

function covering(routes: readonly Route[], { host, path }: Place): Route | undefined {
  return routeCovering(routes, host, path) ?? undefined;
}

function byPlace(routes: readonly Route[]): ReadonlyMap<string, Route> {
  return new Map(routes.map((route) => [nameOf(route), route]));
}

function nameOf({ host, path }: Place): string {
  return `${host}${path}`;
}
