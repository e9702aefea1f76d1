import * as z from "zod";
import type { Route } from "../rollout/rollout.ts";
import { networkSchema } from "./cohort-schema.ts";
import type { ConfigSource } from "./config-contract.ts";
import { sourcesSchema } from "./config-schema.ts";
import { dnsLabel, duration, pathPattern, text } from "./leaves.ts";
import type { EnvironmentOfManifest } from "./manifest.ts";

interface EnvironmentShape {
  readonly trustedProxies: readonly string[];
  readonly routes?: readonly (Omit<Route, "hedgeMs"> & { readonly hedge?: number | undefined })[] | undefined;
  readonly config: Readonly<Record<string, ConfigSource>>;
  readonly after?: string | undefined;
  readonly approvals?: { readonly people: number; readonly from: readonly string[]; readonly lastFor: number } | undefined;
}

/** As tokens are named. */
const principalName = /^[A-Za-z0-9][\w.@+-]{0,99}$/;

const approvals = z.strictObject({
  people: z
    .int()
    .min(1, "is too few: at least 1")
    .max(10, "is too many: at most 10")
    .prefault(1)
    .meta({ title: "a whole number", description: "How many different people have to approve a rollout.", examples: [1] }),
  from: z
    .array(
      text(principalName, "the name of a principal", { description: "As `belay token create` named it.", examples: ["bob"] }),
    )
    .min(1, "is empty, so that nobody could approve")
    .max(50, "has more than 50 names")
    .meta({
      title: "a list of names",
      description: "Who may approve; everybody with the role approver when left out.",
      examples: ["[bob, cleo]"],
    })
    .optional()
    .transform((names) => names ?? []),
  lastFor: duration({ description: "How long an approval counts.", examples: ["24h"] }, { atLeastMs: 1_000 }).prefault("24h"),
});

const hostPattern = /^(\*|(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*)$/;

const route = z.strictObject({
  host: text(hostPattern, 'a host name in lower case without port, or "*" for any', {
    description: "Host name that visitors use.",
    examples: ["shop.example.com", '"*"'],
  }),
  path: text(pathPattern, "a path prefix", { description: "Path prefix; / is everything.", examples: ["/", "/api"] }).prefault(
    "/",
  ),
  idempotent: z
    .union([z.literal(true), z.literal("key")])
    .meta({
      title: "true or key",
      description:
        "Requests that may be sent twice besides GET, HEAD and OPTIONS: all (`true`), or those with an Idempotency-Key header (`key`). Stable answers them when a new release fails them.",
      examples: ["true", "key"],
    })
    .optional(),
  shield: z
    .enum(["off"])
    .meta({
      title: "off",
      description: "Visitors see what a new release fails here, also of GET, HEAD and OPTIONS.",
      examples: ["off"],
    })
    .optional(),
  effects: z
    .enum(["none", "writes"])
    .meta({
      title: "none or writes",
      description:
        "That requests here change nothing, send nothing and cost nothing: no request at all has effects (`none`), or only others than GET, HEAD and OPTIONS (`writes`). A step with a shadow copies these.",
      examples: ["none", "writes"],
    })
    .optional(),
  hedge: duration(
    {
      description:
        "After so long without an answer another instance is asked as well, and the first answer is taken: GET, HEAD and OPTIONS without a body, of one request in twenty, while no release is compared or watched. Left out: never.",
      examples: ["200ms"],
    },
    { atLeastMs: 10, atMostMs: 60_000 },
  ).optional(),
});

/** A service in one environment: who reaches it there, and where its variables come from. Part of the one source in `schema.ts`. */
export const environmentSchema: z.ZodType<EnvironmentShape> = z.strictObject({
  trustedProxies: z
    .array(networkSchema)
    .max(100, "has more than 100 networks")
    .prefault([])
    .meta({
      title: "a list of networks",
      description: "Proxies in front of Belay, by address: only what they say of a client in X-Forwarded-* counts.",
      examples: ["[10.0.0.0/8]"],
    }),
  routes: z
    .array(route)
    .min(1, "is empty, so that no visitor would reach the service")
    .max(1000, "has more than 1000 routes")
    .meta({
      title: "a list of routes",
      description: "What of the incoming traffic belongs to the service.",
      examples: ["[{ host: shop.example.com }]"],
    })
    .optional(),
  config: sourcesSchema.prefault({}).meta({
    title: "a map of variables",
    description: "Where the variables that `config` declares come from in this environment.",
    examples: ["{ DATABASE_URL: { from: secret } }"],
  }),
  approvals: approvals
    .meta({
      title: "a map of keys",
      description:
        "Before anything of a release runs here, others than who asked for it and who wrote it approve. Nobody has to when left out.",
      examples: ["{ people: 1, from: [bob, cleo] }"],
    })
    .optional(),
  after: text(dnsLabel, "the name of another environment, or none", {
    description:
      "Environment in which the same bundle must have passed first, or none. Left out, staging comes before production when there is one.",
    examples: ["staging"],
  }).optional(),
});

/** What an environment says by itself. */
export function toEnvironment({
  routes,
  trustedProxies,
  config,
  approvals,
}: EnvironmentShape): Pick<EnvironmentOfManifest, "routes" | "trustedProxies" | "config" | "approvals"> {
  return {
    routes: (routes ?? []).map(({ path, hedge, ...route }) => ({
      ...route,
      path: withoutTrailingSlash(path),
      ...(hedge === undefined ? {} : { hedgeMs: hedge }),
    })),
    trustedProxies,
    config,
    approvals: approvals === undefined ? null : { people: approvals.people, from: approvals.from, lastsMs: approvals.lastFor },
  };
}

/** `/api/` and `/api` route alike; `/` stays. */
export function withoutTrailingSlash(path: string): string {
  return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}
