import { createRoute, z } from "@hono/zod-openapi";
import { readLogEnd, readLogSince } from "../keeper/read-log.ts";
import { type ApiApp, type ApiInside, answers, refusal } from "./api-app.ts";
import { type LogCursor, parseLogCursor, printLogCursor } from "./log-cursor.ts";
import { nameSchema } from "./schemas.ts";
import type { LogsView } from "./views.ts";

const logsSchema: z.ZodType<LogsView> = z
  .object({
    instances: z.array(z.object({ instance: z.string(), release: z.string(), lines: z.array(z.string()) })),
    cursor: z.string(),
    hasMore: z.boolean(),
  })
  .openapi("Logs");

const logs = createRoute({
  method: "get",
  path: "/services/{environment}/{service}/logs",
  summary: "The last lines that the instances wrote, the newest instance first; or, with a cursor, what was written since.",
  request: {
    params: z.object({ environment: nameSchema, service: nameSchema }),
    query: z
      .object({
        lines: z.coerce.number().int().min(1).max(10_000).default(100),
        release: z.string().max(200).optional(),
        process: z.string().max(100).optional().openapi({ description: "This worker or job instead." }),
        task: z.string().max(100).optional().openapi({ description: "Attempts at this task; `once`: commands that people ran." }),
        cursor: z.string().max(14_000).optional().openapi({ description: "Of the answer before. Then `lines` does not count." }),
      })
      .refine(({ process, task }) => process === undefined || task === undefined, "ask for a process or task, not for both"),
  },
  responses: { 200: answers("Lines by instance, and where to go on.", logsSchema), ...refusal },
});

type LogFile = Awaited<ReturnType<ApiInside["controlPlane"]["logFiles"]>>[number];

export function addLogRoutes(app: ApiApp, { controlPlane }: ApiInside): void {
  app.openapi(logs, async (context) => {
    const { lines, release, process, task, cursor } = context.req.valid("query");
    const files = await controlPlane.logFiles({ ...context.req.valid("param"), release, task, process });
    const view = cursor === undefined ? await readEnds(files, lines) : await readSince(files, parseLogCursor(cursor));
    return context.json(view, 200);
  });
}

async function readEnds(files: readonly LogFile[], count: number): Promise<LogsView> {
  const cursor: LogCursor = new Map();
  const instances = [];
  for (const { instance, release, file, isPresent } of files) {
    const { lines, place } = await readLogEnd(file, count);
    instances.push({ instance, release, lines: [...lines] });
    if (isPresent) cursor.set(instance, place);
  }
  return { instances, cursor: printLogCursor(cursor), hasMore: false };
}

/** What is present and not in the cursor is new, and read from its start. What is gone is read to its end once more. */
async function readSince(files: readonly LogFile[], before: LogCursor): Promise<LogsView> {
  const cursor: LogCursor = new Map();
  const instances = [];
  let hasMoreSomewhere = false;
  for (const { instance, release, file, isPresent } of files) {
    const known = before.get(instance);
    if (known === undefined && !isPresent) continue;
    const { lines, place, hasMore } = await readLogSince(file, known ?? { offset: 0, rotated: 0 });
    hasMoreSomewhere ||= hasMore;
    if (lines.length > 0) instances.push({ instance, release, lines: [...lines] });
    if (isPresent || hasMore) cursor.set(instance, place);
  }
  return { instances, cursor: printLogCursor(cursor), hasMore: hasMoreSomewhere };
}
