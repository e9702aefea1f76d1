import { z } from "zod";
import { thresholds } from "./budget.ts";
import { parseMetricState } from "./evidence-snapshot.ts";
import { latencyWords } from "./evidence-words.ts";
import type { MetricKind, MetricTest } from "./judged-metric.ts";
import { LatencyTest, type LatencyTestState } from "./latency-test.ts";
import { mixtureSchema } from "./mixture.ts";
import { eValueOf } from "./words.ts";

const histogram = z.array(z.tuple([z.int().min(0), z.number()]));
const stateSchema: z.ZodType<LatencyTestState> = z.object({
  mixture: mixtureSchema,
  peakLogE: z.number(),
  stable: histogram,
  canary: histogram,
  nextRefresh: z.number(),
  edges: z.array(z.number()),
  likelihoods: z.array(z.array(z.number())),
});

function testOf(latency: LatencyTest): MetricTest {
  const figures = () => ({ canary: latency.figures("canary"), stable: latency.figures("stable") });
  return {
    name: "latency",
    isComparison: true,
    absorb: ({ kind, arm, weight, tookMs = 0 }) => {
      if (kind === "timed") latency.timed({ arm, weight, tookMs });
    },
    invest: () => latency.invest(),
    failure: () => {
      if (!latency.isDecided) return null;
      const { moved, logE } = latency;
      return latencyWords({ figures: figures(), moved, logE });
    },
    summary: () => ({ name: "latency", eValue: eValueOf(latency.peakLogE), threshold: thresholds.latency }),
    latencyFigures: figures,
    state: () => latency.state(),
  };
}

/** Answers that are slower than stable's. */
export const latencyMetric: MetricKind = {
  namesIn: () => ["latency"],
  begin: () => testOf(new LatencyTest()),
  restore: ({ name, state }) => testOf(LatencyTest.restore(parseMetricState(stateSchema, name, state))),
};
