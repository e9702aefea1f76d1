import * as z from "zod";
import { changeForm, changeRulesOf } from "./change-schema.ts";
import { calendarOf, checks, freezes, windows } from "./checks-schema.ts";
import { cohortsSchema } from "./cohort-schema.ts";
import { toCohortRule } from "./cohorts.ts";
import { buildSecretsSchema, configSchema } from "./config-schema.ts";
import { environmentBefore } from "./environment-order.ts";
import { environmentSchema, toEnvironment, withoutTrailingSlash } from "./environment-schema.ts";
import { kpisSchema, toKpis } from "./kpi-schema.ts";
import { dnsLabel, duration, memory, pathPattern, percent, shellCommand, text } from "./leaves.ts";
import type { EnvironmentOfManifest, Manifest } from "./manifest.ts";
import { processes, toProcesses } from "./processes.ts";
import { holdbackWeight, onFailsSchema, sloSchema, stepSchema, toObjectives, toSteps } from "./rollout-schema.ts";
import { shadowSchema } from "./shadow-schema.ts";
import { sourcesSchema, toSources } from "./sources-schema.ts";

/**
 * The one source of belay.yml: types, checks and the JSON Schema for editors come from here. Each leaf's `title` and
 * `examples` are also what an error says to write, so that message, schema and documentation cannot disagree.
 */
const minute = 60_000;
const hour = 60 * minute;

const run = z.strictObject({
  command: text(shellCommand, "a command line", {
    description: "Shell command line that starts one instance. It gets PORT and HOST and listens there.",
    examples: ["node server.js"],
  }),
  instances: z
    .int()
    .min(1, "is too few: at least 1")
    .max(64, "is too many: at most 64")
    .prefault(1)
    .meta({ title: "a whole number", description: "How many instances serve.", examples: [2] }),
  health: text(pathPattern, "a path", {
    description: "Answers 2xx when the instance can serve.",
    examples: ["/healthz"],
  }).prefault("/healthz"),
  startTimeout: duration(
    { description: "Time until an instance must answer its health check.", examples: ["30s"] },
    { atLeastMs: 100 },
  ).prefault("30s"),
  drainTimeout: duration({ description: "Time for requests in flight between SIGTERM and SIGKILL.", examples: ["30s"] }).prefault(
    "30s",
  ),
  responseTimeout: duration(
    { description: "A response that starts later is a failure.", examples: ["30s"] },
    { atLeastMs: 10 },
  ).prefault("30s"),
  memory: memory("Memory limit of one instance.").optional(),
});

const release = z.strictObject({
  build: text(shellCommand, "a command line", {
    description: "Shell command line that builds the bundle in a clean folder.",
    examples: ["npm ci --omit=dev"],
  }).optional(),
  include: z
    .array(
      text(/^(?!\/)(?!.*(^|\/)\.\.(\/|$))[^\0\r\n]{1,1024}$/, "a glob inside the repository", {
        description: "Files of the bundle.",
        examples: ["lib/**"],
      }),
    )
    .min(1, "is empty, so that the bundle would be too")
    .max(1000, "has more than 1000 globs")
    .meta({
      title: "a list of globs",
      description: "What goes into the bundle; everything when left out.",
      examples: ["[server.js, lib/**]"],
    })
    .optional(),
  buildTimeout: duration({ description: "Time for the build.", examples: ["15m"] }, { atLeastMs: 1_000 }).prefault("15m"),
  secrets: buildSecretsSchema.prefault([]),
});

/** Begins with a letter: names that are numbers would not keep the order of the file. */
const taskName = /^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/;

const task = z.strictObject({
  command: text(shellCommand, "a command line", {
    description: "Shell command line that does the work once and exits 0. It runs in the bundle's folder, without a PORT.",
    examples: ["npm run migrate"],
  }),
  before: z
    .enum(["canary"])
    .prefault("canary")
    .meta({ title: "canary", description: "It runs before the first instance of the release starts.", examples: ["canary"] }),
  timeout: duration(
    { description: "Time after which it is ended and the release refused.", examples: ["5m"] },
    { atLeastMs: 100 },
  ).prefault("5m"),
});

