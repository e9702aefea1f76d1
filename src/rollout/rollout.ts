/**
 * The nouns. One word, one meaning:
 *
 * - **revision**: an immutable build (commit + bundle digest). **release**: a revision with its configuration.
 * - **rollout**: the process that replaces stable by a candidate release. **step**: one weight, held and judged.
 * - **stable**: what serves everyone. **candidate**: the release that a rollout tries; as traffic's side it is the **canary**.
 * - **weight**: the share of visitors on the canary, in ten-thousandths (500 is 5 %).
 * - **shadow**: an instance of the candidate that gets copies of stable's requests; nobody sees its answers.
 * - **unit**: what is assigned and scored, a visitor or, by `evidence: request`, a single request. **harmed**: a canary failure that reached a user.
 * - **entry**: a fact in the ledger. Already true when it is recorded, never a wish.
 * - **process**: a worker or a job of a release, beside the instances that serve; only the release that serves everyone runs its own.
 * - **task**: a command of a release (a migration) that runs once for each revision, before its instances start.
 * - **attestation**: that a bundle has run in the environment before, and what was checked there.
 * - **principal**: who acts, by the name of a token. **need**: what one of them has to approve before a rollout goes on.
 * - **holdback**: the last share left on stable while the candidate bakes. **warm**: the old release, kept running after promotion.
 */

import type { ApprovalNeed, Supervision } from "./approval.ts";
import type { BackgroundProcess } from "./background.ts";
import type { Calendar } from "./calendar.ts";
import type { CheckResult } from "./check-result.ts";
import type { Cohort } from "./cohort.ts";
import type { EvidenceSummary, FailingMetric, Mismatch } from "./evidence-summary.ts";
import type { Judgement } from "./judgement.ts";
import type { Kpi } from "./kpi.ts";
import type { ReleaseTag } from "./release-tag.ts";
import type { ShadowSpec } from "./shadow.ts";
import type { CounterSource } from "./source.ts";

export type ReleaseId = string;
export type RolloutId = string;
export type InstanceId = string;
/** Position of an entry in the ledger, counted from 1. */
export type Position = number;

/** Who caused an entry. `system` is Belay's own loop. */
export interface Actor {
  readonly kind: "person" | "system";
  readonly name: string;
  /** `direct` is a user of the machine while no control plane was there. */
  readonly via: "socket" | "token" | "loop" | "direct";
}

export interface WeightStep {
  /** Share of visitors on the canary, 1 to 9,500 ten-thousandths; 0 in the step of a cohort and of a shadow. */
  readonly weight: number;
  readonly minHoldMs: number;
  /** Copies of this share of stable's requests go to the candidate's shadow, in ten-thousandths; weight is 0, and no visitor meets the release. */
  readonly shadow?: number | undefined;
  /** The members of this cohort come to the canary with this step, and stay; they are not drawn, so no test of chance counts them. */
  readonly cohort?: string | undefined;
  /** It ends by people's word, at the weight of the step before. */
  readonly gate?: "approval" | undefined;
}

/** What follows when a metric fails: the release goes back, waits for a person, or goes on with the failure on record. */
export type OnFail = "rollback" | "hold" | "notify";

/** What is assigned to a side and scored once. */
export type Unit = "visitor" | "request";

