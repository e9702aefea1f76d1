import { z } from "zod";
import type { Plan } from "../rollout/rollout.ts";
import { thresholds } from "./budget.ts";
import { parseMetricState } from "./evidence-snapshot.ts";
import { errorWords } from "./evidence-words.ts";
import type { MetricKind, MetricTest } from "./judged-metric.ts";
import { LabelTest, type LabelTestState } from "./label-test.ts";
import { mixtureSchema } from "./mixture.ts";
import { StartOrder, type Waiting } from "./start-order.ts";
import { eValueOf } from "./words.ts";

interface State extends LabelTestState {
  /** Absent where errors are weighed as they come. */
  readonly waiting?: readonly Waiting[] | undefined;
}

const stateSchema: z.ZodType<State> = z.object({
  mixture: mixtureSchema,
  peakLogE: z.number(),
  canaryFailures: z.number(),
  stableFailures: z.number(),
  waiting: z.array(z.object({ arm: z.enum(["canary", "stable"]), weight: z.number(), atMs: z.number() })).optional(),
});

function testOf(label: LabelTest, plan: Plan, waiting: readonly Waiting[] = []): MetricTest {
  const order = plan.strictOrder === true ? new StartOrder(plan.responseDeadlineMs, waiting) : null;
  return {
    name: "errors",
    isComparison: true,
    absorb: (record) => {
      if (record.kind !== "failed") return;
      if (order === null) label.failed(record.arm, record.weight);
      else order.add(record);
    },
    advance: (time) => order?.release(time, ({ arm, weight }) => label.failed(arm, weight)),
    invest: () => label.invest(),
    failure: ({ weight }) => {
      if (!label.isDecided) return null;
      const { failures, logE } = label;
      return errorWords({ failures, weight, logE, unit: plan.evidence ?? "visitor" });
    },
    summary: () => ({ name: "errors", eValue: eValueOf(label.peakLogE), threshold: thresholds.errors }),
    state: (): State => ({ ...label.state(), ...(order === null ? {} : { waiting: order.state() }) }),
  };
}

/** Visitors who meet errors more often than on stable. */
export const errorMetric: MetricKind = {
  namesIn: () => ["errors"],
  begin: (_, plan) => testOf(new LabelTest({ restarts: plan.evidence === "request" }), plan),
  restore: ({ name, plan, state, shiftMs }) => {
    const { waiting = [], ...label } = parseMetricState(stateSchema, name, state);
    const shifted = waiting.map((failure) => ({ ...failure, atMs: failure.atMs + shiftMs }));
    return testOf(LabelTest.restore(label), plan, shifted);
  },
};
