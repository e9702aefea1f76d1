import { countWords, durationWords, percentWords } from "../analysis/words.ts";
import { BelayError } from "../errors.ts";
import type { Route } from "../rollout/rollout.ts";
import { type ShieldedShare, shieldedShare, type UnshieldedRequests } from "../routing/shielded-share.ts";
import type { Client, ServiceName } from "./client.ts";
import { unshieldedOf } from "./shield-words.ts";

/** What the shield may cover of a rehearsal's requests: as counted by path and method, as given, or not known, so that it is not played. */
export type KnownShield =
  | ({ readonly source: "measured"; readonly watchedMs: number } & ShieldedShare)
  | { readonly source: "given"; readonly share: number; readonly unshielded: readonly UnshieldedRoute[] }
  | { readonly source: "unknown"; readonly share: null; readonly unshielded: readonly UnshieldedRoute[] };

interface UnshieldedRoute {
  readonly route: string;
  /** As `deploy --dry-run` says it. */
  readonly requests: string;
}

const shownMax = 4;

const whyWords: { readonly [why in UnshieldedRequests["why"]]: string } = {
  "not-repeatable": "not declared idempotent",
  key: "only those with an Idempotency-Key, which are not counted",
  "switched-off": "shield: off",
};

/** What was given counts; else, for traffic that is measured, what a running Belay counted. */
export async function shieldOf(
  client: Pick<Client, "paths">,
  options: ServiceName & {
    readonly routes: readonly Route[];
    readonly given: number | undefined;
    readonly isMeasured: boolean;
  },
): Promise<KnownShield> {
  const { routes, given, isMeasured, service, environment } = options;
  const unshielded = routes
    .filter(({ idempotent, shield }) => idempotent !== true || shield === "off")
    .map(({ host, path, idempotent, shield }) => ({ route: `${host}${path}`, requests: unshieldedOf(idempotent, shield) }));
  if (given !== undefined) return { source: "given", share: given, unshielded };
  const counted = isMeasured ? await count(client, { service, environment }, routes) : null;
  return counted ?? { source: "unknown", share: null, unshielded };
}

async function count(client: Pick<Client, "paths">, of: ServiceName, routes: readonly Route[]): Promise<KnownShield | null> {
  try {
    const { watchedMs, paths } = await client.paths(of);
    const counted = shieldedShare(routes, paths);
    return counted.requests === 0 ? null : { source: "measured", watchedMs, ...counted };
  } catch (cause) {
    // It is of a version before, or this user may not ask: then it is not known, and said so.
    if (cause instanceof BelayError) return null;
    throw cause;
  }
}

/** What the shield does in the rehearsal, and what it cannot. */
export function describeKnownShield(shield: KnownShield): string {
  return [headline(shield), ...notShielded(shield).map((line) => `    ${line}`)].join("\n");
}

function headline(shield: KnownShield): string {
  if (shield.source === "unknown") {
    return [
      "Shield: not played, since what it covers of this traffic is not known; with it fewer visitors are harmed.",
      "    Give --shielded 90%: the share of requests that are GET, HEAD and OPTIONS or on routes declared idempotent.",
    ].join("\n");
  }
  const what = `Shield: stable may answer ${coveredWords(shield.share)} of requests in the release's place`;
  if (shield.source === "given") return `${what}, as given.`;
  return `${what}, by the routes of belay.yml and ${countWords(shield.requests)} requests of the last ${durationWords(shield.watchedMs)}.`;
}

/** Rounded down, so that 99.97 % is not everything. */
function coveredWords(share: number): string {
  return `${Math.floor(share * 1_000 + 1e-6) / 10}%`;
}

function notShielded(shield: KnownShield): readonly string[] {
  if (shield.source !== "measured")
    return shield.unshielded.map(({ route, requests }) => `Not shielded on ${route}: ${requests}`);
  const lines = shield.unshielded.map(
    ({ route, method, requests, why }) =>
      `Not shielded: ${percentWords(requests / shield.requests)}, ${method} on ${route} (${whyWords[why]})`,
  );
  const more = lines.length - shownMax;
  return more > 1 ? [...lines.slice(0, shownMax), `and ${more} more in --json`] : lines;
}
