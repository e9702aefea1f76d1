import { createRoute, z } from "@hono/zod-openapi";
import { isWithinScope } from "../rollout/principal.ts";
import { type ApiApp, type ApiInside, answers, refusal } from "./api-app.ts";
import { statusSchema } from "./schemas.ts";

const health = createRoute({
  method: "get",
  path: "/health",
  summary: "Whether the control plane answers. Needs no token.",
  responses: { 200: answers("It does.", z.object({ ok: z.literal(true) })) },
});

const status = createRoute({
  method: "get",
  path: "/status",
  summary: "Everything that runs, and what is wrong.",
  responses: { 200: answers("The state now.", statusSchema), ...refusal },
});

export function addStatusRoutes(app: ApiApp, { controlPlane }: ApiInside): void {
  app.openapi(health, (context) => context.json({ ok: true as const }, 200));
  app.openapi(status, async (context) => {
    const view = await controlPlane.status();
    const { scope } = context.var.grant;
    const services = view.services.filter(({ service, environment }) => isWithinScope(scope, { service, environment }));
    return context.json({ ...view, services }, 200);
  });
}
