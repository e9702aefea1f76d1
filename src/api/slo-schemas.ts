import { z } from "@hono/zod-openapi";
import type { BudgetLeft, SloView } from "./views.ts";

/** How objectives stand, as the API shows it. */
const count = z.int().min(0);
const share = z.number().min(0).max(1);
const objective = z.enum(["availability", "latency"]);

export const budgetLeftSchema: z.ZodType<BudgetLeft> = z
  .object({
    left: z.number().openapi({ description: "1 is all of it; below 0 the objective is missed." }),
    isExhausted: z.boolean(),
    windowMs: count,
    objective,
  })
  .openapi("BudgetLeft");

export const sloSchema: z.ZodType<SloView> = z
  .object({
    service: z.string(),
    environment: z.string(),
    windowMs: count,
    watchedMs: z.number(),
    onExhausted: z.enum(["hold", "warn"]),
    objectives: z.array(
      z.object({
        name: objective,
        underMs: count.optional(),
        objective: share,
        requests: count,
        bad: count,
        allowed: z.number(),
        spent: z.number().openapi({ description: "Share of the budget; above 1 the objective is missed." }),
        isExhausted: z.boolean(),
      }),
    ),
    burn: z.array(
      z.object({
        longMinutes: count,
        shortMinutes: count,
        limit: z.number(),
        rate: z.number(),
        shortRate: z.number(),
        isBurning: z.boolean(),
      }),
    ),
    releases: z.array(
      z.object({
        release: z.string(),
        requests: count,
        failed: count,
        harmed: count,
        shielded: count,
        slow: count,
        spent: z.number().openapi({ description: "Share of the availability budget of the window." }),
        firstHoursAgo: count,
        lastHoursAgo: count,
      }),
    ),
  })
  .openapi("Slo");
