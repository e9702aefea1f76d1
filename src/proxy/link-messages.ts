import { z } from "zod";
import { hedgeEvents, turnedAwayBy } from "../routing/front-counts.ts";
import { countedMethods } from "../routing/path-tree.ts";
import type { RoutingTable } from "../routing/table.ts";
import { headBoundsMs } from "../routing/tallies.ts";
import type { FromWorker, ToWorker } from "../routing/wire.ts";

const whole = z.int().nonnegative();
const target = z.object({ instance: z.string(), host: z.string(), port: z.int().min(1).max(65_535) });
const pool = z.object({ release: z.string(), targets: z.array(target) });
const weight = z.int().min(0).max(10_000);

const texts = z.record(z.string(), z.string()).optional();
const cohortRule = z.object({
  isMember: z.boolean(),
  isOpen: z.boolean(),
  network: z.string().optional(),
  headers: texts,
  cookies: texts,
  query: texts,
  path: z.string().startsWith("/").optional(),
});

const exposure = z.object({
  rollout: z.string(),
  epoch: whole,
  canary: pool,
  weight,
  salt: z.string(),
  leaseTtlMs: z.number().nonnegative(),
  cohorts: z.array(z.object({ name: z.string(), rules: z.array(cohortRule) })).optional(),
  unit: z.literal("request").optional(),
});

const kpiRoute = { method: z.string(), path: z.string().startsWith("/") };
const kpiRule = z.object({
  name: z.string(),
  good: z.object({ ...kpiRoute, statusFrom: whole, statusTo: whole }).nullable(),
  of: z.object(kpiRoute).nullable(),
});

const serviceRoute = z.object({
  service: z.string(),
  environment: z.string(),
  routes: z.array(
    z.object({
      host: z.string(),
      path: z.string().startsWith("/"),
      idempotent: z.union([z.literal(true), z.literal("key")]).optional(),
      shield: z.literal("off").optional(),
      effects: z.enum(["none", "writes"]).optional(),
      hedgeMs: z.number().positive().optional(),
    }),
  ),
  stable: pool,
  exposure: exposure.nullable(),
  shadow: z
    .object({
      rollout: z.string(),
      release: z.string(),
      pool,
      share: weight,
      credentials: z.boolean(),
      ignore: z.array(z.string()),
    })
    .optional(),
  watch: z.object({ rollout: z.string(), epoch: whole }).nullable(),
  responseDeadlineMs: z.number().positive(),
  slowAfterMs: z.number().positive().optional(),
  kpis: z.array(kpiRule).optional(),
  assets: z
    .array(
      z.object({
        path: z.string().startsWith("/"),
        sources: z.array(z.object({ digest: z.string().regex(/^[0-9a-f]{64}$/), folder: z.string() })),
      }),
    )
    .optional(),
  previews: z.array(pool).optional(),
  trustedProxies: z.array(z.string()).optional(),
  expose: z.enum(["all", "previews"]),
  maintenance: z.object({ message: z.string() }).optional(),
});

const direct = z.object({
  service: z.string(),
  environment: z.string(),
  release: z.string(),
  at: z.string(),
  by: z.string(),
  reason: z.string(),
});

const previewKey = z.object({
  purpose: z.enum(["link", "cookie"]),
  id: z.string().regex(/^[\w-]{1,40}$/),
  publicKey: z.string().regex(/^[\w-]{43}$/),
});

const routingTable = z.object({
  epoch: whole,
  services: z.array(serviceRoute),
  previewKeys: z.array(previewKey).optional(),
  direct: z.array(direct).optional(),
});

const brake = z.object({
  service: z.string(),
  environment: z.string(),
  rollout: z.string(),
  exposureEpoch: whole,
  by: z.enum(["lease", "health", "budget"]),
});

const counter = z.object({
  service: z.string(),
  environment: z.string(),
  rollout: z.string(),
  release: z.string(),
  arm: z.enum(["stable", "canary", "cohort", "preview"]),
  weight,
  route: z.string(),
  outcome: z.enum(["ok", "failed", "excluded"]),
  isHarm: z.boolean(),
  shield: z.enum(["covered", "replayed", "not-repeatable", "switched-off", "too-large", "budget-spent"]).optional(),
  isSlow: z.literal(true).optional(),
  count: whole,
});

const recorded = {
  kind: z.enum(["exposed", "failed", "harmed", "served", "timed", "reached", "converted"]),
  rollout: z.string(),
  unit: z.string().length(16),
  weight,
  exposureEpoch: whole,
  atMs: z.number(),
  tookMs: z.number().nonnegative().optional(),
  kpi: z.string().optional(),
  visitor: z.string().length(16).optional(),
};
const unitRecord = z.union([
  z.object({ ...recorded, arm: z.enum(["stable", "canary"]) }),
  z.object({ ...recorded, arm: z.enum(["cohort", "outside"]) }),
]);

