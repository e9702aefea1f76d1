import { z } from "zod";
import { BelayError } from "../errors.ts";
import { isJudgedMetric, type JudgedMetric } from "../rollout/evidence-summary.ts";
import type { Kpi } from "../rollout/kpi.ts";
import type { Plan } from "../rollout/rollout.ts";
import type { CounterSource } from "../rollout/source.ts";
import { type KpiBookState, kpiBookSchema } from "./kpi-book.ts";
import type { GateState } from "./non-inferiority.ts";
import type { RequestsPerVisitState } from "./requests-per-visit.ts";
import type { SampleRatioState } from "./sample-ratio.ts";
import type { VisitorBookState } from "./visitor-book.ts";

/** Requests by side, absolute, as the workers' counters say. */
export interface RequestCounts {
  readonly canary: { readonly requests: number; readonly failed: number };
  readonly stable: { readonly requests: number; readonly failed: number };
  /** Canary failures that reached a user. */
  readonly harmedRequests: number;
  /** Of stable's, those whose visitors are in the comparison; all of them when absent. */
  readonly comparedOnStable?: number | undefined;
}

/** A failure that was decided: it stays, whatever comes after. */
export interface LatchedFailure {
  readonly metric: JudgedMetric;
  readonly reason: string;
}

/** Everything that `Evidence` knows, as JSON. Doubles survive JSON exactly, so a restored rollout goes on bit for bit. */
export interface EvidenceSnapshot {
  readonly version: 3;
  /** Monotonic milliseconds; a time after the present one means that the machine was started anew since. */
  readonly takenAtMs: number;
  readonly plan: Plan;
  readonly nowMs: number;
  readonly sloEpochEndsAtMs: number | null;
  /** By name, each in its metric's own form. One that an older program did not know begins anew. */
  readonly metrics: Readonly<Record<string, unknown>>;
  /** Null in what an older program kept: these tests begin anew. */
  readonly assignment: SampleRatioState | null;
  readonly answers: SampleRatioState | null;
  readonly exposedSinceMs: number | null;
  /** When instances were new; absent in what an older program kept, which knew of the first exposure alone. */
  readonly coldSinceMs?: readonly number[] | undefined;
  /** Absent in what an older program kept: visits count from then on. */
  readonly visits?: RequestsPerVisitState | undefined;
  readonly gates: readonly GateState[];
  readonly book: VisitorBookState;
  /** Absent in a plan without KPIs. */
  readonly kpis?: KpiBookState | undefined;
  readonly scoredVisitors: number;
  readonly failedScoredVisitors: number;
  readonly requests: RequestCounts;
  readonly lostRecords: number;
  readonly failures: readonly LatchedFailure[];
}

const arms = z.object({ canary: z.number(), stable: z.number() });
const arm = z.enum(["canary", "stable"]);
const requests = z.object({ requests: z.number(), failed: z.number() });
const metric = z.custom<JudgedMetric>((value) => typeof value === "string" && isJudgedMetric(value));
const onFail = z.enum(["rollback", "hold", "notify"]).optional();
const sampleRatio = z.object({
  logWealth: z.array(z.number()),
  labels: z.array(z.tuple([z.number(), z.number(), z.number()])),
  peakLogE: z.number(),
});

const source: z.ZodType<CounterSource> = z.object({
  name: z.string(),
  prometheus: z.string(),
  bad: z.string(),
  of: z.string(),
  everyMs: z.number(),
  timeoutMs: z.number(),
  token: z.string().optional(),
  isRequired: z.boolean(),
});

const step = z.object({
  weight: z.number(),
  minHoldMs: z.number(),
  shadow: z.number().optional(),
  cohort: z.string().optional(),
  gate: z.literal("approval").optional(),
});

const plan = z.object({
  steps: z.array(step),
  holdbackWeight: z.number(),
  harm: z.number(),
  maxHoldMs: z.number(),
  onInconclusive: z.enum(["continue", "hold", "rollback"]),
  scoreWindowMs: z.number(),
  bakeMs: z.number(),
  keepWarmMs: z.number(),
  sloAvailability: z.number(),
  responseDeadlineMs: z.number(),
  leaseTtlMs: z.number(),
  onFail: z.record(z.string(), onFail).optional(),
  latencyObjective: z.object({ underMs: z.number(), share: z.number() }).optional(),
  errorBudget: z.object({ windowMs: z.number(), onExhausted: z.enum(["hold", "warn"]) }).optional(),
  warmUpMs: z.number().optional(),
  newUnitsPerSecond: z.number().optional(),
  evidence: z.enum(["visitor", "request"]).optional(),
  sources: z.array(source).optional(),
  kpis: z.array(z.custom<Kpi>((value) => isRecord(value) && typeof value["name"] === "string")).optional(),
});

