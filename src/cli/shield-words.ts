import type { RolloutView } from "../api/views.ts";
import type { Route } from "../rollout/rollout.ts";
import { routeCovering } from "../routing/find-route.ts";
import { showTable } from "./show-table.ts";

type Shield = NonNullable<NonNullable<RolloutView["evidence"]>["shield"]>;

const harmWords: { readonly [why in keyof Shield["harmed"]]: string } = {
  notRepeatable: "of a method that is not declared idempotent",
  switchedOff: "on routes with shield: off",
  tooLarge: "with a body above 64 KB",
  budgetSpent: "beyond the budget of replays",
  afterHead: "after the head of the answer",
  stableFailedToo: "that stable failed too",
};

/** Which failures reached their visitors although there is a shield, and why; nothing when none did. */
export function describeShield(shield: Shield | undefined): readonly string[] {
  if (shield === undefined) return [];
  const causes = Object.entries(harmWords).flatMap(([why, words]) => {
    const count = shield.harmed[why as keyof typeof harmWords];
    return count === 0 ? [] : [`${count} ${words}`];
  });
  return causes.length === 0 ? [] : [`Not shielded: ${causes.join(", ")}.`];
}

type Routes = readonly Route[];

/**
 * What of the traffic to an environment's routes would reach visitors if the release failed it. `ruled` is what holds while it is
 * compared, by the lines of both releases; undefined where nobody tells.
 */
export function describeUnshielded(declared: Routes, ruled: Routes | undefined): string {
  const rows = (ruled ?? declared).map(({ host, path, idempotent, shield }) => {
    const words = unshieldedOf(idempotent, shield);
    const own = routeCovering(declared, host, path);
    const isLater = own !== null && unshieldedOf(own.idempotent, own.shield) !== words;
    return [`${host}${path}`, isLater ? `${words}; what belay.yml says counts once this release serves` : words];
  });
  const lines = [
    "Not shielded, so that visitors would see it fail:",
    showTable(["ROUTE", "REQUESTS"], rows),
    "On every route: bodies above 64 KB, WebSockets, and answers that break off after their head.",
  ];
  if (ruled === undefined)
    lines.push("A route's stable release must declare the same: until it has, only GET, HEAD and OPTIONS are shielded.");
  return lines.join("\n");
}

/** What a shadow gets no copies of; empty where it gets all. */
export function describeUncopied(routes: Routes): readonly string[] {
  const undeclared = routes.filter(({ effects }) => effects === undefined).map(({ host, path }) => `all of ${host}${path}`);
  const writing = routes
    .filter(({ effects }) => effects === "writes")
    .map(({ host, path }) => `all but GET, HEAD and OPTIONS of ${host}${path}`);
  const words = [...undeclared, ...writing];
  return words.length === 0 ? [] : [`Not copied to the shadow: ${words.join(", ")}.`];
}

/** What of a route's requests stable may not answer in a release's place. */
export function unshieldedOf(idempotent: true | "key" | undefined, shield: "off" | undefined): string {
  if (shield === "off") return "all (shield: off)";
  if (idempotent === true) return "none (idempotent: true)";
  const others = "all but GET, HEAD and OPTIONS";
  return idempotent === "key" ? `${others}, unless they have an Idempotency-Key` : others;
}
