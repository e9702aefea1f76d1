import { z } from "@hono/zod-openapi";
import type { ArmCounts, EvidenceSummary } from "../rollout/evidence-summary.ts";

/** The numbers behind a decision, as a document of the API. */
const share = z.number().min(0).max(1);
const count = z.int().min(0);

const arm: z.ZodType<ArmCounts> = z.object({ visitors: count, failedVisitors: count, requests: count, failedRequests: count });

const milliseconds = z.number().min(0).nullable();
const latency = z.object({ visitors: count, p50Ms: milliseconds, p95Ms: milliseconds, p99Ms: milliseconds });
const metricName = z.enum(["errors", "slo", "latency", "latencySlo", "assignment", "answers", "gate"]);

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
    shadow: z
      .object({
        mirrored: count,
        compared: count,
        pairs: count,
        differing: count,
        dropped: count,
        fields: z.array(
          z.object({
            route: z.string(),
            field: z.string(),
            how: z.string(),
            example: z.string(),
            shadow: count,
            compared: count,
            stable: count,
            pairs: count,
          }),
        ),
        fieldCount: count,
        noisyFields: count,
      })
      .optional(),
    cohort: arm.optional(),
    previews: z.object({ requests: count, failedRequests: count }).optional(),
    latency: z.object({ canary: latency, stable: latency }).optional(),
  })
  .openapi("Evidence");
