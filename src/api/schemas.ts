import { z } from "@hono/zod-openapi";
import type { CohortRule } from "../rollout/cohort.ts";
import type { Fact } from "../rollout/entry.ts";
import type { Actor, Phase, Plan, Release } from "../rollout/rollout.ts";
import type { Schedule } from "../rollout/schedule.ts";
import type { CounterSource } from "../rollout/source.ts";
import type { OneOff, TaskAttempt } from "../rollout/task.ts";
import type { Instance } from "../runtimes/runtime.ts";
import type { ErrorBody } from "./api-error.ts";
import { breakGlassSchema, exceptionFields, needSchema, supervisionSchema } from "./approval-schemas.ts";
import { checkResultSchema } from "./check-schemas.ts";
import { secretValuesSchema } from "./config-schemas.ts";
import { evidenceSchema, kpiSchema } from "./evidence-schemas.ts";
import { heldSchema, turnedAwaySchema, withoutClientSchema } from "./front-schemas.ts";
import { briefAnswersSchema, judgementSchema } from "./policy-schemas.ts";
import { previewSchema } from "./preview-schemas.ts";
import { budgetLeftSchema } from "./slo-schemas.ts";
import type { ChainedEntry, Checkpoint, DeployRequest, ProcessView, RolloutView, ServiceView, StatusView } from "./views.ts";

/** The documents of the API. The type of each is the view itself, so that document and answer cannot drift apart. */
const share = z.number().min(0).max(1);
const count = z.int().min(0);
const weight = z.int().min(0).max(10_000).openapi({ description: "Share of visitors in ten-thousandths." });

export const nameSchema: z.ZodType<string, string> = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/)
  .openapi({ example: "shop" });
export const commitSchema: z.ZodType<string, string> = z
  .string()
  .regex(/^([0-9a-f]{40}|[0-9a-f]{64})$/)
  .openapi({ description: "Object id of a git commit, in full." });
export const reasonSchema: z.ZodType<string, string> = z.string().max(1000);

export const errorSchema: z.ZodType<ErrorBody> = z
  .object({ code: z.string(), message: z.string(), next: z.string() })
  .openapi("Error");

/** A fact has many forms; `kind` tells which. src/rollout/entry.ts describes them. */
const fact = z.custom<Fact>().openapi({ type: "object", required: ["kind"], properties: { kind: { type: "string" } } });
const phase = z.custom<Phase>().openapi({ type: "object", required: ["name"], properties: { name: { type: "string" } } });

const actor: z.ZodType<Actor> = z.object({
  kind: z.enum(["person", "system"]),
  name: z.string(),
  via: z.enum(["socket", "token", "loop", "direct"]),
});

const texts = z.record(z.string(), z.string()).optional();
const cohortRule: z.ZodType<CohortRule> = z.object({
  isMember: z.boolean(),
  isOpen: z.boolean(),
  network: z.string().optional(),
  headers: texts,
  cookies: texts,
  query: texts,
  path: z.string().optional(),
});

const onFail = z.enum(["rollback", "hold", "notify"]).optional();

const counterSource: z.ZodType<CounterSource> = z.object({
  name: z.string(),
  prometheus: z.string(),
  bad: z.string(),
  of: z.string(),
  everyMs: count,
  timeoutMs: count,
  token: z.string().optional(),
  isRequired: z.boolean(),
});

export const planSchema: z.ZodType<Plan> = z
  .object({
    steps: z.array(
      z.object({
        weight,
        minHoldMs: count,
        shadow: weight.optional(),
        cohort: z.string().optional(),
        gate: z.literal("approval").optional(),
      }),
    ),
    holdbackWeight: weight,
    harm: share,
    maxHoldMs: count,
    onInconclusive: z.enum(["continue", "hold", "rollback"]),
    scoreWindowMs: count,
    bakeMs: count,
    keepWarmMs: count,
    sloAvailability: share,
    responseDeadlineMs: count,
    leaseTtlMs: count,
    cohorts: z.array(z.object({ name: z.string(), rules: z.array(cohortRule) })).optional(),
    calendar: z
      .object({
        windows: z.array(z.object({ days: z.array(z.int()), from: z.string(), to: z.string(), zone: z.string() })),
        freezes: z.array(z.object({ name: z.string(), from: z.string(), to: z.string(), reason: z.string() })),
      })
      .optional(),
    onFail: z.record(z.string(), onFail).optional(),
    latencyObjective: z.object({ underMs: count, share }).optional(),
    errorBudget: z.object({ windowMs: count, onExhausted: z.enum(["hold", "warn"]) }).optional(),
    warmUpMs: count.optional(),
    kpis: z.array(kpiSchema).optional(),
    newUnitsPerSecond: z.number().min(0).optional(),
    evidence: z.enum(["visitor", "request"]).optional(),
    sources: z.array(counterSource).optional(),
    needs: z.array(needSchema).optional(),
  })
  .openapi("Plan");

