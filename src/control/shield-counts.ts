import type { ShieldSummary } from "../rollout/evidence-summary.ts";
import type { ShieldMark } from "../routing/shield.ts";
import type { Counter } from "../routing/wire.ts";

const uncovered = { "not-repeatable": "notRepeatable", "switched-off": "switchedOff", "too-large": "tooLarge" } as const;

const harmed: { readonly [mark in ShieldMark]: keyof ShieldSummary["harmed"] } = {
  ...uncovered,
  "budget-spent": "budgetSpent",
  covered: "afterHead",
  replayed: "stableFailedToo",
};

/** Sums up what the shield did for one rollout's drawn visitors; undefined when it never had a part. */
export function sumShield(counters: Iterable<Counter>): ShieldSummary | undefined {
  const sum = {
    covered: 0,
    uncovered: { notRepeatable: 0, switchedOff: 0, tooLarge: 0 },
    harmed: { notRepeatable: 0, switchedOff: 0, tooLarge: 0, budgetSpent: 0, afterHead: 0, stableFailedToo: 0 },
  };
  let isEmpty = true;
  for (const { arm, shield, isHarm, count } of counters) {
    if (arm !== "canary" || shield === undefined) continue;
    isEmpty = false;
    if (shield in uncovered) sum.uncovered[uncovered[shield as keyof typeof uncovered]] += count;
    else sum.covered += count;
    if (isHarm) sum.harmed[harmed[shield]] += count;
  }
  return isEmpty ? undefined : sum;
}
