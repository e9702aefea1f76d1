import type { RolloutView } from "../api/views.ts";
import type { Manifest } from "../manifest/manifest.ts";
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

/** What of the traffic to an environment's routes would reach visitors if the release failed it. */
export function describeUnshielded(routes: Manifest["environments"][string]["routes"]): string {
  const rows = routes.map(({ host, path, idempotent, shield }) => [`${host}${path}`, unshieldedOf(idempotent, shield)]);
  return [
    "Not shielded, so that visitors would see it fail:",
    showTable(["ROUTE", "REQUESTS"], rows),
    "On every route: bodies above 64 KB, WebSockets, and answers that break off after their head.",
    "A route's stable release must declare the same: until it has, only GET, HEAD and OPTIONS are shielded.",
  ].join("\n");
}

/** What of a route's requests stable may not answer in a release's place. */
export function unshieldedOf(idempotent: true | "key" | undefined, shield: "off" | undefined): string {
  if (shield === "off") return "all (shield: off)";
  if (idempotent === true) return "none (idempotent: true)";
  const others = "all but GET, HEAD and OPTIONS";
  return idempotent === "key" ? `${others}, unless they have an Idempotency-Key` : others;
}
