import type { FailingMetric } from "../rollout/evidence-summary.ts";

/**
 * What the evidence says now. `fail` and `shared-outage` need no gate; `pass` and `inconclusive` speak of the gate of the
 * present stage. A broken source of evidence is never a verdict: it shows as `inconclusive` with what is missing.
 */
export type Verdict =
  | { readonly kind: "fail"; readonly metric: FailingMetric; readonly reason: string }
  /** Both sides burn their budget: hold, and blame nobody. */
  | { readonly kind: "shared-outage"; readonly reason: string }
  | { readonly kind: "pass"; readonly reason: string }
  | {
      readonly kind: "inconclusive";
      /** In words: how many more visitors are needed, or what is wrong with the evidence. */
      readonly missing: string;
      /** Waiting would bring nothing. */
      readonly cannotBe?: true;
      /** Visitors seen whose window is not over yet. */
      readonly pendingVisitors: number;
      /** When the last new visitor was seen, on the caller's monotonic clock; null when none was. */
      readonly lastVisitorAtMs: number | null;
      /** A source that the plan requires says nothing: time alone ends no step. */
      readonly waitsForSource?: boolean;
      /** How far apart new visitors came lately; null while too few have come to say. */
      readonly meanGapMs: number | null;
    };
