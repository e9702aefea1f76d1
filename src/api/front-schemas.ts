import { z } from "@hono/zod-openapi";
import { turnedAwayBy } from "../routing/front-counts.ts";
import type { ServiceView, StatusView } from "./views.ts";

const count = z.int().nonnegative();

export const heldSchema: z.ZodType<ServiceView["held"]> = z
  .object({ waiting: count, held: count, expired: count, overflowed: count })
  .openapi({
    description:
      "Requests that found no instance: waiting now; since the workers' start held, of those in vain, and not held for want of room.",
  });

export const withoutClientSchema: z.ZodType<ServiceView["withoutClient"]> = z.object({ requests: count, of: count }).openapi({
  description: "Requests of trusted proxies that did not say for whom, and of how many in all, since the workers' start.",
});

export const turnedAwaySchema: z.ZodType<StatusView["turnedAway"]> = z
  .partialRecord(z.enum(turnedAwayBy), count)
  .openapi({ description: "Clients that were turned away or let go since the workers' start, by why." });
