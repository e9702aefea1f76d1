import { BelayError } from "../errors.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { effectsToLookFor } from "../manifest/shadow-meaning.ts";
import type { Route } from "../rollout/rollout.ts";
import type { ServiceName } from "./client.ts";
import type { CommandContext } from "./command.ts";
import { type DoubtedPath, type ObservedRoutes, type ProposedRoute, proposeRoutes } from "./propose-effects.ts";
import { countOf, indent } from "./show-table.ts";

/** So many of each are shown; `--json` has all. */
const shownMax = 12;

/** What a GET may do all the same. */
const effectsOfReads = "GETs that count or log a visit, send mail, log somebody out, redeem a link or rotate a token";

/**
 * Which routes could be tried on copies of live traffic, if their owner can say so; empty where all are declared. Whoever plans no
 * shadow reads one line of it, unless they ask.
 */
export function adviseOnShadow(
  { environments, plan }: Pick<Manifest, "environments" | "plan">,
  environment: string,
  { isAsked, observed }: { readonly isAsked: boolean; readonly observed: ObservedRoutes | null },
): readonly string[] {
  const undeclared = (environments[environment]?.routes ?? []).filter(({ effects }) => effects === undefined);
  if (undeclared.length === 0) return [];
  const isPlanned = plan.steps?.some(({ shadow }) => shadow !== undefined) === true;
  if (!isAsked && !isPlanned)
    return ["Routes for a shadow, which tries a release on copies of live traffic: `belay check --shadow`."];
  const names = undeclared.map(({ host, path }) => `${host}${path}`).join(", ");
  return [
    `Never copied to a shadow, because nothing says that requests there have no effects: ${names}.`,
    `Declare effects: writes at a route (for its GET, HEAD and OPTIONS; effects: none for all) if ${effectsToLookFor}.`,
    ...(observed === null ? [] : describeObserved(observed, environment)),
  ];
}

/** What the traffic of a Belay that serves the service says of its routes; null where none answers, it does not know the service, or all is declared. */
export async function observeRoutes(
  { client }: Pick<CommandContext, "client">,
  of: ServiceName,
  routes: readonly Route[],
): Promise<ObservedRoutes | null> {
  if (routes.every(({ effects }) => effects !== undefined)) return null;
  try {
    return proposeRoutes(routes, await client.paths(of));
  } catch (cause) {
    // None runs, it never served this, it is of a version before, or this user may not ask: then nothing is known.
    if (cause instanceof BelayError) return null;
    throw cause;
  }
}

function describeObserved({ watchedMs, proposed, doubted }: ObservedRoutes, environment: string): readonly string[] {
  const lines: string[] = [];
  if (proposed.length > 0) {
    const shown = proposed.slice(0, shownMax);
    lines.push(
      `In the last ${describeWatched(watchedMs)} GET, HEAD and OPTIONS came alone on these routes, and nothing declares them free of effects:`,
      ...shown.map((each) => `  ${describeProposed(each)}`),
      ...more(proposed.length),
      `If they change nothing, add these lines to environments.${environment}.routes:`,
      ...shown.map(({ line, isThere }) => indent(`  ${line}${isThere ? "   # in place of the one that is there" : ""}`)),
      `Look for ${effectsOfReads}: a copy does it again. A line stands for everything below its path.`,
    );
  }
  if (doubted.length > 0)
    lines.push(
      "Not proposed:",
      ...doubted.slice(0, shownMax).map((each) => `  GET ${each.host}${each.path}: ${describeDoubt(each)}`),
      ...more(doubted.length),
    );
  return lines;
}

/** The same for somebody who has no line in belay.yml yet. */
export function adviseOn({ watchedMs, proposed }: ObservedRoutes): readonly string[] {
  return proposed
    .slice(0, shownMax)
    .map(
      (each) =>
        `GET, HEAD and OPTIONS came alone on ${describeProposed(each)} in the last ${describeWatched(watchedMs)}. If ${effectsToLookFor}, ` +
        `write ${each.isThere ? "in place of its route" : "as a further route"}: ${each.line}. Look for ${effectsOfReads}.`,
    );
}

function describeProposed({ host, path, requests, seen }: ProposedRoute): string {
  const others = seen.length > 4 ? ", …" : "";
  return `${host}${path}: ${countOf(requests, "request")} (${seen.slice(0, 4).join(", ")}${others})`;
}

function describeDoubt({ why, cookies, requests, methods }: DoubtedPath): string {
  const { GET: _, HEAD: __, OPTIONS: ___, ...others } = methods;
  switch (why) {
    case "cookies":
      return `${countOf(cookies, "answer")} to ${countOf(requests, "request")} set cookies, so it may open a session`;
    case "methods":
      return `other methods come there, too (${Object.entries(others)
        .map(([method, count]) => `${method} ${count.toLocaleString("en-US")}`)
        .join(", ")})`;
    case "name":
      return "by its name it does something";
    case "wider":
      return "a line for it would stand for what lies below it, too";
  }
}

function more(count: number): readonly string[] {
  return count > shownMax ? [`  and ${count - shownMax} more`] : [];
}

function describeWatched(ms: number): string {
  const minutes = Math.max(1, Math.round(ms / 60_000));
  if (minutes < 120) return countOf(minutes, "minute");
  const hours = Math.round(minutes / 60);
  return hours < 72 ? countOf(hours, "hour") : countOf(Math.round(hours / 24), "day");
}