const rollout = z.strictObject({
  steps: z
    .array(stepSchema)
    .min(1, "is empty: a rollout needs a first step")
    .max(50, "has more than 50 steps")
    .meta({
      title: "a list of steps",
      description: "Weights in rising order. Without them they are planned from the visitors of the last minute.",
      examples: ["[{ weight: 5%, minHold: 60s }, { weight: 50% }]"],
    })
    .optional(),
  maxHold: duration({ description: "Longest time at one weight.", examples: ["1h"] }, { atLeastMs: 100 }).prefault("1h"),
  harm: percent(
    { description: "Extra failing visitors tolerated, over everyone.", examples: ["0.2%"] },
    (share) => share > 0 && share <= 0.5,
    "is outside of more than 0% to 50%",
  ).prefault("0.2%"),
  within: duration(
    {
      description: "Time for the whole rollout, in place of harm: what it can rule out follows from the traffic.",
      examples: ["1h"],
    },
    { atLeastMs: 1_000 },
  ).optional(),
  onInconclusive: z
    .enum(["continue", "hold", "rollback"])
    .meta({
      title: "continue, hold or rollback",
      description: "How a step ends that its traffic could not decide.",
      examples: ["hold"],
    })
    .optional(),
  evidence: z
    .enum(["visitor", "request"])
    .prefault("visitor")
    .meta({
      title: "visitor or request",
      description: "Whose side is drawn, and what is counted. By request a visitor may meet both releases in turn.",
      examples: ["visitor"],
    }),
  onFail: onFailsSchema
    .meta({
      title: "a map of metrics",
      description: "What follows when a metric fails: the release goes back, waits for a person, or goes on with it on record.",
      examples: ["{ latency: rollback }"],
    })
    .optional(),
  warmUp: duration(
    {
      description:
        "Answers of so long after the first visitor on the new release, or after an instance was started anew, are not timed, on either side; visitors who come then, within the first minHold at most, are in no gate.",
      examples: ["30s"],
    },
    { atMostMs: hour },
  ).prefault("30s"),
  scoreWindow: duration(
    { description: "How long a visitor is watched before it is scored.", examples: ["10s"] },
    { atLeastMs: 100, atMostMs: hour },
  ).prefault("10s"),
  bake: duration({ description: "Time at 95% before everyone.", examples: ["30m"] }).prefault("30m"),
  keepWarm: duration({ description: "How long the old release stays ready after the promotion.", examples: ["1h"] }).prefault(
    "1h",
  ),
  lease: duration(
    { description: "Time after which traffic leaves the new release when the control plane is gone.", examples: ["10s"] },
    { atLeastMs: 2_000, atMostMs: 5 * minute },
  ).prefault("10s"),
});

const assetFolder = z.strictObject({
  path: text(pathPattern, "a path prefix", { description: "Path prefix of the requests.", examples: ["/assets"] }),
  folder: text(/^(?!\/)(?!.*(^|\/)\.\.(\/|$))[^\0\r\n]{1,1024}$/, "a folder inside the bundle", {
    description: "Folder of the bundle that has the files.",
    examples: ["public/assets"],
  }),
});

