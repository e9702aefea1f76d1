import type { PathsView } from "../api/views.ts";
import { describeDuration } from "../manifest/quantities.ts";
import type { Route } from "../rollout/rollout.ts";
import { routeCovering } from "../routing/find-route.ts";
import { soundsLikeAnEffect } from "../routing/path-segment.ts";

type PathCount = PathsView["paths"][number];

/** Why nothing is proposed for a path that was read: by its cookies, by other methods there, by its name, or because a route for it would stand for those, too. */
type Doubt = "cookies" | "methods" | "name" | "wider";

export interface ProposedRoute {
  readonly host: string;
  readonly path: string;
  /** GETs and HEADs that were answered well. */
  readonly requests: number;
  /** What was asked for below it. */
  readonly seen: readonly string[];
  /** As an element of `routes` in belay.yml. */
  readonly line: string;
  /** The manifest has this route, so that the line takes its place. */
  readonly isThere: boolean;
}

export interface DoubtedPath extends PathCount {
  readonly why: Doubt;
  readonly requests: number;
}

export interface ObservedRoutes {
  readonly watchedMs: number;
  readonly proposed: readonly ProposedRoute[];
  readonly doubted: readonly DoubtedPath[];
}

/** Fewer say nothing. */
const requestsLeast = 20;

interface Judged extends PathCount {
  readonly requests: number;
  readonly doubt: Doubt | null;
}

/** Which routes the traffic lets somebody look at: those that nothing declares, and on which only reads without a cookie came. */
export function proposeRoutes(routes: readonly Route[], { watchedMs, paths }: PathsView): ObservedRoutes {
  const byRoute = Map.groupBy(paths, ({ host, path }) => routeCovering(routes, host, path));
  const proposed: ProposedRoute[] = [];
  const doubted: DoubtedPath[] = [];
  for (const [route, own] of byRoute) {
    if (route === null || route.effects !== undefined) continue;
    const judged = own.map(judge);
    const free = freeBelow(route.path, judged);
    proposed.push(...free.map((each) => proposal(route, each)));
    const isProposed = new Set(free.flatMap(({ rows }) => rows));
    doubted.push(...judged.filter((row) => !isProposed.has(row)).flatMap((row) => doubtOf(route, row)));
  }
  const mostFirst = (one: { readonly requests: number }, other: { readonly requests: number }) => other.requests - one.requests;
  return { watchedMs, proposed: proposed.toSorted(mostFirst), doubted: doubted.toSorted(mostFirst) };
}

function judge(row: PathCount): Judged {
  const { GET = 0, HEAD = 0, OPTIONS: _, ...others } = row.methods;
  const isNamed = row.path.split("/").some(soundsLikeAnEffect);
  const doubt = Object.keys(others).length > 0 ? "methods" : row.cookies > 0 ? "cookies" : isNamed ? "name" : null;
  return { ...row, requests: GET + HEAD, doubt };
}

interface Free {
  readonly path: string;
  readonly rows: readonly Judged[];
}

/** The shortest paths below which nothing is in doubt: a route stands for all that lies below it. */
function freeBelow(path: string, rows: readonly Judged[]): readonly Free[] {
  if (rows.every(({ doubt }) => doubt === null)) return sumOf(rows) < requestsLeast ? [] : [{ path, rows }];
  const base = path === "/" ? "" : path;
  const parts = Map.groupBy(rows, (row) => row.path.slice(base.length + 1).split("/")[0] ?? "");
  return [...parts].flatMap(([part, below]) => (part === "" || part.startsWith("*") ? [] : freeBelow(`${base}/${part}`, below)));
}

function sumOf(rows: readonly Judged[]): number {
  return rows.reduce((sum, { requests }) => sum + requests, 0);
}

function proposal(route: Route, { path, rows }: Free): ProposedRoute {
  return {
    host: route.host,
    path,
    requests: sumOf(rows),
    seen: rows.map((row) => row.path),
    line: lineOf({ ...route, path, effects: "writes" }),
    isThere: path === route.path,
  };
}

/** What was read too seldom to propose it is in no doubt, and not told. */
function doubtOf(route: Route, { doubt, ...row }: Judged): readonly DoubtedPath[] {
  if (row.requests === 0) return [];
  const host = route.host;
  if (doubt !== null) return [{ ...row, host, why: doubt }];
  return row.requests < requestsLeast ? [] : [{ ...row, host, why: "wider" }];
}

/** The longest path decides alone, so that what else is said of the route has to stand here again. */
function lineOf({ host, path, idempotent, shield, effects, hedgeMs }: Route): string {
  const keys = [
    `host: ${host === "*" ? '"*"' : host}`,
    ...(path === "/" ? [] : [`path: ${path}`]),
    ...(idempotent === undefined ? [] : [`idempotent: ${idempotent}`]),
    ...(shield === undefined ? [] : [`shield: ${shield}`]),
    `effects: ${effects}`,
    ...(hedgeMs === undefined ? [] : [`hedge: ${describeDuration(hedgeMs)}`]),
  ];
  return `- { ${keys.join(", ")} }`;
}