/** How a rollout goes about it. Frozen in the rollout's first entry; what the manifest says later changes nothing here. */
export interface Plan {
  readonly steps: readonly WeightStep[];
  /** Weight of the bake: the rest stays on stable, so that the comparison stays concurrent. */
  readonly holdbackWeight: number;
  /** Extra failing visitors tolerated, as a share of all visitors (0.002 is 0.2 %). */
  readonly harm: number;
  readonly maxHoldMs: number;
  readonly onInconclusive: "continue" | "hold" | "rollback";
  /** How long after its first request a visitor is watched before it is scored. */
  readonly scoreWindowMs: number;
  readonly bakeMs: number;
  readonly keepWarmMs: number;
  /** Availability objective as a share (0.999). */
  readonly sloAvailability: number;
  /** A response head later than this is a failure, on both arms alike. */
  readonly responseDeadlineMs: number;
  readonly leaseTtlMs: number;
  /** Those that steps name. Absent in entries from before cohorts were known, and where no step names any. */
  readonly cohorts?: readonly Cohort[] | undefined;
  /** When a step further is allowed; always when absent. A rollback has none. */
  readonly calendar?: Calendar | undefined;
  /** What the manifest says of single metrics; `onFailOf` knows the rest. */
  readonly onFail?: { readonly [Metric in FailingMetric]?: OnFail | undefined } | undefined;
  /** New units of the minute before the start; absent where nothing served, and in plans from before it was kept. */
  readonly newUnitsPerSecond?: number | undefined;
  /** Share of visitors whose answer is to come within `underMs`; absent when the manifest promises nothing. */
  readonly latencyObjective?: { readonly underMs: number; readonly share: number } | undefined;
  /** Over which time the objectives hold, and what follows for a deploy when nothing of the budget is left. Absent in plans from before. */
  readonly errorBudget?: { readonly windowMs: number; readonly onExhausted: "hold" | "warn" } | undefined;
  /** Answers of so long after the first exposure are not timed, on either side: new instances are cold. Absent in plans from before. */
  readonly warmUpMs?: number | undefined;
  /** What others count of the two releases; absent when the manifest names none. */
  readonly sources?: readonly CounterSource[] | undefined;
  /** Outcomes that the team judges a release by; absent when it declares none. */
  readonly kpis?: readonly Kpi[] | undefined;
  /** Whom the router's coin is tossed for, and what is counted; a visitor when absent. */
  readonly evidence?: Unit | undefined;
  /** What people have to approve; nothing when absent. */
  readonly needs?: readonly ApprovalNeed[] | undefined;
}

/**
 * A slower release is only put on record unless the manifest says otherwise, so that a team can learn to trust the metric. What a
 * team declares itself takes a release back like an error: nobody writes down an outcome that may silently break. And what a shadow
 * answers otherwise may be just what the release is for, which a person can tell.
 */
export function onFailOf({ onFail }: Pick<Plan, "onFail">, metric: FailingMetric): OnFail {
  return onFail?.[metric] ?? (metric === "latency" ? "notify" : metric === "shadow" ? "hold" : "rollback");
}

export interface Route {
  /** Host name in lower case without port, or `*` for any. */
  readonly host: string;
  /** Path prefix, `/` for all. */
  readonly path: string;
  /** Every request may be sent twice, or (`key`) each that has an Idempotency-Key. Absent: only those of a safe method. */
  readonly idempotent?: true | "key" | undefined;
  /** Absent: the shield acts on whatever may be sent twice. */
  readonly shield?: "off" | undefined;
  /** Requests that change nothing: all of them (`none`), or those of a safe method (`writes`: only the others have effects). Copies may be made of these. */
  readonly effects?: "none" | "writes" | undefined;
  /** After so long without an answer's head another instance is asked as well, of a safe method. Absent: never. */
  readonly hedgeMs?: number | undefined;
}

/** Files of the bundle that answer below a path: what a page of any release may ask for after another release took over. */
export interface AssetFolder {
  /** Path prefix of requests, such as `/assets`. */
  readonly path: string;
  /** Folder inside the bundle. */
  readonly folder: string;
}

/** How instances of a release are run. Comes from the manifest of the release's own commit and never changes. */
export interface RunSpec {
  /** A shell command line, run in the bundle's folder. */
  readonly command: string;
  readonly instances: number;
  /** Path that answers 2xx when the instance can serve. */
  readonly health: string;
  readonly startTimeoutMs: number;
  readonly drainTimeoutMs: number;
  readonly memoryBytesMax: number | null;
}

