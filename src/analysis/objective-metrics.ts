import { z } from "zod";
import type { Plan } from "../rollout/rollout.ts";
import { thresholds } from "./budget.ts";
import { parseMetricState } from "./evidence-snapshot.ts";
import { latencySloWords, sharedOutageWords, sharedSlownessWords, sloWords } from "./evidence-words.ts";
import type { MetricKind, MetricTest } from "./judged-metric.ts";
import { mixtureSchema } from "./mixture.ts";
import { SloPair, type SloPairState } from "./slo-pair.ts";
import { eValueOf } from "./words.ts";

const sloTest = z.object({
  mixture: mixtureSchema,
  failures: z.number(),
  peakLogE: z.number(),
  logRecovery: z.number().nullable(),
});
const seen = z.object({ served: z.number(), failed: z.number() });
const stateSchema: z.ZodType<SloPairState> = z.object({
  canary: sloTest,
  stable: sloTest,
  since: z.object({ canary: seen, stable: seen }).optional(),
  requestsPerVisit: z.number().optional(),
  suspicion: z.object({ canaryFailures: z.number() }).nullable(),
  isCanaryToBlame: z.boolean(),
});

function availabilityTest(pair: SloPair, { sloAvailability, evidence: unit = "visitor" }: Plan): MetricTest {
  return {
    name: "slo",
    isComparison: false,
    absorb: (record) => {
      if (record.kind === "failed") pair.failed(record);
      else if (record.kind === "served") pair.served(record);
    },
    invest: ({ requestsPerVisit }) => {
      // Where each request is a unit, what the objective says of requests is what it says of units.
      if (unit === "visitor") pair.allow(requestsPerVisit);
      pair.invest();
    },
    failure: ({ failedVisitors }) =>
      pair.isCanaryToBlame
        ? sloWords({ failed: failedVisitors.canary, objective: sloAvailability, logE: pair.peakLogE, unit })
        : null,
    sharedOutage: ({ failedVisitors }) => (pair.isSharedOutage ? sharedOutageWords(failedVisitors, sloAvailability, unit) : null),
    summary: () => ({ name: "slo", eValue: eValueOf(pair.peakLogE), threshold: thresholds.slo }),
    state: () => pair.state(),
  };
}

type LatencyObjective = NonNullable<Plan["latencyObjective"]>;

function latencyObjectiveTest(pair: SloPair, objective: LatencyObjective): MetricTest {
  const { underMs, share } = objective;
  return {
    name: "latencySlo",
    isComparison: false,
    absorb: (record) => {
      if (record.kind !== "timed") return;
      if ((record.tookMs ?? 0) > underMs) pair.failed(record);
      else pair.served(record);
    },
    invest: () => pair.invest(),
    failure: () => (pair.isCanaryToBlame ? latencySloWords({ underMs, objective: share, logE: pair.peakLogE }) : null),
    sharedOutage: () => (pair.isSharedOutage ? sharedSlownessWords(objective) : null),
    summary: () => ({ name: "latencySlo", eValue: eValueOf(pair.peakLogE), threshold: thresholds.latencySlo }),
    state: () => pair.state(),
  };
}

/** The share of visitors who are answered well, on each side against the objective. */
export const availabilityMetric: MetricKind = {
  namesIn: () => ["slo"],
  begin: (_, plan) => availabilityTest(SloPair.begin(plan.sloAvailability), plan),
  restore: ({ name, plan, state }) => {
    const kept = { state: parseMetricState(stateSchema, name, state), availability: plan.sloAvailability };
    return availabilityTest(SloPair.restore(kept), plan);
  },
};

/** The share of visitors who are answered in time, on each side against the objective. */
export const latencyObjectiveMetric: MetricKind = {
  namesIn: ({ latencyObjective }) => (latencyObjective === undefined ? [] : ["latencySlo"]),
  begin: (_, plan) => {
    const objective = objectiveOf(plan);
    return latencyObjectiveTest(SloPair.begin(objective.share), objective);
  },
  restore: ({ name, plan, state }) => {
    const objective = objectiveOf(plan);
    const kept = { state: parseMetricState(stateSchema, name, state), availability: objective.share };
    return latencyObjectiveTest(SloPair.restore(kept), objective);
  },
};

function objectiveOf({ latencyObjective }: Plan): LatencyObjective {
  if (latencyObjective === undefined) throw new Error("a plan without a latency objective has no such metric");
  return latencyObjective;
}
