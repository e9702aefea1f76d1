import { createRoute, z } from "@hono/zod-openapi";
import { type ApiApp, type ApiInside, answers, body, refusal } from "./api-app.ts";
import { nameSchema } from "./schemas.ts";
import type { PreviewLink } from "./views.ts";

const weekSeconds = 7 * 24 * 3_600;

const link: z.ZodType<PreviewLink> = z
  .object({
    release: z.string(),
    host: z.string(),
    target: z.string(),
    redeemBefore: z.string(),
    lastsSeconds: z.int(),
    position: z.int(),
  })
  .openapi("PreviewLink");

const preview = createRoute({
  method: "post",
  path: "/services/{environment}/{service}/previews",
  summary: "Makes a link that lets whoever opens it first see a release before others do.",
  request: {
    params: z.object({ environment: nameSchema, service: nameSchema }),
    ...body(
      z.strictObject({
        release: z.string().max(200).nullable().default(null).openapi({ description: "By default the one that rolls out." }),
        lastsSeconds: z
          .int()
          .min(1)
          .max(weekSeconds)
          .default(8 * 3_600)
          .openapi({ description: "How long the cookie is good for." }),
      }),
    ),
  },
  responses: { 201: answers("The link; it is not shown again.", link), ...refusal },
});

const rotate = createRoute({
  method: "post",
  path: "/preview-keys",
  summary: "Makes new keys for links and cookies of previews.",
  request: body(z.strictObject({ isRevoking: z.boolean().default(false) })),
  responses: {
    201: answers("Ids of the keys that are checked by from now on.", z.object({ keys: z.array(z.string()), position: z.int() })),
    ...refusal,
  },
});

export function addPreviewRoutes(app: ApiApp, { controlPlane }: ApiInside): void {
  app.openapi(preview, async (context) => {
    const request = { ...context.req.valid("param"), ...context.req.valid("json") };
    return context.json(await controlPlane.preview(request, context.var.actor), 201);
  });
  app.openapi(rotate, async (context) => {
    const { keys, position } = await controlPlane.rotatePreviewKeys(context.req.valid("json"), context.var.actor);
    return context.json({ keys: [...keys], position }, 201);
  });
}
