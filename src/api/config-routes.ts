import { createRoute, z } from "@hono/zod-openapi";
import { type ApiApp, type ApiInside, answers, body, refusal } from "./api-app.ts";
import { exceptionFields } from "./approval-schemas.ts";
import { configSchema, secretsSchema, secretValuesSchema } from "./config-schemas.ts";
import { briefAnswersSchema, judgementSchema } from "./policy-schemas.ts";
import { keyedHeaders, keyOf } from "./request-key.ts";
import { nameSchema } from "./schemas.ts";

const named = z.object({ environment: nameSchema, service: nameSchema });
const path = "/services/{environment}/{service}/secrets" as const;
const secrets = z.object({ secrets: secretsSchema });

const list = createRoute({
  method: "get",
  path,
  summary: "The secrets of a service, by name, version and fingerprint.",
  request: { params: named },
  responses: { 200: answers("The newest version of each.", secrets), ...refusal },
});

const set = createRoute({
  method: "post",
  path,
  summary: "Keeps secrets, each as its next version. They take effect with the next rollout.",
  request: { params: named, ...body(z.strictObject({ values: secretValuesSchema })) },
  responses: { 200: answers("Those that were set.", secrets), ...refusal },
});

const unset = createRoute({
  method: "post",
  path: `${path}/unset`,
  summary: "Forgets a secret. Releases that have it keep it.",
  request: { params: named, ...body(z.strictObject({ name: z.string().max(128) })) },
  responses: { 200: answers("It, without a value.", secrets), ...refusal },
});

const show = createRoute({
  method: "get",
  path: "/services/{environment}/{service}/config",
  summary: "The configuration of a release, by default of the one that serves everyone.",
  request: { params: named, query: z.object({ release: z.string().max(200).optional() }) },
  responses: { 200: answers("Its values; of a secret, its fingerprint.", configSchema), ...refusal },
});

const release = createRoute({
  method: "post",
  path: "/services/{environment}/{service}/config",
  summary: "Starts a rollout of the present release with its configuration resolved anew.",
  request: {
    params: named,
    headers: keyedHeaders,
    ...body(
      z.strictObject({
        supersede: z.boolean().default(false),
        config: secretValuesSchema.default({}),
        brief: briefAnswersSchema.optional(),
        ...exceptionFields,
      }),
    ),
  },
  responses: {
    202: answers(
      "The rollout that was started, and what to expect of it.",
      z.object({ rollout: z.string(), forecast: z.string(), judgement: judgementSchema.nullable() }),
    ),
    ...refusal,
  },
});

export function addConfigRoutes(app: ApiApp, { controlPlane }: ApiInside): void {
  app.openapi(list, async (context) =>
    context.json({ secrets: await controlPlane.listSecrets(context.req.valid("param")) }, 200),
  );
  app.openapi(set, async (context) => {
    const request = { ...context.req.valid("param"), ...context.req.valid("json") };
    return context.json({ secrets: await controlPlane.setSecrets(request, context.var.actor) }, 200);
  });
  app.openapi(unset, async (context) => {
    const request = { ...context.req.valid("param"), ...context.req.valid("json") };
    return context.json({ secrets: [await controlPlane.unsetSecret(request, context.var.actor)] }, 200);
  });
  app.openapi(show, async (context) => {
    const { release: wanted = null } = context.req.valid("query");
    return context.json(await controlPlane.config({ ...context.req.valid("param"), release: wanted }), 200);
  });
  app.openapi(release, async (context) => {
    const key = keyOf(context.req.valid("header"));
    const request = { ...context.req.valid("param"), ...context.req.valid("json"), ...key };
    return context.json(await controlPlane.releaseConfig(request, context.var.actor), 202);
  });
}
