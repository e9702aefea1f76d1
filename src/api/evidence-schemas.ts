import { z } from "@hono/zod-openapi";
import type { ArmCounts, EvidenceSummary } from "../rollout/evidence-summary.ts";
import type { Kpi } from "../rollout/kpi.ts";
import type { SourceSummary } from "../rollout/source.ts";

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

const kpiSide = z.object({ units: z.number().min(0), good: z.number().min(0), mean: z.number().nullable().optional() });

const kpiRoute = z.object({ method: z.string(), path: z.string() });

/** An outcome that a plan judges by. */
export const kpiSchema: z.ZodType<Kpi> = z.object({
  name: z.string(),
  user: z.string(),
  outcome: z.string(),
  good: z.union([
    z.object({ kind: z.literal("route"), route: kpiRoute, statusFrom: count, statusTo: count }),
    z.object({ kind: z.literal("event"), event: z.string() }),
  ]),
  of: kpiRoute.nullable(),
  valueField: z.string().nullable(),
  direction: z.enum(["up", "down"]),
  tolerance: share,
});

/** The numbers of a rollout, as views and entries carry them. */
const ended = z.object({ of: count, bad: count });
const source: z.ZodType<SourceSummary> = z.object({
  name: z.string(),
  state: z.enum(["heard", "waiting", "broken"]),
  words: z.string(),
  batches: count,
  canary: ended,
  stable: ended,
});

export const evidenceSchema: z.ZodType<EvidenceSummary> = z
  .object({
    canary: arm,
    stable: arm,
    metrics: z.array(
      z.object({
        name: metricName,
        eValue: z.number(),
        threshold: z.number(),
        kpi: z.object({ user: z.string(), outcome: z.string(), canary: kpiSide, stable: kpiSide }).optional(),
      }),
    ),
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
    sources: z.array(source).optional(),
    latency: z.object({ canary: latency, stable: latency }).optional(),
  })
  .openapi("Evidence");