const book = z.object({
  nowMs: z.number(),
  lastVisitorAtMs: z.number().nullable(),
  arrivals: z.object({ gaps: z.number(), meanGapMs: z.number() }).optional(),
  exposureEpoch: z.number(),
  weight: z.number(),
  weightChanges: z.array(z.object({ exposureEpoch: z.number(), endedAtMs: z.number() })),
  visitors: arms,
  failedVisitors: arms,
  harmedVisitors: z.number().optional(),
  known: z.string(),
  flagsCount: z.int().positive(),
  knownHalvings: z.number(),
  failures: z.array(z.tuple([z.string(), z.number(), z.number()])),
  failureHalvings: z.number(),
  onePerVisitor: z.object({ requests: z.number(), visitors: z.number(), halvings: z.number(), turns: z.string() }).optional(),
  watched: z.array(
    z.object({
      unit: z.string(),
      arm,
      weight: z.number(),
      exposureEpoch: z.number(),
      exposedAtMs: z.number(),
      heardAtMs: z.number(),
    }),
  ),
});

const snapshotSchema: z.ZodType<EvidenceSnapshot> = z.object({
  version: z.literal(3),
  takenAtMs: z.number(),
  plan,
  nowMs: z.number(),
  sloEpochEndsAtMs: z.number().nullable(),
  metrics: z.record(z.string(), z.unknown()),
  assignment: sampleRatio.nullable(),
  answers: sampleRatio.nullable(),
  exposedSinceMs: z.number().nullable(),
  coldSinceMs: z.array(z.number()).optional(),
  visits: z.object({ visits: z.number(), requestsBefore: z.number() }).optional(),
  gates: z.array(z.object({ logE: z.number(), peakLogE: z.number(), scored: z.number(), bad: z.number() })),
  book,
  kpis: kpiBookSchema.optional(),
  scoredVisitors: z.number(),
  failedScoredVisitors: z.number(),
  requests: z.object({ canary: requests, stable: requests, harmedRequests: z.number(), comparedOnStable: z.number().optional() }),
  lostRecords: z.number(),
  failures: z.array(z.object({ metric, reason: z.string() })),
});

/** Version 1 knew neither durations nor sample ratios: what was counted goes on, and those begin anew. */
function fromVersion1(snapshot: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { failure, book, ...kept } = snapshot;
  return {
    ...kept,
    version: 2,
    latency: null,
    latencySlo: null,
    assignment: null,
    answers: null,
    exposedSinceMs: snapshot["nowMs"],
    book: isRecord(book) ? { ...book, flagsCount: 8 } : book,
    failures: failure === null ? [] : [failure],
  };
}

/** Version 2 named each metric in a field of its own. */
function fromVersion2(snapshot: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { label, slo, latency, latencySlo, ...kept } = snapshot;
  const named = Object.entries({ errors: label, slo, latency, latencySlo });
  return { ...kept, version: 3, metrics: Object.fromEntries(named.filter(([, state]) => state !== null && state !== undefined)) };
}

function broughtUp(snapshot: unknown): unknown {
  if (!isRecord(snapshot)) return snapshot;
  const second = snapshot["version"] === 1 ? fromVersion1(snapshot) : snapshot;
  return second["version"] === 2 ? fromVersion2(second) : second;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Throws `BELAY_EVIDENCE_UNREADABLE` for anything that `Evidence` did not write. */
export function parseEvidenceSnapshot(snapshot: unknown): EvidenceSnapshot {
  const parsed = snapshotSchema.safeParse(broughtUp(snapshot));
  if (parsed.success && parsed.data.gates.length === parsed.data.plan.steps.length) return parsed.data;
  const issue = parsed.error?.issues[0];
  throw unreadable(issue === undefined ? "its gates do not match its plan" : `${issue.path.join(".")}: ${issue.message}`);
}

/** A metric's own part, by the metric's own form. Throws `BELAY_EVIDENCE_UNREADABLE`. */
export function parseMetricState<State>(schema: z.ZodType<State>, name: JudgedMetric, state: unknown): State {
  const parsed = schema.safeParse(state);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw unreadable(`metrics.${name}.${issue?.path.join(".")}: ${issue?.message}`);
}

function unreadable(place: string): BelayError {
  return new BelayError({
    code: "BELAY_EVIDENCE_UNREADABLE",
    message: `the kept evidence of a rollout cannot be read (${place})`,
    next: "Abort the rollout and deploy again, or promote it by hand with `belay promote --skip-analysis`.",
  });
}
