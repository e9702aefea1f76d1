import { z } from "@hono/zod-openapi";
import type { ArmCounts, EvidenceSummary } from "../rollout/evidence-summary.ts";

const share = z.number().min(0).max(1);
const count = z.int().min(0);

const arm: z.ZodType<ArmCounts> = z.object({ visitors: count, failedVisitors: count, requests: count, failedRequests: count });

const milliseconds = z.number().min(0).nullable();
const latency = z.object({ visitors: count, p50Ms: milliseconds, p95Ms: milliseconds, p99Ms: milliseconds });
const metricName = z
  .custom<EvidenceSummary["metrics"][number]["name"]>((name) => typeof name === "string")
  .openapi({
    type: "string",
    description: "errors, slo, latency, latencySlo, kpi:NAME, source:NAME, assignment, answers or gate.",
  });

/** The numbers of a rollout, as views and entries carry them. */
export const evidenceSchema: z.ZodType<EvidenceSummary> = z
  .object({
    canary: arm,
    stable: arm,
    metrics: z.array(z.object({ name: metricName, eValue: z.number(), threshold: z.number() })),
    scoredVisitors: count,
    failedScoredVisitors: count,
    excludedHarm: share,
    harmedRequests: count,
    harmedVisitors: count,
    shieldedRequests: count,
    shield: z
      .object({
        covered: count,
        uncovered: z.object({ notRepeatable: count, switchedOff: count, tooLarge: count }),
        harmed: z.object({
          notRepeatable: count,
          switchedOff: count,
          tooLarge: count,
          budgetSpent: count,
          afterHead: count,
          stableFailedToo: count,
        }),
      })
      .optional(),
    lostRecords: count,
    cohort: arm.optional(),
    previews: z.object({ requests: count, failedRequests: count }).optional(),
    latency: z.object({ canary: latency, stable: latency }).optional(),
  })
  .openapi("Evidence");
