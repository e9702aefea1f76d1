import type { EvidenceSummary, JudgedMetric, MetricSummary } from "../rollout/evidence-summary.ts";
import type { Plan } from "../rollout/rollout.ts";
import type { SourceReading, SourceSummary } from "../rollout/source.ts";
import type { Arm, UnitRecord } from "../routing/wire.ts";
import type { Known } from "./start-order.ts";

/** What the words of a failure tell beside the metric's own numbers. */
export interface Circumstances {
  /** Of the record after which the metric is asked, in ten-thousandths. */
  readonly weight: number;
  readonly failedVisitors: Readonly<Record<Arm, number>>;
}

/** One test of one rollout that can fail it. */
export interface MetricTest {
  readonly name: JudgedMetric;
  /** It compares the sides by the router's coin, which means nothing once they are no fair samples. */
  readonly isComparison: boolean;
  /**
   * A record that is the first of its kind for its visitor (of `served`, in its minute; of `timed`, outside of the warm-up). Of
   * `reached` and `converted`, side and weight are those of the visitor's first exposure, and it stands for so many visitors.
   */
  absorb(record: UnitRecord, standsFor: number): void;
  /** A failure of a visitor that has failed before, which may have begun sooner. */
  failedAgain?(record: UnitRecord): void;
  /** Time passes. */
  advance?(known: Known): void;
  /** Ends an epoch: a minute, or a weight. `requestsPerVisit`: of a visitor of stable in a minute, in the mean until now. */
  invest(until: { readonly requestsPerVisit: number; readonly atMs: number }): void;
  /** Why the release fails by it, in words without a full stop; null while it does not. */
  failure(circumstances: Circumstances): string | null;
  /** Why nobody is to blame though both sides fail it; null while that is not so. */
  sharedOutage?(circumstances: Circumstances): string | null;
  /** Another weight is wanted, in ten-thousandths. */
  weightChanged?(change: { readonly weight: number; readonly atMs: number }): void;
  /** What came of asking the metric's source. */
  read?(answer: { readonly reading: SourceReading; readonly askedAtMs: number }): void;
  /** Why nothing may pass, because the metric is required and says nothing; null while it does. */
  obstacle?(nowMs: number): string | null;
  sourceSummary?(nowMs: number): SourceSummary;
  summary(): MetricSummary;
  latencyFigures?(): EvidenceSummary["latency"];
  /** As JSON, in the form that the kind's `restore` takes. */
  state(): unknown;
}

/** A new kind of metric is one of these, and a place in the list of `judged-metrics.ts`. */
export interface MetricKind {
  /** The plan's metrics of this kind, in the order in which failures are told. */
  readonly namesIn: (plan: Plan) => readonly JudgedMetric[];
  readonly begin: (name: JudgedMetric, plan: Plan) => MetricTest;
  /** `shiftMs` is added to every time of the state. Throws `BELAY_EVIDENCE_UNREADABLE` for what no test of the kind wrote. */
  readonly restore: (kept: {
    readonly name: JudgedMetric;
    readonly plan: Plan;
    readonly state: unknown;
    readonly shiftMs: number;
  }) => MetricTest;
}
