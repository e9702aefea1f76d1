import { differenceInterval, type Interval, shareInterval } from "../analysis/effect.ts";
import { nextWeightAfter } from "../analysis/next-weight.ts";
import { gateFactors, gateThreshold } from "../analysis/non-inferiority.ts";
import { countWords, percentWords } from "../analysis/words.ts";
import type { ChainedEntry, RolloutView } from "../api/views.ts";

type Evidence = NonNullable<RolloutView["evidence"]>;

/** The numbers of an explanation that stand in no view and no entry. */
export interface Explanation {
  /** The metric that took the release back; null when none did. */
  readonly metric: string | null;
  /** Shares of failing units, and by how much the release's is above stable's. */
  readonly effect: { readonly canary: Interval; readonly stable: Interval; readonly difference: Interval } | null;
  /** Steps that ended without a pass, with what was said then. */
  readonly unproven: readonly { readonly step: number; readonly words: string }[];
  /** What the evidence lacked; null when it lacked nothing. */
  readonly missing: {
    readonly words: string;
    readonly gateE: number;
    readonly threshold: number;
    readonly canaryUnits: number;
  } | null;
  readonly timeline: readonly { readonly atSeconds: number; readonly kind: string; readonly position: number }[];
}

export function explanationOf(view: RolloutView, entries: readonly ChainedEntry[], evidence: Evidence | null): Explanation {
  const facts = entries.map(({ entry }) => entry.fact);
  const failed = facts.findLast((fact) => fact.kind === "verdict-failed");
  return {
    metric: failed?.metric ?? null,
    effect: evidence === null ? null : effectOf(evidence),
    unproven: facts.flatMap((fact) => {
      if (fact.kind === "step-inconclusive") return [{ step: fact.step, words: fact.reason }];
      return fact.kind === "step-ended" && fact.why === "continued" ? [{ step: fact.step, words: fact.words }] : [];
    }),
    missing: failed === undefined && evidence !== null ? missingOf(view, facts, evidence) : null,
    timeline: timelineOf(entries),
  };
}

function effectOf({ canary, stable }: Evidence): Explanation["effect"] {
  if (canary.visitors === 0 && stable.visitors === 0) return null;
  const [first, second] = [canary, stable].map((side) => shareInterval(side.failedVisitors, side.visitors));
  if (first === undefined || second === undefined) return null;
  return { canary: first, stable: second, difference: differenceInterval(first, second) };
}

/**
 * How far the gate of the step that was not passed had come, and about how many more scored units on the canary would have
 * passed it if the release is as good as stable.
 */
function missingOf(
  view: RolloutView,
  facts: readonly ChainedEntry["entry"]["fact"][],
  evidence: Evidence,
): Explanation["missing"] {
  const unpassed = facts.findLast(
    (fact) => fact.kind === "step-inconclusive" || (fact.kind === "step-ended" && fact.why === "continued"),
  );
  const step = view.phase.name === "progressing" || view.phase.name === "held" ? view.phase.step : unpassedStep(unpassed);
  const at = step === null ? undefined : view.plan.steps[step];
  const gate = evidence.metrics.find(({ name }) => name === "gate");
  if (step === null || at === undefined || at.weight === 0 || gate === undefined || gate.eValue >= gateThreshold) return null;
  if (at.gate !== undefined) return null;
  const margin = Math.min(0.5, view.plan.harm / (nextWeightAfter(view.plan, step) / 10_000));
  const rate = (evidence.failedScoredVisitors + 0.5) / (evidence.scoredVisitors + 100);
  const share = at.weight / 10_000;
  const { growth } = gateFactors({ rate, share, margin });
  const gateE = Math.max(gate.eValue, 1e-12);
  const canaryUnits = Math.ceil(((Math.log(gateThreshold) - Math.log(gateE)) / Math.max(growth, 1e-12)) * share);
  const unit = view.plan.evidence ?? "visitor";
  const words = `The gate of step ${step + 1} (${percentWords(share)} of ${unit}s) has come to ${Number(gate.eValue.toPrecision(2))} of the ${gateThreshold} at which it passes: about ${countWords(canaryUnits)} more scored ${unit}s on the release would do, if it is as good as stable. It is to rule out more than ${percentWords(margin)} extra failing ${unit}s.`;
  return { words, gateE: gate.eValue, threshold: gateThreshold, canaryUnits };
}

function unpassedStep(fact: ChainedEntry["entry"]["fact"] | undefined): number | null {
  return fact?.kind === "step-inconclusive" || fact?.kind === "step-ended" ? fact.step : null;
}

function timelineOf(entries: readonly ChainedEntry[]): Explanation["timeline"] {
  const [first] = entries;
  if (first === undefined) return [];
  const startMs = Temporal.Instant.from(first.entry.at).epochMilliseconds;
  return entries.map(({ entry: { at, fact, position } }) => {
    return { atSeconds: (Temporal.Instant.from(at).epochMilliseconds - startMs) / 1_000, kind: fact.kind, position };
  });
}

/** What was found, what is missing and what was never shown, in words; empty where there is nothing to say. */
export function explanationWords(explanation: Explanation, unit: string): readonly string[] {
  const { effect, missing, unproven } = explanation;
  const lines: string[] = [];
  if (effect !== null && !Number.isNaN(effect.difference.estimate)) {
    const { canary, stable, difference } = effect;
    lines.push(
      `The effect found: ${percentWords(canary.estimate)} of ${unit}s on the release and ${percentWords(stable.estimate)} on stable, a difference of ${points(difference.estimate)} (95% interval ${points(difference.low)} to ${points(difference.high)}, for one look; it decides nothing).`,
    );
  }
  for (const { step, words } of unproven) lines.push(`Step ${step + 1} ended without a pass: ${words}.`);
  if (missing !== null) lines.push(`What is missing: ${missing.words}`);
  return lines;
}

/** "+3.1 points": a difference of two percentages is no percentage of either. */
function points(share: number): string {
  const value = Number((share * 100).toPrecision(2));
  return `${value > 0 ? "+" : ""}${value} points`;
}