const manifest = z
  .strictObject({
    version: z.literal(1).meta({ title: "the number 1", description: "Version of this format.", examples: [1] }),
    service: text(dnsLabel, "a name of a-z, 0-9 and -, at most 63 long", {
      description: "Name of the service.",
      examples: ["shop"],
    }),
    run: run.meta({
      title: "a map of keys",
      description: "How an instance is run.",
      examples: ["{ command: node server.js, health: /healthz }"],
    }),
    release: release
      .prefault({})
      .meta({ title: "a map of keys", description: "How the bundle is built.", examples: ["{ build: npm ci }"] }),
    tasks: z
      .record(
        z.string().regex(taskName),
        task.meta({ title: "a map of keys", examples: ["{ command: npm run migrate, timeout: 5m }"] }),
      )
      .refine((all) => Object.keys(all).length <= 20, "has more than 20 tasks")
      .prefault({})
      .meta({
        title: "a map of tasks",
        description:
          "What runs once for each release, by name (a-z, 0-9 and -), in this order: migrations. Never on a rollback, never again for the same files.",
        examples: ["{ migrate: { command: npm run migrate } }"],
      }),
    environments: z
      .record(
        z.string().regex(dnsLabel),
        environmentSchema.meta({ title: "a map of keys", examples: ["{ routes: [{ host: shop.example.com }] }"] }),
      )
      .refine((all) => Object.keys(all).length > 0, "is empty: name at least one environment")
      .meta({
        title: "a map of environments",
        description: "Where the service runs, by name (a-z, 0-9 and -).",
        examples: ["{ production: { routes: [{ host: shop.example.com }] } }"],
      }),
    config: configSchema.prefault({}).meta({
      title: "a map of variables",
      description: "Every variable that an instance gets, by name, and what it must be.",
      examples: ["{ DATABASE_URL: { type: url, secret: true } }"],
    }),
    processes: processes.prefault({}).meta({
      title: "a map of processes",
      description: "Workers and jobs beside the instances, by name; the release that serves everyone runs them.",
      examples: ["{ worker: { command: node worker.js, with: promotion } }"],
    }),
    watch: z
      .array(
        text(/^(?!\/)[^\0\r\n]{1,1024}$/, "a glob relative to this folder", {
          description: "Files outside of this folder that the service is made of.",
          examples: ["../packages/shared/**"],
        }),
      )
      .max(100, "has more than 100 globs")
      .prefault([])
      .meta({
        title: "a list of globs",
        description:
          "In a repository with several services: what else than this folder is a change of this one, for `belay deploy --changed`.",
        examples: ["[../packages/shared/**]"],
      }),
    assets: z
      .array(assetFolder)
      .max(20, "has more than 20 folders")
      .prefault([])
      .meta({
        title: "a list of folders",
        description:
          "Files that pages of every release may ask for: what the release that serves does not have is answered from the one that has.",
        examples: ["[{ path: /assets, folder: public/assets }]"],
      }),
    cohorts: cohortsSchema({ namePattern: dnsLabel, pathPattern }).prefault({}),
    shadow: shadowSchema
      .meta({
        title: "a map of keys",
        description: "What a shadow is given: the instance that gets the copies of a step with `shadow`.",
        examples: ["{ config: { MAIL: off } }"],
      })
      .optional(),
    expose: z
      .enum(["all", "previews"])
      .prefault("previews")
      .meta({
        title: "all or previews",
        description: "Who is told the release in a belay-release header.",
        examples: ["previews"],
      }),
    slo: sloSchema
      .prefault({})
      .meta({ title: "a map of keys", description: "Objectives.", examples: ["{ availability: 99.9% }"] }),
    sources: sourcesSchema.prefault({}),
    kpis: kpisSchema.prefault({}),
    rollout: rollout
      .prefault({})
      .meta({ title: "a map of keys", description: "How a release earns its way.", examples: ["{ bake: 30m }"] }),
    checks: checks.prefault({}).meta({
      title: "a map of keys",
      description: "What must hold before a release runs.",
      examples: ["{ tests: { run: npm test } }"],
    }),
    windows,
    freezes,
    ...changeForm,
  })
  .meta({
    title: "a map of keys",
    description: "belay.yml: a service and how its releases reach everyone.",
    examples: ["version: 1"],
  });

/** A check that failed, as zod tells it. */
export interface ShapeIssue {
  readonly code: string;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly keys?: readonly string[];
  readonly expected?: string;
}

