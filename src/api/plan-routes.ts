import { createRoute, z } from "@hono/zod-openapi";
import type { Route } from "../rollout/rollout.ts";
import { type ApiApp, type ApiInside, answers, body, refusal } from "./api-app.ts";
import { exceptionFields } from "./approval-schemas.ts";
import { errorSchema, nameSchema, planSchema } from "./schemas.ts";
import { budgetLeftSchema } from "./slo-schemas.ts";
import type { PlanView } from "./views.ts";

const routeSchema: z.ZodType<Route> = z.object({
  host: z.string(),
  path: z.string(),
  idempotent: z.union([z.literal(true), z.literal("key")]).optional(),
  shield: z.literal("off").optional(),
  effects: z.enum(["none", "writes"]).optional(),
  hedgeMs: z.number().optional(),
});

const planView: z.ZodType<PlanView> = z
  .object({
    service: z.string(),
    environment: z.string(),
    refusal: errorSchema.nullable(),
    plan: planSchema.nullable(),
    forecast: z.string(),
    after: z.string().nullable(),
    stable: z.string().nullable(),
    running: z.string().nullable(),
    hours: z.object({ isOpen: z.boolean(), why: z.string(), opensAt: z.string().nullable() }).nullable(),
    budget: budgetLeftSchema.nullable(),
    approvers: z.array(z.string()),
    newUnitsPerSecond: z.number().min(0).nullable(),
    quietRoutes: z.array(z.string()),
    routes: z.array(routeSchema).optional(),
    trouble: z.array(z.string()),
  })
  .openapi("PlanAhead");

const plan = createRoute({
  method: "post",
  path: "/services/{environment}/{service}/plan",
  summary: "What a deploy with this belay.yml would do. Changes nothing.",
  request: {
    params: z.object({ environment: nameSchema, service: nameSchema }),
    ...body(z.strictObject({ manifest: z.string().min(1).max(60_000), ...exceptionFields })),
  },
  responses: { 200: answers("What would happen, and what would stop it.", planView), ...refusal },
});

export function addPlanRoutes(app: ApiApp, { controlPlane }: ApiInside): void {
  app.openapi(plan, async (context) => {
    const request = { ...context.req.valid("param"), ...context.req.valid("json") };
    return context.json(await controlPlane.planAhead(request, context.var.actor), 200);
  });
}
