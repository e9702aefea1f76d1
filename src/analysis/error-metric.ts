import { z } from "zod";
import type { Plan } from "../rollout/rollout.ts";
import { thresholds } from "./budget.ts";
import { parseMetricState } from "./evidence-snapshot.ts";
import { errorWords } from "./evidence-words.ts";
import type { MetricKind, MetricTest } from "./judged-metric.ts";
import { LabelTest, type LabelTestState } from "./label-test.ts";
import { mixtureSchema } from "./mixture.ts";
import { eValueOf } from "./words.ts";

const stateSchema: z.ZodType<LabelTestState> = z.object({
  mixture: mixtureSchema,
  peakLogE: z.number(),
  canaryFailures: z.number(),
  stableFailures: z.number(),
});

function testOf(label: LabelTest, { evidence = "visitor" }: Plan): MetricTest {
  return {
    name: "errors",
    isComparison: true,
    absorb: (record) => {
      if (record.kind === "failed") label.failed(record.arm, record.weight);
    },
    invest: () => label.invest(),
    failure: ({ weight }) => {
      const { failures, logE, isDecided } = label;
      return isDecided ? errorWords({ failures, weight, logE, unit: evidence }) : null;
    },
    summary: () => ({ name: "errors", eValue: eValueOf(label.peakLogE), threshold: thresholds.errors }),
    state: () => label.state(),
  };
}

/** Visitors who meet errors more often than on stable. */
export const errorMetric: MetricKind = {
  namesIn: () => ["errors"],
  begin: (_, plan) => testOf(new LabelTest({ restarts: plan.evidence === "request" }), plan),
  restore: ({ name, plan, state }) => testOf(LabelTest.restore(parseMetricState(stateSchema, name, state)), plan),
};
