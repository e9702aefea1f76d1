import type { SourceSummary } from "./source.ts";

/** One side of a comparison, counted in visitors. */
export interface ArmCounts {
  readonly visitors: number;
  readonly failedVisitors: number;
  readonly requests: number;
  readonly failedRequests: number;
}

/** A metric that a team declares under a name: a KPI, or a figure of a source outside of Belay. */
export type DeclaredMetric = `kpi:${string}` | `source:${string}`;

/**
 * What can fail a release: visitors who meet errors more often than on stable, the availability objective, answers that are
 * slower than stable's, the latency objective, and what the team declared.
 */
export type JudgedMetric = "errors" | "slo" | "latency" | "latencySlo" | DeclaredMetric;

const ownMetrics: readonly string[] = ["errors", "slo", "latency", "latencySlo"] satisfies readonly JudgedMetric[];

export function isJudgedMetric(name: string): name is JudgedMetric {
  return ownMetrics.includes(name) || isDeclaredMetric(name);
}

export function isDeclaredMetric(name: string): name is DeclaredMetric {
  return name.startsWith("kpi:") || name.startsWith("source:");
}

/** And what a shadow answers otherwise than stable: no test of chance on visitors, so it has no part in their budget. */
export type FailingMetric = JudgedMetric | "shadow";

/** Why a comparison may mean nothing: visitors were not shared out as planned, or those of one side get no answer at all. */
export type Mismatch = "assignment" | "answers";

/** How long answers took on one side, to 4 %; null where too few were timed. */
export interface LatencyFigures {
  /** Visitors of whom one answer was timed. */
  readonly visitors: number;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
}

/** One side of a KPI, by the side on which its visitors were first. */
export interface KpiSide {
  /** Who set out (n), and who got the outcome (k); estimates once there were more visitors than are remembered. */
  readonly units: number;
  readonly good: number;
  /** Of a KPI with a value: its mean; null where there was none. */
  readonly mean?: number | null | undefined;
}

export interface MetricSummary {
  readonly name: JudgedMetric | Mismatch | "gate";
  /** The e-value reached (capped at 1e12 for printing) and the threshold at which it decides. */
  readonly eValue: number;
  readonly threshold: number;
  /** Of a KPI alone. */
  readonly kpi?:
    | { readonly user: string; readonly outcome: string; readonly canary: KpiSide; readonly stable: KpiSide }
    | undefined;
}

/** What the shield covered of the canary's requests, and why failures reached their visitors all the same. Requests of drawn visitors. */
export interface ShieldSummary {
  readonly covered: number;
  readonly uncovered: { readonly notRepeatable: number; readonly switchedOff: number; readonly tooLarge: number };
  readonly harmed: {
    readonly notRepeatable: number;
    readonly switchedOff: number;
    readonly tooLarge: number;
    readonly budgetSpent: number;
    /** The head of the answer had been passed on already. */
    readonly afterHead: number;
    /** Stable was asked, and failed too. */
    readonly stableFailedToo: number;
  };
}

/** In how many answers a field differed: of the shadow from stable's, and of stable from its own. In names and shapes, never values. */
export interface DifferingField {
  readonly route: string;
  readonly field: string;
  readonly how: string;
  readonly example: string;
  readonly shadow: number;
  readonly compared: number;
  readonly stable: number;
  readonly pairs: number;
}

/** What came of the copies of one rollout. */
export interface ShadowSummary {
  readonly mirrored: number;
  readonly compared: number;
  /** How often stable was held against itself. */
  readonly pairs: number;
  /** Answers of the shadow that differed as stable's own do not. */
  readonly differing: number;
  readonly dropped: number;
  /** What differs beyond noise, the most frequent first; at most 10, and how many there are in all. */
  readonly fields: readonly DifferingField[];
  readonly fieldCount: number;
  /** Fields in which stable differs from itself as well. */
  readonly noisyFields: number;
}

/** The numbers behind a decision, small enough to stand in an entry. Holds counts only, never request content. */
export interface EvidenceSummary {
  readonly canary: ArmCounts;
  readonly stable: ArmCounts;
  readonly metrics: readonly MetricSummary[];
  /** Scored visitors on the canary, and the extra share of failing visitors that they rule out at 95 % (1 when nothing is). */
  readonly scoredVisitors: number;
  readonly failedScoredVisitors: number;
  readonly excludedHarm: number;
  /** Canary failures that reached a user, in requests and in visitors. */
  readonly harmedRequests: number;
  readonly harmedVisitors: number;
  readonly shieldedRequests: number;
  /** Absent in entries from before the shield, and when no request was under it or could have been. */
  readonly shield?: ShieldSummary | undefined;
  /** Records that a worker had to drop: while above 0 nothing is promoted by evidence. */
  readonly lostRecords: number;
  /** Members of cohorts on the canary; absent when no step names a cohort. They are in no other number. */
  readonly cohort?: ArmCounts | undefined;
  /** Requests of people with a preview, for the same reason in no other number; absent when there was none. */
  readonly previews?: { readonly requests: number; readonly failedRequests: number } | undefined;
  /** Absent where no step has a shadow. Copies are in no other number. */
  readonly shadow?: ShadowSummary | undefined;
  /** What others count, by source; absent when the plan names none. */
  readonly sources?: readonly SourceSummary[] | undefined;
  /** Absent in entries from before answers were timed. */
  readonly latency?: { readonly canary: LatencyFigures; readonly stable: LatencyFigures } | undefined;
}
