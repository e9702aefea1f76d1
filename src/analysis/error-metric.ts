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
  /** Absent in states from when errors were weighed as they came. */
  readonly waiting?: readonly Waiting[] | undefined;
}

const stateSchema: z.ZodType<State> = z.object({
  mixture: mixtureSchema,
  peakLogE: z.number(),
  canaryFailures: z.number(),
  stableFailures: z.number(),
  waiting: z
    .array(
      z.object({
        arm: z.enum(["canary", "stable", "restart"]),
        weight: z.number(),
        atMs: z.number(),
        unit: z.string(),
      }),
    )
    .optional(),
});

function weigh(test: LabelTest, { arm, weight }: Waiting): void {
  if (arm === "restart") test.invest();
  else test.failed(arm, weight);
}

/**
 * `label` has weighed what is settled. At each look a copy of it goes on over what waits, at its worst: if that decides, the test in
 * order will decide too, whatever becomes of the open requests, and one need not wait for them.
 */
function testOf(label: LabelTest, order: StartOrder, plan: Plan): MetricTest {
  const hasRestarts = plan.evidence === "request";
  let decidedLogE: number | null = null;
  let peakLogE = label.peakLogE;
  const weighOn = (test: LabelTest, waiting: Waiting) => {
    weigh(test, waiting);
    if (test.isDecided) decidedLogE ??= test.logE;
  };
  return {
    name: "errors",
    isComparison: true,
    absorb: (record) => {
      if (record.kind === "failed") order.failed(record);
    },
    failedAgain: (record) => order.failedAgain(record),
    advance: (known) => {
      order.release(known, (waiting) => weighOn(label, waiting));
      const ahead = order.atWorst(known);
      const test = ahead.length === 0 ? label : label.copy();
      for (const waiting of ahead) weighOn(test, waiting);
      peakLogE = Math.max(peakLogE, test.peakLogE);
    },
    invest: ({ atMs }) => {
      if (hasRestarts) order.restart(atMs);
    },
    failure: ({ weight }) => {
      if (decidedLogE === null) return null;
      const { canary, stable } = label.failures;
      const failures = { canary: canary + order.count("canary"), stable: stable + order.count("stable") };
      return errorWords({ failures, weight, logE: decidedLogE, unit: plan.evidence ?? "visitor" });
    },
    summary: () => ({ name: "errors", eValue: eValueOf(peakLogE), threshold: thresholds.errors }),
    state: (): State => ({ ...label.state(), peakLogE, waiting: order.state() }),
  };
}

/** Visitors who meet errors more often than on stable. */
export const errorMetric: MetricKind = {
  namesIn: () => ["errors"],
  begin: (_, plan) => {
    return testOf(new LabelTest({ restarts: plan.evidence === "request" }), new StartOrder(plan.responseDeadlineMs), plan);
  },
  restore: ({ name, plan, state, shiftMs }) => {
    const { waiting = [], ...label } = parseMetricState(stateSchema, name, state);
    const shifted = waiting.map((failure) => ({ ...failure, atMs: failure.atMs + shiftMs }));
    return testOf(LabelTest.restore(label), new StartOrder(plan.responseDeadlineMs, shifted), plan);
  },
};