/** A command that must have done its work once before an instance of the release starts. Comes from the manifest, in its order. */
export interface ReleaseTask {
  readonly name: string;
  /** A shell command line, run in the bundle's folder. */
  readonly command: string;
  readonly timeoutMs: number;
}

export interface Release {
  readonly id: ReleaseId;
  readonly service: string;
  readonly environment: string;
  readonly commit: string;
  /** True when the commit was made from uncommitted changes with --allow-dirty. */
  readonly isDirty: boolean;
  /** sha256, in hex, over the bundle's file list. */
  readonly digest: string;
  readonly fileCount: number;
  readonly bytes: number;
  readonly run: RunSpec;
  /** Absent in entries from before tasks were known. */
  readonly tasks?: readonly ReleaseTask[] | undefined;
  readonly routes: readonly Route[];
  /** Absent in entries from before assets were known. */
  readonly assets?: readonly AssetFolder[] | undefined;
  /** Networks of the proxies in front whose X-Forwarded-* counts. Absent in entries from before they were known, and when there are none. */
  readonly trustedProxies?: readonly string[] | undefined;
  /** Outcomes that it posts by itself, for KPIs; absent when it posts none. */
  readonly events?: readonly string[] | undefined;
  readonly expose: "all" | "previews";
  /** Absent when its manifest says nothing of copies, and in entries from before they were known. */
  readonly shadow?: ShadowSpec | undefined;
  /** Absent in entries from before processes were known. */
  readonly processes?: readonly BackgroundProcess[] | undefined;
  /** Absent in entries from before it was recorded: those releases were built here. */
  readonly built?: BuildPlace | undefined;
  /** The version of its configuration; absent when its manifest declares none. */
  readonly config?: string | undefined;
  /** Folder of the service inside the repository; absent in entries from before it was recorded. */
  readonly root?: string | undefined;
}

/** Where a release was built: by this control plane, or by somebody elsewhere (as they say), who sent the bundle of this sha256. */
export type BuildPlace =
  | { readonly kind: "built-here" }
  | { readonly kind: "built-by"; readonly name: string; readonly host: string; readonly bundle: string };

/** The rollout in another environment that has to end well before one here begins. */
export interface StagedIn {
  readonly environment: string;
  readonly rollout: RolloutId;
}

/**
 * Why proxies took the canary's traffic away: nobody renewed its lease, none of its instances could be reached, or it failed
 * more requests than the shield has replays for.
 */
export type BrakeCause = "lease" | "health" | "budget";

export type OutcomeBy = "verdict" | "person" | BrakeCause | "plan";

/**
 * Where a rollout stands.
 *
 * - `pending`: asked for; the bundle is built, its tasks run, and the candidate's instances start. Enters by `rollout-requested`.
 * - `progressing`: the canary serves the weight of `step`. Enters by `candidate-ready`, goes on by `step-ended`.
 * - `held`: as progressing, but only a person's promote or abort ends it. Enters by `step-inconclusive` or `metric-failed` with
 *   `hold`. A `step` behind the last one is the bake.
 * - `braked`: proxies took the canary's traffic away by themselves; records in flight are counted for 2 s. Enters by `braked`.
 * - `paused`: weight 0, candidate kept. Enters by `pause-requested` or `brake-settled`; leaves by `resume-requested`, promote or abort.
 * - `baking`: the holdback weight is served. Enters by the last `step-ended`.
 * - `promoting`: everyone is being routed to the candidate. Ends by `routing-acknowledged`.
 * - `aborting`: everyone is being routed to stable. Ends by `routing-acknowledged`; needs no healthy canary.
 * - `promoted`, `aborted`, `refused`, `superseded`: the end. Never left.
 */
