import { z } from "@hono/zod-openapi";
import type { ApprovalNeed, BreakGlass } from "../rollout/approval.ts";
import { checkResultSchema } from "./check-schemas.ts";
import { judgementSchema } from "./policy-schemas.ts";
import type { ApprovalView, ApprovedView, Exceptions, SupervisionView } from "./views.ts";

/** What people have to approve, and have, as the API shows it. */
const count = z.int().min(0);

/** A reason that is asked for. */
export const whySchema: z.ZodType<string, string> = z.string().min(1).max(1000).regex(/\S/);

export const exceptionFields: {
  readonly override: z.ZodType<Exceptions["override"], Exceptions["override"]>;
  readonly fix: z.ZodType<string | undefined, string | undefined>;
  readonly breakGlass: z.ZodType<string | undefined, string | undefined>;
} = {
  override: z
    .strictObject({ checks: z.array(z.string().max(100)).min(1).max(50), reason: whySchema })
    .optional()
    .openapi({ description: "Checks of preflight that are to be passed over, once somebody else has approved it." }),
  fix: whySchema.optional().openapi({ description: "What it mends: a fix is not held by a spent error budget." }),
  breakGlass: whySchema.optional().openapi({ description: "Why one person alone pushes it past approvals, hours and checks." }),
};

const needFields: { readonly [Field in keyof Required<ApprovalNeed>]: z.ZodType<ApprovalNeed[Field]> } = {
  id: z.string(),
  kind: z.enum(["environment", "policy", "risk", "budget", "gate", "check", "window"]),
  why: z.string(),
  people: count,
  from: z.array(z.string()).openapi({ description: "Names of principals; empty is whoever may approve." }),
  lastsMs: count,
  step: count.optional(),
  check: z.string().optional(),
  askedBy: z.string().optional().openapi({ description: "Who asked for it later; their own word does not count for it." }),
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

export const approvedSchema: z.ZodType<ApprovedView> = z.object({
  rollout: z.string(),
  approved: z.array(z.string()),
  until: z.string(),
  supervision: supervisionSchema,
});

export const approvalSchema: z.ZodType<ApprovalView> = z
  .object({
    rollout: z.string(),
    service: z.string(),
    environment: z.string(),
    requestedBy: z.string(),
    requestedAt: z.string(),
    supervision: supervisionSchema,
    open: z.array(z.string()),
    digest: z.string(),
    plan: z.string(),
    forecast: z.string(),
    judgement: judgementSchema.nullable(),
    stable: z.string().nullable(),
    commits: z
      .array(
        z.object({
          id: z.string(),
          subject: z.string(),
          people: z.array(z.object({ address: z.string(), principals: z.array(z.string()) })),
        }),
      )
      .nullable(),
    files: z.array(z.object({ path: z.string(), added: count.nullable(), removed: count.nullable() })).nullable(),
    config: z.array(
      z.object({
        name: z.string(),
        change: z.enum(["added", "removed", "changed"]),
        isSecret: z.boolean(),
        from: z.string().nullable(),
        to: z.string().nullable(),
      }),
    ),
    tasks: z.array(z.object({ name: z.string(), command: z.string() })),
    changes: z.array(z.object({ what: z.string(), from: z.string(), to: z.string() })),
    checks: z.array(checkResultSchema),
    excluded: z.array(z.string()),
    unknown: z.array(z.string()).openapi({ description: "Addresses in its commits that are nobody's here." }),
  })
  .openapi("Approval");