const processFields = { name: z.string(), command: z.string(), memoryBytesMax: count.nullable() };

const schedule: z.ZodType<Schedule> = z
  .discriminatedUnion("kind", [
    z.object({ kind: z.literal("period"), periodMs: count }),
    z.object({ kind: z.literal("time"), hour: count, minute: count, weekday: count.nullable(), zone: z.string() }),
  ])
  .openapi("Schedule");

const release: z.ZodType<Release> = z
  .object({
    id: z.string(),
    service: z.string(),
    environment: z.string(),
    commit: z.string(),
    isDirty: z.boolean(),
    digest: z.string(),
    fileCount: count,
    bytes: count,
    run: z.object({
      command: z.string(),
      instances: count,
      health: z.string(),
      startTimeoutMs: count,
      drainTimeoutMs: count,
      memoryBytesMax: count.nullable(),
    }),
    tasks: z.array(z.object({ name: z.string(), command: z.string(), timeoutMs: count })).optional(),
    routes: z.array(z.object({ host: z.string(), path: z.string(), effects: z.enum(["none", "writes"]).optional() })),
    shadow: z
      .object({
        credentials: z.boolean(),
        config: z.record(z.string(), z.string().nullable()),
        ignore: z.array(z.string()),
      })
      .optional(),
    trustedProxies: z.array(z.string()).optional(),
    events: z.array(z.string()).optional(),
    expose: z.enum(["all", "previews"]),
    config: z.string().optional().openapi({ description: "Version of its configuration; absent when it has none." }),
    root: z.string().optional(),
    processes: z
      .array(
        z.discriminatedUnion("kind", [
          z.object({ kind: z.literal("worker"), ...processFields, aliveAfterMs: count }),
          z.object({ kind: z.literal("job"), ...processFields, schedule, timeoutMs: count }),
        ]),
      )
      .optional(),
    built: z
      .discriminatedUnion("kind", [
        z.object({ kind: z.literal("built-here") }),
        z.object({ kind: z.literal("built-by"), name: z.string(), host: z.string(), bundle: z.string() }),
      ])
      .optional(),
  })
  .openapi("Release");

const instance: z.ZodType<Instance> = z
  .object({
    id: z.string(),
    service: z.string(),
    environment: z.string(),
    release: z.string(),
    host: z.string(),
    port: count,
    state: z.enum(["starting", "ready", "unready", "failed"]),
    exits: count,
    reason: z.string(),
  })
  .openapi("Instance");

export const rolloutSchema: z.ZodType<RolloutView> = z
  .object({
    rollout: z.string(),
    service: z.string(),
    environment: z.string(),
    kind: z.enum(["deploy", "rollback"]),
    release: z.string().nullable(),
    stable: z.string().nullable(),
    phase,
    plan: planSchema,
    forecast: z.string(),
    outcome: z.enum(["promoted", "aborted", "refused", "held", "superseded"]).nullable(),
    by: z.enum(["verdict", "person", "lease", "health", "budget", "plan"]).nullable(),
    reason: z.string(),
    next: z.string(),
    seconds: z.number(),
    weight,
    heldMs: z.number(),
    canaryRequests: count,
    canaryErrors: count,
    harmed: count,
    harmedVisitors: count,
    shielded: count,
    unitsCanary: count,
    failedRequests: count,
    evidence: evidenceSchema.nullable(),
    checks: z.array(checkResultSchema),
    verdict: z.string(),
    lastLines: z.string(),
    task: z.object({ name: z.string(), state: z.enum(["running", "unknown"]) }).nullable(),
    staging: z
      .object({
        environment: z.string(),
        rollout: z.string(),
        state: z.enum(["waiting", "passed", "failed"]),
        checked: z.array(z.string()),
        at: z.string().nullable(),
      })
      .nullable(),
    supervision: supervisionSchema,
    judgement: judgementSchema.nullable(),
  })
  .openapi("Rollout");

const attempt: z.ZodType<TaskAttempt> = z
  .object({
    run: z.string(),
    task: z.string(),
    release: z.string(),
    digest: z.string(),
    rollout: z.string(),
    startedAt: z.string(),
    state: z.enum(["running", "unknown", "succeeded", "failed", "timed-out", "taken-as-done", "given-up"]),
    how: z.string(),
    ranMs: count,
  })
  .openapi("TaskAttempt");

