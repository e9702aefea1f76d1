import { z } from "@hono/zod-openapi";
import type { ApprovalNeed, BreakGlass } from "../rollout/approval.ts";
import type { SupervisionView } from "./views.ts";

/** What people have to approve, and have, as the API shows it. */
const count = z.int().min(0);

const needFields = {
  id: z.string(),
  kind: z.enum(["environment", "policy", "risk", "budget", "gate", "check", "window"]),
  why: z.string(),
  people: count,
  from: z.array(z.string()).openapi({ description: "Names of principals; empty is whoever may approve." }),
  lastsMs: count,
  step: count.optional(),
  check: z.string().optional(),
};
export const needSchema: z.ZodType<ApprovalNeed> = z.object(needFields).openapi("ApprovalNeed");

export const breakGlassSchema: z.ZodType<BreakGlass> = z
  .object({
    rollout: z.string(),
    by: z.string(),
    at: z.string(),
    reason: z.string(),
    skipped: z.array(z.string()),
    reviewBefore: z.string(),
    isOverdue: z.boolean(),
    review: z.object({ by: z.string(), at: z.string(), words: z.string() }).nullable(),
  })
  .openapi("BreakGlass");

export const supervisionSchema: z.ZodType<SupervisionView> = z.object({
  needs: z.array(z.object({ ...needFields, approvedBy: z.array(z.string()), isMet: z.boolean() })),
  awaiting: z.object({ needs: z.array(z.string()), since: z.string() }).nullable(),
  breakGlass: breakGlassSchema.nullable(),
});
