import type { Plan } from "../rollout/rollout.ts";
import { errorMetric } from "./error-metric.ts";
import type { MetricKind, MetricTest } from "./judged-metric.ts";
import { kpiMetric } from "./kpi-metric.ts";
import { latencyMetric } from "./latency-metric.ts";
import { availabilityMetric, latencyObjectiveMetric } from "./objective-metrics.ts";
import { sourceMetric } from "./source-metric.ts";

/** In the order in which a failure is told when several metrics fail. */
const kinds: readonly MetricKind[] = [
  errorMetric,
  availabilityMetric,
  latencyMetric,
  latencyObjectiveMetric,
  kpiMetric,
  sourceMetric,
];

export function beginMetrics(plan: Plan): readonly MetricTest[] {
  return kinds.flatMap((kind) => kind.namesIn(plan).map((name) => kind.begin(name, plan)));
}

/** A metric of the plan that `states` does not know, because an older program kept them, begins anew. */
export function restoreMetrics(plan: Plan, states: Readonly<Record<string, unknown>>, shiftMs: number): readonly MetricTest[] {
  return kinds.flatMap((kind) =>
    kind.namesIn(plan).map((name) => {
      const state = states[name];
      return state === undefined ? kind.begin(name, plan) : kind.restore({ name, plan, state, shiftMs });
    }),
  );
}
