import * as z from "zod";
import type { OnFail, Plan } from "../rollout/rollout.ts";
import { variableName } from "./config-contract.ts";
import { duration, text } from "./leaves.ts";

/** The key of belay.yml about figures that others keep. Part of the one source in `schema.ts`. */
const sourceName = /^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/;
/** No user, no query: what is written here stands in the ledger for ever. */
const baseUrl = /^https?:\/\/(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(:[0-9]{1,5})?(\/[A-Za-z0-9._~/-]*)?$/;
/** Asks for one release, and has no other placeholder than those that are known. */
const expression = /^(?=[\s\S]*\{\{\s*release\s*\}\})(?:(?!\{\{)[^\0]|\{\{\s*(?:release|service|environment)\s*\}\}){1,2000}$/;

function counter(description: string, example: string): z.ZodType<string, string> {
  return text(expression, "an expression of Prometheus with {{release}}", { description, examples: [example] });
}

const source = z.strictObject({
  prometheus: text(baseUrl, "the address of a Prometheus", {
    description: "Where it answers, without user and query.",
    examples: ["http://127.0.0.1:9090"],
  }),
  bad: counter(
    "A counter of what ended badly; {{release}}, {{service}} and {{environment}} are filled in.",
    "payments_failed_total{release='{{release}}'}",
  ),
  of: counter("A counter of everything that ended, of the same processes.", "payments_total{release='{{release}}'}"),
  every: duration(
    { description: "How often it is asked. Not less than it scrapes.", examples: ["15s"] },
    { atLeastMs: 500, atMostMs: 600_000 },
  ).prefault("15s"),
  timeout: duration(
    { description: "Time for an answer; a later one counts as none.", examples: ["5s"] },
    { atLeastMs: 100, atMostMs: 60_000 },
  ).prefault("5s"),
  token: text(variableName, "the name of a secret", {
    description: "A secret that is sent to it as a bearer token. Set with `belay secret set`; instances do not get it.",
    examples: ["PROMETHEUS_TOKEN"],
  }).optional(),
  onFail: z
    .enum(["rollback", "hold", "notify"])
    .prefault("notify")
    .meta({
      title: "rollback, hold or notify",
      description: "What follows when it went badly more often on the release than on stable.",
      examples: ["hold"],
    }),
  required: z
    .boolean()
    .prefault(false)
    .meta({
      title: "true or false",
      description: "Whether no step by weight ends while it says nothing of the two releases.",
      examples: ["true"],
    }),
});

type Written = Readonly<Record<string, unknown>>;

interface SourceOfManifest {
  readonly prometheus: string;
  readonly bad: string;
  readonly of: string;
  readonly every: number;
  readonly timeout: number;
  readonly token?: string | undefined;
  readonly onFail: OnFail;
  readonly required: boolean;
}
export type SourcesOfManifest = Readonly<Record<string, SourceOfManifest>>;

export const sourcesSchema: z.ZodType<SourcesOfManifest, Written> = z
  .record(
    z.string().regex(sourceName),
    source.meta({
      title: "a map of keys",
      examples: [
        "{ prometheus: 'http://127.0.0.1:9090', bad: \"failed_total{release='{{release}}'}\", of: \"all_total{release='{{release}}'}\" }",
      ],
    }),
  )
  .refine((all) => Object.keys(all).length <= 8, "has more than 8 sources")
  .meta({
    title: "a map of sources",
    description:
      "Counters of the service itself that a Prometheus keeps by release, by name (a-z, 0-9 and -): compared beside what Belay counts.",
    examples: [
      "{ payments: { prometheus: 'http://127.0.0.1:9090', bad: \"failed_total{release='{{release}}'}\", of: \"all_total{release='{{release}}'}\" } }",
    ],
  });

/** As the plan has them; nothing when there is none. */
export function toSources(
  written: SourcesOfManifest,
): Pick<Plan, "sources"> & { readonly onFail: Record<`source:${string}`, OnFail> } {
  const named = Object.entries(written);
  const onFail = Object.fromEntries(named.map(([name, { onFail: end }]) => [`source:${name}`, end]));
  if (named.length === 0) return { onFail };
  const sources = named.map(([name, { prometheus, bad, of, every, timeout, token, required }]) => ({
    name,
    prometheus,
    bad,
    of,
    everyMs: every,
    timeoutMs: timeout,
    ...(token === undefined ? {} : { token }),
    isRequired: required,
  }));
  return { sources, onFail };
}
