import { createRoute, z } from "@hono/zod-openapi";
import { type ApiApp, type ApiInside, answers, refusal } from "./api-app.ts";
import { nameSchema } from "./schemas.ts";
import { sloSchema } from "./slo-schemas.ts";

const slo = createRoute({
  method: "get",
  path: "/services/{environment}/{service}/slo",
  summary: "How the objectives of a service stand, and what each release cost of the error budget.",
  request: { params: z.object({ environment: nameSchema, service: nameSchema }) },
  responses: { 200: answers("The objectives in their window.", sloSchema), ...refusal },
});

export function addSloRoutes(app: ApiApp, { controlPlane }: ApiInside): void {
  app.openapi(slo, async (context) => context.json(await controlPlane.slo(context.req.valid("param")), 200));
}
