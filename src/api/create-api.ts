import { OpenAPIHono } from "@hono/zod-openapi";
import { bodyLimit } from "hono/body-limit";
import { BelayError } from "../errors.ts";
import { type ApiEnv, authorize } from "./access.ts";
import type { ApiApp, ApiInside } from "./api-app.ts";
import { answerError, toBody } from "./api-error.ts";
import { addApprovalRoutes } from "./approval-routes.ts";
import { addBundleRoutes } from "./bundle-routes.ts";
import { addConfigRoutes } from "./config-routes.ts";
import { type ApiAuth, guard, takesBytes } from "./guard.ts";
import { addLedgerRoutes } from "./ledger-routes.ts";
import { addLogRoutes } from "./log-routes.ts";
import { addMaintenanceRoutes } from "./maintenance-routes.ts";
import { addMetricsRoutes } from "./metrics-routes.ts";
import { addPathRoutes } from "./path-routes.ts";
import { addPlanRoutes } from "./plan-routes.ts";
import { addPolicyRoutes } from "./policy-routes.ts";
import { addPreviewRoutes } from "./preview-routes.ts";
import { addRepositoryRoutes } from "./repository-routes.ts";
import { addRolloutRoutes } from "./rollout-routes.ts";
import { addRunRoutes } from "./run-routes.ts";
import { addSloRoutes } from "./slo-routes.ts";
import { addStatusRoutes } from "./status-routes.ts";
import { addTokenRoutes } from "./token-routes.ts";

/** What the OpenAPI document opens with. */
export const openApiHead: { readonly openapi: string; readonly info: { readonly title: string; readonly version: string } } = {
  openapi: "3.1.0",
  info: { title: "Belay", version: "1" },
};

const jsonBytesMax = 64 * 1024;

export interface CreateApiOptions extends ApiInside {
  readonly auth: ApiAuth;
  /** For tests: a smaller limit than 512 MiB. */
  readonly packBytesMax?: number;
}

/** The HTTP API under /api/v1. One app per listener, because who may ask depends on where. */
export function createApi({ auth, packBytesMax, ...inside }: CreateApiOptions): ApiApp {
  const app = new OpenAPIHono<ApiEnv>({
    defaultHook: (result) => {
      if (!result.success) throw badRequest(result.error.issues);
    },
  }).basePath("/api/v1");
  app.onError((error, context) => answerError(error, context, inside.log));
  app.notFound((context) => context.json(toBody(notFound(context.req.method, context.req.path)), 404));
  app.use("*", guard(auth, inside.principals));
  app.use("*", authorize(inside, notFound));
  app.use("*", async (context, next) => {
    await next();
    context.header("cache-control", "no-store");
    context.header("x-content-type-options", "nosniff");
  });
  const limit = bodyLimit({ maxSize: jsonBytesMax, onError: () => Promise.reject(bodyTooLarge()) });
  app.use("*", (context, next) => (takesBytes(context.req.path) ? next() : limit(context, next)));
  addStatusRoutes(app, inside);
  addMetricsRoutes(app, inside);
  addBundleRoutes(app, inside);
  addRepositoryRoutes(app, inside, packBytesMax);
  addRolloutRoutes(app, inside);
  addLedgerRoutes(app, inside);
  addLogRoutes(app, inside);
  addSloRoutes(app, inside);
  addPathRoutes(app, inside);
  addPlanRoutes(app, inside);
  addMaintenanceRoutes(app, inside);
  addRunRoutes(app, inside);
  addPreviewRoutes(app, inside);
  addConfigRoutes(app, inside);
  addApprovalRoutes(app, inside);
  addPolicyRoutes(app, inside);
  addTokenRoutes(app, inside);
  app.doc31("/openapi.json", openApiHead);
  return app;
}

function badRequest(issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[]): BelayError {
  const words = issues
    .map(({ path, message }) => (path.length === 0 ? message : `${path.map(String).join(".")}: ${message}`))
    .join("; ");
  return new BelayError({
    code: "BELAY_API_BAD_REQUEST",
    message: `the request is not what this route takes: ${words.slice(0, 1000)}`,
    next: "Send what /api/v1/openapi.json describes.",
  });
}

function bodyTooLarge(): BelayError {
  return new BelayError({
    code: "BELAY_API_BODY_TOO_LARGE",
    message: `the request's body is larger than ${jsonBytesMax} bytes`,
    next: "Send a smaller body.",
  });
}

function notFound(method: string, path: string): BelayError {
  return new BelayError({
    code: "BELAY_API_NOT_FOUND",
    message: `there is no ${method} ${path.slice(0, 200)}`,
    next: "Look up the routes in /api/v1/openapi.json.",
  });
}
