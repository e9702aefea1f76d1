import { createRoute, z } from "@hono/zod-openapi";
import { Hono } from "hono";
import type { ScrapeTarget } from "../control/scrape-targets.ts";
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

const scrapeTarget: z.ZodType<ScrapeTarget> = z
  .object({
    targets: z.array(z.string()),
    labels: z.object({ instance: z.string(), service: z.string(), environment: z.string(), release: z.string() }),
  })
  .openapi("ScrapeTarget");

const targets = createRoute({
  method: "get",
  path: "/targets",
  summary: "Addresses of all instances by release, for Prometheus' HTTP service discovery.",
  responses: {
    200: {
      description: "One group for each instance.",
      content: {
        "application/json": {
          schema: z.array(scrapeTarget),
        },
      },
    },
    ...refusal,
  },
});

export function addMetricsRoutes(app: ApiApp, { controlPlane }: ApiInside): void {
  app.openapi(metrics, (context) =>
    context.text(writeMetrics(controlPlane.metrics()), 200, { "content-type": metricsContentType }),
  );
  app.openapi(targets, (context) => context.json([...controlPlane.scrapeTargets()], 200));
}

/** What the listener of `belay up --metrics` serves: `GET /metrics` and `GET /targets` for whoever reaches it, and nothing else. */
export function createMetricsApp({
  controlPlane,
  log,
}: Pick<ApiInside, "controlPlane" | "log">): Pick<Hono, "fetch" | "request"> {
  const app = new Hono();
  app.onError((error, context) => answerError(error, context, log));
  app.notFound(() => {
    throw new BelayError({
      code: "BELAY_API_NOT_FOUND",
      message: "this listener has GET /metrics, GET /targets and nothing else",
      next: "Ask for one of the two, or ask the API: its routes are in /api/v1/openapi.json.",
    });
  });
  app.get("/metrics", (context) =>
    context.text(writeMetrics(controlPlane.metrics()), 200, { "content-type": metricsContentType, "cache-control": "no-store" }),
  );
  app.get("/targets", (context) => context.json([...controlPlane.scrapeTargets()], 200, { "cache-control": "no-store" }));
  return app;
}
