import { z } from "@hono/zod-openapi";
import type { CheckResult } from "../rollout/check-result.ts";

const count = z.int().min(0);

export const checkResultSchema: z.ZodType<CheckResult> = z
  .object({
    check: z.string(),
    status: z.enum(["pass", "warn", "fail", "error", "skipped"]),
    blocks: z.boolean(),
    summary: z.string(),
    findings: z.array(
      z.object({
        rule: z.string(),
        level: z.enum(["warn", "fail"]),
        message: z.string(),
        fix: z.string(),
        file: z.string().optional(),
        line: count.optional(),
        column: count.optional(),
        waived: z.object({ reason: z.string(), by: z.string(), until: z.string() }).optional(),
      }),
    ),
    findingCount: count,
    evidence: z.object({
      inspected: count,
      tool: z.string(),
      toolVersion: z.string(),
      inputsSha256: z.string(),
      durationMs: count,
    }),
    isAsked: z.literal(true).optional(),
  })
  .openapi("CheckResult");
