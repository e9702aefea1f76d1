import { createRoute, z } from "@hono/zod-openapi";
import { type ApiApp, type ApiInside, answers, body, refusal } from "./api-app.ts";
import { approvalSchema, approvedSchema, whySchema } from "./approval-schemas.ts";
import { nameSchema, reasonSchema } from "./schemas.ts";

const ofRollout = z.object({ id: z.string().regex(/^[\w.-]{1,200}$/) });
const hash = z.string().regex(/^[0-9a-f]{64}$/);
const started = z.object({ rollout: z.string() });

const look = createRoute({
  method: "get",
  path: "/rollouts/{id}/approval",
  summary:
    "What would be approved: commits, files, configuration, tasks, the plan and what preflight found, against what serves.",
  request: { params: ofRollout },
  responses: { 200: answers("All of it.", approvalSchema), ...refusal },
});

const approve = createRoute({
  method: "post",
  path: "/rollouts/{id}/approvals",
  summary: "Gives one's word for what was looked at.",
  request: {
    params: ofRollout,
    ...body(
      z.strictObject({
        digest: hash.openapi({ description: "Of the bundle, as it was shown." }),
        plan: hash.openapi({ description: "sha256 of the plan, as it was shown." }),
        needs: z
          .array(z.string().min(1).max(200))
          .max(100)
          .openapi({ description: "Ids of what was open, as they were shown: what came since is not approved." }),
        reason: reasonSchema.default(""),
      }),
    ),
  },
  responses: { 201: answers("What it was given for, and until when it counts.", approvedSchema), ...refusal },
});

const review = createRoute({
  method: "post",
  path: "/rollouts/{id}/review",
  summary: "Says that somebody else has looked at what one person alone pushed past the rules.",
  request: { params: ofRollout, ...body(z.strictObject({ words: whySchema })) },
  responses: { 201: answers("The rollout.", started), ...refusal },
});

const override = createRoute({
  method: "post",
  path: "/services/{environment}/{service}/override",
  summary: "Asks that closed hours are passed over for the rollout that runs; somebody else has to approve it.",
  request: { params: z.object({ environment: nameSchema, service: nameSchema }), ...body(z.strictObject({ reason: whySchema })) },
  responses: { 202: answers("The rollout.", started), ...refusal },
});

export function addApprovalRoutes(app: ApiApp, { controlPlane }: ApiInside): void {
  app.openapi(look, async (context) =>
    context.json(await controlPlane.approval({ rollout: context.req.valid("param").id }), 200),
  );
  app.openapi(approve, async (context) => {
    const request = { rollout: context.req.valid("param").id, ...context.req.valid("json") };
    return context.json(await controlPlane.approve(request, context.var.actor), 201);
  });
  app.openapi(review, async (context) => {
    const request = { rollout: context.req.valid("param").id, ...context.req.valid("json") };
    return context.json(await controlPlane.review(request, context.var.actor), 201);
  });
  app.openapi(override, async (context) => {
    const request = { ...context.req.valid("param"), ...context.req.valid("json") };
    return context.json(await controlPlane.override(request, context.var.actor), 202);
  });
}
