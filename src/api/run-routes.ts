import { createRoute, z } from "@hono/zod-openapi";
import { readLogSince } from "../keeper/read-log.ts";
import { type ApiApp, type ApiInside, answers, body, refusal } from "./api-app.ts";
import { parseLogCursor, printLogCursor } from "./log-cursor.ts";
import { nameSchema, oneOffSchema, reasonSchema } from "./schemas.ts";
import type { RunView } from "./views.ts";

const named = z.object({ environment: nameSchema, service: nameSchema });
const runId = z.string().regex(/^[a-z0-9.-]{1,250}$/);
const ofRun = named.extend({ run: runId });
const path = "/services/{environment}/{service}/runs" as const;
const started = z.object({ run: z.string() });

const startBody = z.strictObject({
  command: z
    .array(
      z
        .string()
        .max(10_000)
        .regex(/^[^\0]*$/),
    )
    .min(1)
    .max(1000)
    .openapi({ description: "The program and its arguments. Recorded as given: no secrets." }),
  release: z.string().max(200).nullable().default(null),
  reason: reasonSchema,
});

const start = createRoute({
  method: "post",
  path,
  summary: "Runs a command once with a release's files and environment; by default with the one that serves everyone.",
  request: { params: named, ...body(startBody) },
  responses: { 202: answers("The command that was recorded, and starts.", started), ...refusal },
});

const runSchema: z.ZodType<RunView> = z
  .object({ run: oneOffSchema, lines: z.array(z.string()), cursor: z.string(), hasMore: z.boolean() })
  .openapi("RunOutput");

const look = createRoute({
  method: "get",
  path: `${path}/{run}`,
  summary: "A command that runs or ran, and what it wrote, from its start or since the cursor.",
  request: { params: ofRun, query: z.object({ cursor: z.string().max(2_000).optional() }) },
  responses: {
    200: answers("The command and its lines. It has written nothing more when it has ended and `hasMore` is false.", runSchema),
    ...refusal,
  },
});

const stop = createRoute({
  method: "post",
  path: `${path}/{run}/stop`,
  summary: "Ends a command that runs.",
  request: { params: ofRun, ...body(z.strictObject({})) },
  responses: { 202: answers("The command.", started), ...refusal },
});

export function addRunRoutes(app: ApiApp, { controlPlane }: ApiInside): void {
  app.openapi(start, async (context) => {
    const request = { ...context.req.valid("param"), ...context.req.valid("json") };
    return context.json(await controlPlane.startRun(request, context.var.actor), 202);
  });
  app.openapi(stop, async (context) =>
    context.json(await controlPlane.stopRun(context.req.valid("param"), context.var.actor), 202),
  );
  app.openapi(look, async (context) => {
    // Whether it has ended is asked before its log is read, so that the log is whole when it has.
    const { run, file } = await controlPlane.run(context.req.valid("param"));
    const { cursor } = context.req.valid("query");
    const before = cursor === undefined ? undefined : parseLogCursor(cursor).get(run.run);
    const { lines, place, hasMore } = await readLogSince(file, before ?? { offset: 0, rotated: 0 }, { isDone: run.end !== null });
    const view: RunView = { run, lines, cursor: printLogCursor(new Map([[run.run, place]])), hasMore };
    return context.json(view, 200);
  });
}
