import { createRoute, z } from "@hono/zod-openapi";
import { type ApiApp, type ApiInside, answers, body, refusal } from "./api-app.ts";
import { nameSchema, reasonSchema } from "./schemas.ts";

const maintenance = createRoute({
  method: "post",
  path: "/services/{environment}/{service}/maintenance",
  summary: "Answers every new request of the service with 503, or serves it again.",
  request: {
    params: z.object({ environment: nameSchema, service: nameSchema }),
    ...body(z.strictObject({ isOn: z.boolean(), message: reasonSchema.default("") })),
  },
  responses: { 202: answers("The epoch that every worker will have reached.", z.object({ position: z.int() })), ...refusal },
});

export function addMaintenanceRoutes(app: ApiApp, { controlPlane }: ApiInside): void {
  app.openapi(maintenance, async (context) => {
    const request = { ...context.req.valid("param"), ...context.req.valid("json") };
    return context.json(await controlPlane.setMaintenance(request, context.var.actor), 202);
  });
}
