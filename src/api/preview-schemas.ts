import { z } from "@hono/zod-openapi";
import type { ServiceView } from "./views.ts";

export const previewSchema: z.ZodType<ServiceView["previews"][number]> = z.object({
  release: z.string(),
  by: z.string(),
  madeAt: z.string(),
  redeemedAt: z.string().nullable(),
  until: z.string().openapi({ description: "When the link, or the cookie that it was exchanged for, ends." }),
});
