import { createRoute, z } from "@hono/zod-openapi";
import { type ApiApp, type ApiInside, answers, refusal } from "./api-app.ts";
import { chainedEntrySchema, checkpointSchema } from "./schemas.ts";

/** A client reads the log in pages of this many entries at most. */
export const entriesPerPageMax = 1000;

const entries = createRoute({
  method: "get",
  path: "/entries",
  summary: "Entries of the ledger with their chain values, in order.",
  request: {
    query: z.object({
      after: z.coerce.number().int().min(0).default(0).openapi({ description: "Position after which to read." }),
      limit: z.coerce.number().int().min(1).max(entriesPerPageMax).default(entriesPerPageMax),
      rollout: z.string().max(200).optional(),
    }),
  },
  responses: { 200: answers("A page of entries.", z.object({ entries: z.array(chainedEntrySchema) })), ...refusal },
});

const checkpoint = createRoute({
  method: "get",
  path: "/checkpoint",
  summary: "A signed statement of where the log stands, for witnesses outside of the machine.",
  responses: { 200: answers("The checkpoint.", checkpointSchema), ...refusal },
});

export function addLedgerRoutes(app: ApiApp, { controlPlane }: ApiInside): void {
  app.openapi(entries, (context) => {
    const { after, limit, rollout } = context.req.valid("query");
    const page = controlPlane.history({ afterPosition: after, limit, ...(rollout === undefined ? {} : { rollout }) });
    return context.json({ entries: [...page] }, 200);
  });
  app.openapi(checkpoint, (context) => context.json(controlPlane.checkpoint(), 200));
}
