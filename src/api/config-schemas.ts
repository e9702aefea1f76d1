import { z } from "@hono/zod-openapi";
import type { ConfigView, SecretView } from "./views.ts";

/** The documents about configuration. No answer has a field for the value of a secret. */
export const secretValuesSchema: z.ZodType<Record<string, string>, Record<string, string>> = z
  .record(z.string().max(128), z.string())
  .openapi({ type: "object", additionalProperties: { type: "string" } });

const secret: z.ZodType<SecretView> = z
  .object({
    name: z.string(),
    version: z.int(),
    fingerprint: z.string().nullable().openapi({ description: "The same for the same value; null once it was unset." }),
    by: z.string(),
    at: z.string(),
  })
  .openapi("Secret");

export const secretsSchema: z.ZodType<readonly SecretView[]> = z.array(secret);

export const configSchema: z.ZodType<ConfigView> = z
  .object({
    release: z.string(),
    version: z.string(),
    resolved: z.object({ by: z.string(), at: z.string() }),
    values: z.array(
      z.object({
        name: z.string(),
        isSecret: z.boolean(),
        value: z.string().nullable().openapi({ description: "Null for a secret." }),
        fingerprint: z.string(),
        source: z.enum(["value", "env", "secret", "command"]),
        by: z.string(),
        at: z.string(),
      }),
    ),
  })
  .openapi("Config");
