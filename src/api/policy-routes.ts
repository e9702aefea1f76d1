import { createRoute, z } from "@hono/zod-openapi";
import { requirePlace } from "./access.ts";
import { type ApiApp, type ApiInside, answers, body, refusal } from "./api-app.ts";
import { pinnedSchema, plannedSchema, rulesSchema } from "./policy-schemas.ts";
import { deployRequestSchema, nameSchema } from "./schemas.ts";

const place = z.object({ environment: nameSchema, service: nameSchema });
const scope = { service: nameSchema.nullable().default(null), environment: nameSchema.nullable().default(null) };
/** Entries are kept for good, and rules are short. */
const textCharactersMax = 20_000;

const plan = createRoute({
  method: "post",
  path: "/deployments/plan",
  summary: "What a deploy of a commit that was sent before would do, and how it stands to the rules. Starts nothing.",
  request: body(deployRequestSchema),
  responses: { 200: answers("The plan in words.", plannedSchema), ...refusal },
});

const list = createRoute({
  method: "get",
  path: "/policy",
  summary: "Rules that are pinned on the server.",
  responses: { 200: answers("All of them.", z.object({ pinned: z.array(pinnedSchema) })), ...refusal },
});

const pin = createRoute({
  method: "post",
  path: "/policy",
  summary: "Pins rules for a service and an environment, or for all; they take the place of what was pinned for the same.",
  request: body(z.strictObject({ ...scope, text: z.string().min(1).max(textCharactersMax) })),
  responses: { 201: answers("What is pinned.", pinnedSchema), ...refusal },
});

const clear = createRoute({
  method: "post",
  path: "/policy/clear",
  summary: "Takes away what is pinned for exactly this scope.",
  request: body(z.strictObject(scope)),
  responses: { 200: answers("It is gone.", z.object({})), ...refusal },
});

const rules = createRoute({
  method: "get",
  path: "/services/{environment}/{service}/policy",
  summary: "Which rules the next release is judged by at the least, and where each comes from.",
  request: { params: place },
  responses: { 200: answers("The rules.", rulesSchema), ...refusal },
});

export function addPolicyRoutes(app: ApiApp, { controlPlane }: ApiInside): void {
  app.openapi(plan, async (context) => {
    const { grant, actor } = context.var;
    return context.json(await controlPlane.plan(context.req.valid("json"), actor, (where) => requirePlace(grant, where)), 200);
  });
  app.openapi(list, (context) => context.json({ pinned: [...controlPlane.policies()] }, 200));
  app.openapi(pin, (context) => {
    const { text, ...at } = context.req.valid("json");
    return context.json(controlPlane.pinPolicy({ scope: at, text }, context.var.actor), 201);
  });
  app.openapi(clear, (context) => {
    controlPlane.clearPolicy({ scope: context.req.valid("json") }, context.var.actor);
    return context.json({}, 200);
  });
  app.openapi(rules, async (context) => context.json(await controlPlane.rules(context.req.valid("param")), 200));
}
