import { z } from "@hono/zod-openapi";

/** The header by which a question is known when it is asked again. */
export const requestKeyHeader = "idempotency-key";

const headerField: z.ZodType<string | undefined, string | undefined> = z
  .string()
  .regex(/^[\w-]{16,64}$/)
  .optional()
  .openapi({
    description:
      "A random text, new for each deploy. Asked again with the same one, because the answer was lost, it answers with what was begun then.",
  });

export const keyedHeaders: z.ZodObject<{ [requestKeyHeader]: typeof headerField }> = z.object({
  [requestKeyHeader]: headerField,
});

export function keyOf(headers: { readonly [requestKeyHeader]?: string | undefined }): { readonly requestKey?: string } {
  const requestKey = headers[requestKeyHeader];
  return requestKey === undefined ? {} : { requestKey };
}
