import { createRoute, z } from "@hono/zod-openapi";
import { countedMethods } from "../routing/path-tree.ts";
import { type ApiApp, type ApiInside, answers, refusal } from "./api-app.ts";
import { nameSchema } from "./schemas.ts";
import type { PathsView } from "./views.ts";

const count = z.int().min(0);

const pathsSchema: z.ZodType<PathsView> = z
  .object({
    service: z.string(),
    environment: z.string(),
    watchedMs: count.openapi({ description: "For how long it was counted by the workers that run, two weeks at most." }),
    paths: z.array(
      z.object({
        host: z.string().openapi({ description: "As the route has it, `*` for any." }),
        path: z.string().openapi({
          description: "`*` is one part that is not kept, because it may be a value; `**` at the end is whatever lies below.",
        }),
        methods: z
          .partialRecord(z.enum(countedMethods), count)
          .openapi({ description: "Answered requests: GET, HEAD and OPTIONS below 400, all others but 404 and 405." }),
        cookies: count.openapi({ description: "Answers to GET, HEAD and OPTIONS that set a cookie of the service." }),
      }),
    ),
  })
  .openapi("Paths");

const paths = createRoute({
  method: "get",
  path: "/services/{environment}/{service}/paths",
  summary: "What visitors of a service asked for, by path and method, without any value.",
  request: { params: z.object({ environment: nameSchema, service: nameSchema }) },
  responses: { 200: answers("The paths that were asked for.", pathsSchema), ...refusal },
});

export function addPathRoutes(app: ApiApp, { controlPlane }: ApiInside): void {
  app.openapi(paths, async (context) => context.json(await controlPlane.paths(context.req.valid("param")), 200));
}
