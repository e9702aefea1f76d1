import { createRoute, z } from "@hono/zod-openapi";
import type { Actor } from "../rollout/rollout.ts";
import { requirePlace } from "./access.ts";
import { type ApiApp, type ApiInside, answers, body, refusal } from "./api-app.ts";
import { judgementSchema } from "./policy-schemas.ts";
import { keyedHeaders, keyOf } from "./request-key.ts";
import { deployRequestSchema, nameSchema, reasonSchema, rolloutSchema } from "./schemas.ts";

const started = z.object({ rollout: z.string() });
const named = z.object({ environment: nameSchema, service: nameSchema });
const withReason = z.strictObject({ reason: reasonSchema });

const deploy = createRoute({
  method: "post",
  path: "/deployments",
  summary: "Starts a rollout of a commit that was sent before.",
  request: { headers: keyedHeaders, ...body(deployRequestSchema) },
  responses: {
    202: answers(
      "The rollout that was started, and what to expect of it.",
      started.extend({ forecast: z.string(), judgement: judgementSchema.nullable() }),
    ),
    ...refusal,
  },
});

const rollout = createRoute({
  method: "get",
  path: "/rollouts/{id}",
  summary: "A rollout as it stands.",
  request: { params: z.object({ id: z.string().regex(/^[\w.-]{1,200}$/) }) },
  responses: { 200: answers("The rollout.", rolloutSchema), ...refusal },
});

const promoteBody = z.strictObject({ isFull: z.boolean().default(false), skipsAnalysis: z.boolean().default(false) });
const rollbackBody = z.strictObject({ target: z.string().max(200).nullable().default(null), reason: reasonSchema });

const promote = createRoute({
  ...command("promote", "Ends the present step; `isFull` goes on to the holdback, `skipsAnalysis` to everyone."),
  request: { params: named, ...body(promoteBody) },
});
const abort = createRoute({
  ...command("abort", "Gives up the running rollout: everyone is routed to stable."),
  request: { params: named, ...body(withReason) },
});
const pause = createRoute({
  ...command("pause", "Takes the new release to weight 0 and keeps it."),
  request: { params: named, ...body(withReason) },
});
const resume = createRoute({
  ...command("resume", "Goes on where the rollout was paused; with `task`, says what became of the task that was interrupted."),
  request: { params: named, ...body(z.strictObject({ task: z.enum(["done", "retry"]).optional() })) },
});
const rollback = createRoute({
  ...command("rollback", "Goes back to an older release; without `target`, to the one before, or aborts what runs."),
  request: { params: named, ...body(rollbackBody) },
});

function command<Verb extends string>(verb: Verb, summary: string) {
  return {
    method: "post" as const,
    path: `/services/{environment}/{service}/${verb}` as const,
    summary,
    responses: { 202: answers("The rollout that this concerns.", started), ...refusal },
  };
}

export function addRolloutRoutes(app: ApiApp, { controlPlane }: ApiInside): void {
  const by = (context: { readonly var: { readonly actor: Actor } }) => context.var.actor;
  app.openapi(deploy, async (context) => {
    const { grant } = context.var;
    const request = { ...context.req.valid("json"), ...keyOf(context.req.valid("header")) };
    const started = await controlPlane.deploy(request, by(context), (place) => requirePlace(grant, place));
    return context.json(started, 202);
  });
  app.openapi(rollout, async (context) => context.json(await controlPlane.rollout(context.req.valid("param").id), 200));
  app.openapi(promote, async (context) => {
    const request = { ...context.req.valid("param"), ...context.req.valid("json") };
    return context.json(await controlPlane.promote(request, by(context)), 202);
  });
  app.openapi(abort, async (context) => {
    const request = { ...context.req.valid("param"), ...context.req.valid("json") };
    return context.json(await controlPlane.abort(request, by(context)), 202);
  });
  app.openapi(pause, async (context) => {
    const request = { ...context.req.valid("param"), ...context.req.valid("json") };
    return context.json(await controlPlane.pause(request, by(context)), 202);
  });
  app.openapi(resume, async (context) => {
    const request = { ...context.req.valid("param"), ...context.req.valid("json") };
    return context.json(await controlPlane.resume(request, by(context)), 202);
  });
  app.openapi(rollback, async (context) => {
    const request = { ...context.req.valid("param"), ...context.req.valid("json") };
    return context.json(await controlPlane.rollback(request, by(context)), 202);
  });
}
