import { createRoute, z } from "@hono/zod-openapi";
import { Hono } from "hono";
import { BelayError } from "../errors.ts";
import { type ApiApp, type ApiInside, refusal } from "./api-app.ts";
import { answerError } from "./api-error.ts";
import { metricsContentType, writeMetrics } from "./metrics-text.ts";

const metrics = createRoute({
  method: "get",
  path: "/metrics",
  summary: "Metrics in Prometheus' text format.",
  responses: {
    200: { description: "All of them, now.", content: { "text/plain": { schema: z.string() } } },
    ...refusal,
  },
});

export function addMetricsRoutes(app: ApiApp, { controlPlane }: ApiInside): void {
  app.openapi(metrics, (context) =>
    context.text(writeMetrics(controlPlane.metrics()), 200, { "content-type": metricsContentType }),
  );
}

/** What the listener of `belay up --metrics` serves: `GET /metrics` for whoever reaches it, and nothing else. */
export function createMetricsApp({
  controlPlane,
  log,
}: Pick<ApiInside, "controlPlane" | "log">): Pick<Hono, "fetch" | "request"> {
  const app = new Hono();
  app.onError((error, context) => answerError(error, context, log));
  app.notFound(() => {
    throw new BelayError({
      code: "BELAY_API_NOT_FOUND",
      message: "this listener has GET /metrics and nothing else",
      next: "Ask for /metrics, or ask the API: its routes are in /api/v1/openapi.json.",
    });
  });
  app.get("/metrics", (context) =>
    context.text(writeMetrics(controlPlane.metrics()), 200, { "content-type": metricsContentType, "cache-control": "no-store" }),
  );
  return app;
}
