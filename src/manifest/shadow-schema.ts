import * as z from "zod";
import type { ShadowSpec } from "../rollout/shadow.ts";
import { variableName } from "./config-contract.ts";

interface WrittenShadow {
  readonly credentials?: boolean | undefined;
  readonly config?: Readonly<Record<string, string | number | boolean | null>> | undefined;
  readonly ignore?: string[] | undefined;
}

/** What belay.yml says of copies of requests. Part of the one source in `schema.ts`. */
const scalar = z.union([z.string(), z.number(), z.boolean()]).transform(String);

const config = z
  .record(z.string().regex(variableName), z.union([scalar, z.null()]))
  .prefault({})
  .meta({
    title: "a map of variables",
    description: "What a shadow gets in place of the release's own values; null takes a variable away from it.",
    examples: ["{ MAIL: off, PAYMENT_KEY: null }"],
  });

const shadowObject = z.strictObject({
  credentials: z
    .boolean()
    .prefault(false)
    .meta({
      title: "true or false",
      description: "Copies keep the visitor's Cookie and Authorization. Left out, they are removed.",
      examples: ["true"],
    }),
  config,
  ignore: z
    .array(
      z
        .string()
        .regex(/^(status|answer|header [a-z-]+|body[^\0\r\n]{0,190})$/)
        .meta({
          title: "status, header and its name, or a field of the body",
          description: "A field as reports name it.",
          examples: ["body.startedAt"],
        }),
    )
    .max(100, "has more than 100 fields")
    .prefault([])
    .meta({
      title: "a list of fields",
      description: "Fields that are not compared, with all that is below them: those that are meant to differ.",
      examples: ["[body.version, header location]"],
    }),
});

export const shadowSchema: z.ZodType<ShadowSpec, WrittenShadow> = shadowObject;