export const oneOffSchema: z.ZodType<OneOff> = z
  .object({
    run: z.string(),
    release: z.string(),
    command: z.array(z.string()),
    reason: z.string(),
    by: actor,
    startedAt: z.string(),
    end: z.object({ exitCode: z.int().nullable(), how: z.string(), ranMs: count }).nullable(),
  })
  .openapi("Run");

const omissions = z.object({ count, last: z.string().nullable() });

const process_: z.ZodType<ProcessView> = z
  .discriminatedUnion("kind", [
    z.object({
      kind: z.literal("worker"),
      name: z.string(),
      release: z.string(),
      state: z.enum(["starting", "running", "waiting", "crash-loop", "stopping", "failed", "stopped"]),
      exits: count,
      reason: z.string(),
    }),
    z.object({
      kind: z.literal("job"),
      name: z.string(),
      release: z.string(),
      schedule,
      next: z.string(),
      running: z.object({ due: z.string(), release: z.string(), startedAt: z.string() }).nullable(),
      last: z
        .object({
          due: z.string(),
          release: z.string(),
          startedAt: z.string(),
          outcome: z.enum(["ended", "unknown", "not-started"]),
          exitCode: z.int().nullable(),
          how: z.string(),
          durationMs: z.number().nullable(),
        })
        .nullable(),
      missed: omissions,
      skipped: omissions,
    }),
  ])
  .openapi("Process");

const service: z.ZodType<ServiceView> = z
  .object({
    service: z.string(),
    environment: z.string(),
    stable: release.nullable(),
    warm: release.nullable(),
    rollout: rolloutSchema.nullable(),
    instances: z.array(instance),
    processes: z.array(process_),
    requestsLastMinute: count,
    failuresLastMinute: count,
    newVisitorsLastMinute: count,
    burning: z.array(z.object({ longMinutes: count, shortMinutes: count, limit: z.number(), rate: z.number() })),
    budget: budgetLeftSchema,
    breakGlasses: z.array(breakGlassSchema),
    maintenance: z.object({ message: z.string(), since: z.string() }).nullable(),
    tasks: z.array(attempt),
    runs: z.array(oneOffSchema),
    previews: z.array(previewSchema),
    previewRefusals: z.object({ forged: count, expired: count, foreign: count, replayed: count }),
    held: heldSchema,
    withoutClient: withoutClientSchema,
  })
  .openapi("Service");

export const statusSchema: z.ZodType<StatusView> = z
  .object({
    program: z.string(),
    log: z.string(),
    isolation: z.literal("none"),
    addresses: z.record(z.string(), z.string()),
    workers: z.array(z.object({ worker: z.string(), epoch: count, isConnected: z.boolean() })),
    trouble: z.array(z.string()),
    requestsLastMinute: count,
    turnedAway: turnedAwaySchema,
    services: z.array(service),
  })
  .openapi("Status");

export const chainedEntrySchema: z.ZodType<ChainedEntry> = z
  .object({
    entry: z.object({
      position: count,
      version: z.literal(1),
      at: z.string(),
      environment: z.string(),
      service: z.string(),
      rollout: z.string(),
      actor,
      fact,
    }),
    hash: z.string(),
  })
  .openapi("ChainedEntry");

export const checkpointSchema: z.ZodType<Checkpoint> = z
  .object({ log: z.string(), position: count, hash: z.string(), at: z.string(), publicKey: z.string(), signature: z.string() })
  .openapi("Checkpoint");

export const deployRequestSchema: z.ZodType<Omit<DeployRequest, "requestKey">, Omit<DeployRequest, "requestKey">> = z
  .strictObject({
    commit: commitSchema,
    isDirty: z.boolean(),
    root: z
      .string()
      .max(1024)
      .regex(/^(?!\/)(?!.*(^|\/)\.\.?(\/|$))[^\0\r\n\\]*$/)
      .openapi({ description: "Folder of the service inside the repository; empty is its top." }),
    environment: nameSchema,
    bundle: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional()
      .openapi({ description: "sha256 of a bundle that was sent; commit and root are then as it says." }),
    tag: z
      .strictObject({
        name: z.string().min(1).max(255),
        object: commitSchema,
        commit: commitSchema,
        isAnnotated: z.boolean(),
      })
      .nullable()
      .optional()
      .openapi({ description: "The tag of its version in the deployer's repository; null when there is none." }),
    supersede: z.boolean(),
    config: secretValuesSchema
      .optional()
      .openapi({ description: "Values of the variables that come from the environment of whoever deploys." }),
    brief: briefAnswersSchema.optional(),
    ...exceptionFields,
  })
  .openapi("DeployRequest");
