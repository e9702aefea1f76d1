import { createRoute, z } from "@hono/zod-openapi";
import { type ApiApp, type ApiInside, answers, refusal } from "./api-app.ts";
import { chunksOf } from "./upload.ts";

const sha256 = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .openapi({ description: "sha256 in the bundle's first line." });

const bundles = createRoute({
  method: "post",
  path: "/bundles",
  summary: "Takes in a bundle that `belay build` wrote, sent as application/octet-stream; it is kept whole or not at all.",
  request: { headers: z.object({ "belay-bundle": sha256 }) },
  responses: { 200: answers("The bundle is kept.", z.object({ sha256, digest: z.string() })), ...refusal },
});

export function addBundleRoutes(app: ApiApp, { releases }: ApiInside): void {
  app.openapi(bundles, async (context) => {
    const bundle = chunksOf(context.req.raw.body);
    const received = await releases.receiveBundle({ sha256: context.req.valid("header")["belay-bundle"], bundle });
    return context.json({ sha256: received.sha256, digest: received.digest }, 200);
  });
}
