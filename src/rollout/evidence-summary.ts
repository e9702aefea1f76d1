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

/** Those that nobody has to declare. */
export const ownMetrics: readonly JudgedMetric[] = ["errors", "slo", "latency", "latencySlo"];

export function isJudgedMetric(name: string): name is JudgedMetric {
  return ownMetrics.some((own) => own === name) || isDeclaredMetric(name);
}

export function isDeclaredMetric(name: string): name is DeclaredMetric {
  return name.startsWith("kpi:") || name.startsWith("source:");
}

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

export interface MetricSummary {
  readonly name: JudgedMetric | Mismatch | "gate";
  /** The e-value reached (capped at 1e12 for printing) and the threshold at which it decides. */
  readonly eValue: number;
  readonly threshold: number;
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
  /** Absent in entries from before answers were timed. */
  readonly latency?: { readonly canary: LatencyFigures; readonly stable: LatencyFigures } | undefined;
}
