import type { BreakGlass, Supervision } from "./approval.ts";
import type { Entry, RolloutFact, ServiceFact } from "./entry.ts";

/** Reviewed ones are kept for a look back; the ledger keeps all. */
const reviewedMax = 5;

/** What people have said of a rollout when it is asked for: nothing, but that one person alone may be enough. */
export function beginSupervision(fact: RolloutFact & { kind: "rollout-requested" }): Supervision {
  const nobodyYet = { overrides: [], approvals: [], awaiting: null, mayStart: false } as const;
  if (fact.rolloutKind === "rollback" || fact.breakGlass === undefined) return nobodyYet;
  const { reason, skipped } = fact.breakGlass;
  return { ...nobodyYet, breakGlass: { reason, skipped } };
}

type SupervisionFact = RolloutFact & {
  kind: "approval-awaited" | "approval-given" | "override-requested" | "start-approved";
};

export function superviseAfter(before: Supervision, at: string, by: string, fact: SupervisionFact): Supervision {
  switch (fact.kind) {
    case "approval-awaited":
      return { ...before, awaiting: { needs: fact.needs, since: at } };
    case "approval-given": {
      const { needs, until } = fact;
      return { ...before, approvals: [...before.approvals, { by, at, until, needs }] };
    }
    case "override-requested":
      return {
        ...before,
        overrides: [...before.overrides.filter(({ id }) => id !== fact.need.id), { ...fact.need, askedBy: by }],
      };
    case "start-approved":
      return { ...before, mayStart: true, awaiting: null };
  }
}

/** Those of a service after a fact about one of them. */
export function breakGlassesAfter(
  before: readonly BreakGlass[],
  { rollout, actor, at }: Entry,
  fact: (RolloutFact & { kind: "rollout-requested" }) | (ServiceFact & { kind: "break-glass-reviewed" | "break-glass-overdue" }),
): readonly BreakGlass[] {
  if (fact.kind !== "rollout-requested") {
    return before.map((each) => {
      if (each.rollout !== rollout) return each;
      if (fact.kind === "break-glass-overdue") return { ...each, isOverdue: true };
      return each.review === null ? { ...each, review: { by: actor.name, at, words: fact.words } } : each;
    });
  }
  if (fact.rolloutKind === "rollback" || fact.breakGlass === undefined) return before;
  const { reason, skipped, reviewBefore } = fact.breakGlass;
  const made: BreakGlass = { rollout, by: actor.name, at, reason, skipped, reviewBefore, isOverdue: false, review: null };
  const reviewed = before.filter(({ review }) => review !== null).slice(-reviewedMax);
  return [...before.filter((each) => each.review === null || reviewed.includes(each)), made];
}