export type Phase =
  | { readonly name: "pending" }
  | { readonly name: "progressing"; readonly step: number }
  | { readonly name: "held"; readonly step: number; readonly reason: string }
  | { readonly name: "braked"; readonly resumeAt: ExposedStage; readonly by: BrakeCause; readonly reason: string }
  | { readonly name: "paused"; readonly resumeAt: ExposedStage; readonly reason: string }
  | { readonly name: "baking" }
  | { readonly name: "promoting"; readonly by: OutcomeBy; readonly reason: string }
  | { readonly name: "aborting"; readonly by: OutcomeBy; readonly reason: string }
  | { readonly name: "promoted"; readonly by: OutcomeBy; readonly reason: string }
  | { readonly name: "aborted"; readonly by: OutcomeBy; readonly reason: string }
  | { readonly name: "refused"; readonly code: string; readonly reason: string; readonly next: string }
  | { readonly name: "superseded"; readonly reason: string };

/** A place in the plan at which the canary has traffic: a step's index, or the bake. */
export type ExposedStage = { readonly kind: "step"; readonly step: number } | { readonly kind: "bake" };

export interface Rollout {
  readonly id: RolloutId;
  readonly service: string;
  readonly environment: string;
  /** A rollback has no steps and no gates: it starts what is missing, then routes. */
  readonly kind: "deploy" | "rollback";
  readonly requestedBy: Actor;
  /** Wall clock, ISO 8601. */
  readonly requestedAt: string;
  readonly endedAt: string | null;
  readonly commit: string;
  /** True when the commit was made from uncommitted changes with --allow-dirty. */
  readonly isDirty: boolean;
  /** Folder of the service inside the repository, "" for its top. */
  readonly root: string;
  /** sha256 of the bundle that was sent; absent when the release is built here. */
  readonly bundle?: string | undefined;
  /** Version of the configuration that its release gets; absent when the manifest declares none, and in a rollback. */
  readonly config?: string | undefined;
  /** A config release: the release whose revision it takes as it is. Nothing is built for it, and no task is run. */
  readonly revisionOf?: ReleaseId | undefined;
  /** What it mends, as whoever asked for it says; absent when it is no fix. */
  readonly fix?: string | undefined;
  /** The tag of its version in the repository of whoever asked, by their word; null when there is none, absent when nobody told. */
  readonly tag?: ReleaseTag | null | undefined;
  /** Absent when no environment comes before this one. Until that rollout has earned an attestation, nothing runs here. */
  readonly staging?: StagedIn | undefined;
  /** True in an environment that comes before another: a release that gets here is attested. */
  readonly attests?: boolean | undefined;
  /** By which the same question asked again is known. */
  readonly requestKey?: string | undefined;
  /** Known once the bundle is built; a rollback knows it from the start. */
  readonly candidate: ReleaseId | null;
  /** What it replaces; null at the first release of a service. */
  readonly stable: ReleaseId | null;
  readonly plan: Plan;
  /** How it stands to the rules; absent in rollouts from before it was recorded, and in rollbacks. */
  readonly judgement?: Judgement | undefined;
  /** What the traffic before the start let expect, in words; empty for a rollback. */
  readonly forecast: string;
  readonly phase: Phase;
  /** Entry that put the present weight there; the proxies' brakes are latched on it. */
  readonly exposureEpoch: Position;
  /** Who let it come this far: evidence, unless the plan went on without it or a person ended a step. */
  readonly earnedBy: OutcomeBy;
  /** People's words about it. */
  readonly supervision: Supervision;
  /** What preflight saw of its release; absent before that, and for a rollback. */
  readonly checks?: readonly CheckResult[] | undefined;
  /** The last evidence that an entry carried. */
  readonly evidence: EvidenceSummary | null;
  /** What failed without taking the release back, each recorded once. */
  readonly alarms: readonly (FailingMetric | Mismatch)[];
}

export function isEnded(rollout: Rollout): boolean {
  switch (rollout.phase.name) {
    case "promoted":
    case "aborted":
    case "refused":
    case "superseded":
      return true;
    default:
      return false;
  }
}
