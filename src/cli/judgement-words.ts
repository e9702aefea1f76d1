import type { PlannedView, RolloutView } from "../api/views.ts";
import { briefQuestions } from "../rollout/brief.ts";
import { describeLoosening } from "../rollout/loosening.ts";
import { describeRisk } from "../rollout/risk.ts";
import { harmless, indent } from "./show-table.ts";

type Judgement = PlannedView["judgement"];

/** How a change stands to the rules: what it does not get, how risky it is, and what follows from both. Nothing where nothing is to be said. */
export function describeJudgement(judgement: Judgement | null | undefined): readonly string[] {
  // A control plane from before does not tell.
  if (judgement === null || judgement === undefined) return [];
  const { loosenings, risk, consequences } = judgement;
  const told = risk === null || risk.points === 0 ? [] : [`Risk: ${harmless(describeRisk(risk))}`];
  const rules = loosenings.map((loosening) => `Not loosened: ${harmless(describeLoosening(loosening))}`);
  return [...rules, ...told, ...consequences.map((words) => `Because of this, ${harmless(words)}`)];
}

/** The answers, each below its question. */
export function describeBrief({ judgement }: Pick<RolloutView, "judgement">): readonly string[] {
  const brief = judgement?.brief ?? null;
  if (brief === null) return [];
  return briefQuestions.flatMap(({ key, heading }) => [heading, indent(harmless(brief[key]))]);
}
