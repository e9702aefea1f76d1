import * as z from "zod";
import { type ConfigSource, type ConfigVariable, variableName } from "./config-contract.ts";

/** The keys of belay.yml about configuration. Part of the one source in `schema.ts`. */
const scalar = z.union([z.string(), z.number(), z.boolean()]).transform(String);
const flag = (description: string) =>
  z
    .boolean()
    .prefault(false)
    .meta({ title: "true or false", description, examples: ["true"] });
const bound = (description: string) =>
  z
    .number()
    .meta({ title: "a number", description, examples: [1] })
    .optional();

const variable = z.strictObject({
  type: z
    .enum(["string", "int", "number", "bool", "url"])
    .prefault("string")
    .meta({ title: "string, int, number, bool or url", description: "What the value must be.", examples: ["url"] }),
  required: z
    .boolean()
    .prefault(true)
    .meta({
      title: "true or false",
      description: "Whether a release may start without it.",
      examples: ["false"],
    }),
  secret: flag("Kept encrypted, masked in output, shown as a fingerprint. Set with `belay secret set`."),
  differs: z
    .boolean()
    .meta({
      title: "true or false",
      description: "`true`: no two environments may have the same value. `false`: a secret may be the same in two on purpose.",
      examples: ["true"],
    })
    .optional(),
  local: flag("An address of the machine itself (`localhost`) is meant, in production too."),
  enum: z
    .array(scalar)
    .min(1, "is empty: name at least one value")
    .max(100, "has more than 100 values")
    .meta({ title: "a list of values", description: "The values that are allowed.", examples: ["[eu, us]"] })
    .optional(),
  pattern: z
    .string()
    .min(1)
    .max(1000, "is longer than 1000 characters")
    .refine(isPattern, "is not a regular expression that JavaScript knows")
    .meta({ title: "a regular expression", description: "The whole value must match it.", examples: ["sk_live_.+"] })
    .optional(),
  min: bound("Smallest number, or least characters."),
  max: bound("Largest number, or most characters."),
  default: scalar
    .meta({ title: "a value", description: "Taken where an environment names no source.", examples: ["2000"] })
    .optional(),
});

type Written = Readonly<Record<string, unknown>>;

export const configSchema: z.ZodType<Readonly<Record<string, ConfigVariable>>, Written> = z.record(
  z.string().regex(variableName),
  variable.meta({ title: "a map of keys", examples: ["{ type: url, secret: true }"] }).transform(toVariable),
);

const source = z.strictObject({
  from: z
    .enum(["secret", "env"])
    .meta({
      title: "secret or env",
      description: "`secret`: what `belay secret set` keeps. `env`: the environment of whoever runs `belay deploy`.",
      examples: ["secret"],
    })
    .optional(),
  value: scalar.meta({ title: "a value", description: "The value itself.", examples: ["2000"] }).optional(),
  command: z
    .string()
    .regex(/^(?=[^\0]*\S)[^\0]{1,10000}$/)
    .meta({
      title: "a command line",
      description: "Its output is the value; it runs where Belay runs, at each deploy.",
      examples: ["cat /etc/shop/api-key"],
    })
    .optional(),
});

export const sourcesSchema: z.ZodType<Readonly<Record<string, ConfigSource>>, Written> = z.record(
  z.string().regex(variableName),
  source.meta({ title: "a map of keys", examples: ["{ from: secret }"] }).transform(toSource),
);

export const buildSecretsSchema: z.ZodType<string[], string[]> = z
  .array(
    z
      .string()
      .regex(variableName)
      .meta({
        title: "the name of a secret",
        description: "Its value is in the file that `<name>_FILE` names, for the build alone.",
        examples: ["NPM_TOKEN"],
      }),
  )
  .max(100, "has more than 100 secrets")
  .meta({
    title: "a list of names",
    description: "Secrets that the build finds as files, kept in memory; `<NAME>_FILE` says where. Set with `belay secret set`.",
    examples: ["[NPM_TOKEN]"],
  });

function toVariable(written: z.output<typeof variable>): ConfigVariable {
  return {
    type: written.type,
    isRequired: written.required,
    isSecret: written.secret,
    differs: written.differs ?? null,
    isLocal: written.local,
    oneOf: written.enum ?? null,
    pattern: written.pattern ?? null,
    min: written.min ?? null,
    max: written.max ?? null,
    fallback: written.default ?? null,
  };
}

/** `checkMeaning` has seen to it that each names one source. */
function toSource({ from, value, command }: z.output<typeof source>): ConfigSource {
  if (command !== undefined) return { kind: "command", command };
  return value === undefined ? { kind: from ?? "secret" } : { kind: "value", value };
}

function isPattern(text: string): boolean {
  try {
    return new RegExp(text, "v").source !== "";
  } catch (cause) {
    if (cause instanceof SyntaxError) return false;
    throw cause;
  }
}