/** JSON Schema of belay.yml, draft 2020-12, as far as this file needs to read it. */
export interface JsonSchema {
  readonly title?: string;
  readonly examples?: readonly unknown[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly [keyword: string]: unknown;
}

export type CheckedShape =
  | { readonly ok: true; readonly manifest: Manifest }
  | { readonly ok: false; readonly issues: readonly ShapeIssue[] };

/** JSON Schema of belay.yml, for completion in editors and for `belay schema`. */
export function manifestJsonSchema(): JsonSchema {
  return z.toJSONSchema(manifest, {
    io: "input",
    // zod leaves examples out wherever a value is transformed, although ours are examples of what is written.
    override: ({ zodSchema, jsonSchema }) => {
      const examples = z.globalRegistry.get(zodSchema)?.["examples"];
      if (Array.isArray(examples)) jsonSchema.examples = examples;
    },
  }) as JsonSchema;
}

/** Checks each value by itself; what two values say together is `checkMeaning`'s. */
export function checkShape(value: unknown): CheckedShape {
  const parsed = manifest.safeParse(value);
  if (!parsed.success) return { ok: false, issues: parsed.error.issues as readonly ShapeIssue[] };
  return { ok: true, manifest: toManifest(parsed.data) };
}

function toManifest(data: z.output<typeof manifest>): Manifest {
  const { run, release, rollout } = data;
  const named = Object.entries(data.cohorts)
    .filter(([name]) => rollout.steps?.some(({ cohort }) => cohort === name))
    .map(([name, rules]) => ({ name, rules: rules.map(toCohortRule) }));
  const environments: Record<string, EnvironmentOfManifest> = {};
  for (const [name, written] of Object.entries(data.environments)) {
    const after = environmentBefore(name, written.after, Object.hasOwn(data.environments, "staging"));
    environments[name] = { ...toEnvironment(written), calendar: calendarOf(name, data), after };
  }
  const { onFail: onFailOfSources, ...sources } = toSources(data.sources);
  const { kpis, onFail: ofKpis } = toKpis(data.kpis);
  const onFail = { ...rollout.onFail, ...ofKpis, ...onFailOfSources };
  return {
    service: data.service,
    run: {
      command: run.command,
      instances: run.instances,
      health: run.health,
      startTimeoutMs: run.startTimeout,
      drainTimeoutMs: run.drainTimeout,
      memoryBytesMax: run.memory ?? null,
    },
    release: {
      build: release.build ?? null,
      include: release.include ?? null,
      buildTimeoutMs: release.buildTimeout,
      secrets: release.secrets,
    },
    tasks: Object.entries(data.tasks).map(([name, { command, timeout }]) => ({ name, command, timeoutMs: timeout })),
    environments,
    config: data.config,
    processes: toProcesses(data.processes, run.memory ?? null),
    watch: data.watch,
    assets: data.assets.map(({ path, folder }) => ({ path: withoutTrailingSlash(path), folder })),
    expose: data.expose,
    shadow: data.shadow ?? null,
    checks: data.checks,
    ...changeRulesOf(data),
    plan: {
      steps: rollout.steps === undefined ? null : toSteps(rollout.steps),
      holdbackWeight,
      harm: rollout.harm,
      maxHoldMs: rollout.maxHold,
      onInconclusive: rollout.onInconclusive ?? null,
      scoreWindowMs: rollout.scoreWindow,
      bakeMs: rollout.bake,
      keepWarmMs: rollout.keepWarm,
      ...toObjectives(data.slo),
      responseDeadlineMs: run.responseTimeout,
      leaseTtlMs: rollout.lease,
      ...(named.length === 0 ? {} : { cohorts: named }),
      warmUpMs: rollout.warmUp,
      ...(rollout.evidence === "visitor" ? {} : { evidence: rollout.evidence }),
      ...(rollout.within === undefined ? {} : { withinMs: rollout.within }),
      ...(Object.keys(onFail).length === 0 ? {} : { onFail }),
      ...sources,
      ...(kpis === undefined ? {} : { kpis }),
    },
  };
}