const refusal = z.enum(["forged", "expired", "foreign", "replayed"]);

const tally = z.object({
  service: z.string(),
  environment: z.string(),
  release: z.string(),
  arm: z.enum(["stable", "canary", "cohort", "preview"]),
  answers: z.array(
    z.object({
      outcome: z.enum(["ok", "failed", "excluded"]),
      status: z.enum(["1xx", "2xx", "3xx", "4xx", "5xx", "none"]),
      isShielded: z.boolean(),
      count: whole,
    }),
  ),
  heads: z.array(whole).length(headBoundsMs.length + 1),
  headsSumMs: z.number().nonnegative(),
  ejections: whole,
});

const dropped = z.object({ full: whole, slow: whole, rate: whole, large: whole, stable: whole });
const fieldCount = z.object({
  field: z.string().max(200),
  how: z.enum(["added", "missing", "type", "value", "length", "order"]),
  shadow: whole,
  stable: whole,
  example: z.string().max(200),
});
const shadowTally = z.object({
  service: z.string(),
  environment: z.string(),
  rollout: z.string(),
  release: z.string(),
  mirrored: whole,
  differing: whole,
  untold: whole,
  dropped,
  routes: z.array(z.object({ route: z.string(), compared: whole, pairs: whole, fields: z.array(fieldCount) })),
});

const pathTally = z.object({
  service: z.string(),
  environment: z.string(),
  forMs: whole,
  paths: z.array(
    z.object({
      host: z.string().max(253),
      path: z.string().startsWith("/").max(400),
      methods: z.partialRecord(z.enum(countedMethods), whole),
      cookies: whole,
    }),
  ),
});

const fromWorker = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("hello"),
    protocol: whole,
    worker: z.string(),
    boot: z.string(),
    pid: whole,
    epoch: whole,
    brakes: z.array(brake),
  }),
  z.object({ kind: z.literal("ack"), epoch: whole }),
  z.object({ kind: z.literal("redeem"), request: whole, link: z.string() }),
  z.object({
    kind: z.literal("report"),
    sequence: whole,
    sentAtMs: z.number(),
    counters: z.array(counter),
    records: z.array(unitRecord),
    settledUntilMs: z.number(),
    openOnStable: z
      .array(
        z.object({
          rollout: z.string(),
          requests: z.array(z.object({ unit: z.string(), weight, atMs: z.number() })),
          knownUntilMs: z.number(),
        }),
      )
      .optional(),
    lostRecords: whole,
    brakes: z.array(brake),
    newVisitors: z.array(z.object({ service: z.string(), environment: z.string(), count: whole })),
    previewRefusals: z.array(z.object({ service: z.string(), environment: z.string(), why: refusal, count: whole })).optional(),
    tallies: z.array(tally).optional(),
    shadows: z.array(shadowTally).optional(),
    paths: z.array(pathTally).optional(),
    front: z
      .object({
        connections: whole,
        turnedAway: z.array(z.object({ by: z.enum(turnedAwayBy), count: whole })),
        holds: z.array(
          z.object({
            service: z.string(),
            environment: z.string(),
            waiting: whole,
            held: whole,
            expired: whole,
            overflowed: whole,
          }),
        ),
        hedges: z.array(z.object({ service: z.string(), environment: z.string(), what: z.enum(hedgeEvents), count: whole })),
        withoutClient: z.array(z.object({ service: z.string(), environment: z.string(), count: whole })).optional(),
        certificates: z
          .object({ served: z.array(z.object({ name: z.string(), endsAtMs: z.number() })), unusable: whole })
          .optional(),
      })
      .optional(),
    inFlight: z.record(z.string(), whole),
  }),
]);

const toWorker = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("welcome"), protocol: whole }),
  z.object({ kind: z.literal("refused"), reason: z.string() }),
  z.object({ kind: z.literal("table"), table: routingTable }),
  z.object({ kind: z.literal("lease"), epoch: whole, ttlMs: z.number().nonnegative() }),
  z.object({
    kind: z.literal("redeemed"),
    request: whole,
    redemption: z.discriminatedUnion("kind", [
      z.object({ kind: z.literal("accepted"), cookie: z.string(), lastsSeconds: whole }),
      z.object({ kind: z.literal("refused"), why: refusal }),
      z.object({ kind: z.literal("unavailable") }),
    ]),
  }),
  z.object({ kind: z.literal("kept"), sequence: whole }),
]);

/** Null for anything that is no message of a worker. */
export function parseFromWorker(message: unknown): FromWorker | null {
  return fromWorker.safeParse(message).data ?? null;
}

/** Null for anything that is no message to a worker. */
export function parseToWorker(message: unknown): ToWorker | null {
  return toWorker.safeParse(message).data ?? null;
}

/** Null for anything that is no routing table. */
export function parseRoutingTable(value: unknown): RoutingTable | null {
  return routingTable.safeParse(value).data ?? null;
}
