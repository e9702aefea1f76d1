import type { Burning } from "../analysis/burn-rate.ts";
import type { ConfigVersionView, SecretView } from "../config/configs.ts";
import type { ChainedEntry, Checkpoint } from "../ledger/ledger.ts";
import type { BreakGlass } from "../rollout/approval.ts";
import type { Judgement } from "../rollout/judgement.ts";
import type { PreviewRefusal } from "../rollout/preview.ts";
import type { Actor, Release } from "../rollout/rollout.ts";
import type { Maintenance } from "../rollout/service.ts";
import type { OneOff, TaskAttempt } from "../rollout/task.ts";
import type { TurnedAwayBy } from "../routing/front-counts.ts";
import type { Instance } from "../runtimes/runtime.ts";
import type { ApprovalView } from "./approval-view.ts";
import type { HeldView, WithoutClientView } from "./front-sums.ts";
import type { MetricFamily } from "./metric-name.ts";
import type { PathsView } from "./path-view.ts";
import type { PlanRequest, PlanView } from "./plan-ahead.ts";
import type { PolicyCommands } from "./policy-commands.ts";
import type { ProcessView } from "./process-views.ts";
import type { ConfigReleaseRequest, DeployRequest, MayTouch, ServiceRequest } from "./requests.ts";
import type { RolloutView, SupervisionView } from "./rollout-view.ts";
import type { OneOffRequest } from "./run-commands.ts";
import type { ScrapeTarget } from "./scrape-targets.ts";
import type { BudgetLeft, SloView } from "./slo.ts";

/** What the API offers, and all that it may ask of the inside. Commands throw a BelayError when the state does not allow them. */
export interface ControlPlane extends PolicyCommands {
  status(): Promise<StatusView>;
  /** What a monitoring system is told of this moment. */
  metrics(): readonly MetricFamily[];
  /** What a monitoring system may scrape of the services, by release. */
  scrapeTargets(): readonly ScrapeTarget[];
  /** Reads belay.yml from the commit, freezes the plan and records the request, unless `mayTouch` throws; build and everything after it happen in the loop. */
  deploy(request: DeployRequest, actor: Actor, mayTouch?: MayTouch): Promise<StartedDeploy>;
  /** What `deploy` would do with the same request; starts nothing, and keeps nothing. */
  plan(request: DeployRequest, actor: Actor, mayTouch?: MayTouch): Promise<PlannedView>;
  promote(
    request: ServiceRequest & { readonly isFull: boolean; readonly skipsAnalysis: boolean },
    actor: Actor,
  ): Promise<{ readonly rollout: string }>;
  abort(request: ServiceRequest & { readonly reason: string }, actor: Actor): Promise<{ readonly rollout: string }>;
  pause(request: ServiceRequest & { readonly reason: string }, actor: Actor): Promise<{ readonly rollout: string }>;
  /** With `task`: what became of the task that was interrupted, which the rollout waits to be told. */
  resume(
    request: ServiceRequest & { readonly task?: "done" | "retry" | undefined },
    actor: Actor,
  ): Promise<{ readonly rollout: string }>;
  /** With a running deploy and no target: aborts it. A rollback that is under way already is the answer. Else goes to `target`, by default the release promoted before the present one. */
  rollback(
    request: ServiceRequest & { readonly target: string | null; readonly reason: string },
    actor: Actor,
  ): Promise<{ readonly rollout: string }>;
  /** Answers every new request of the service with 503 and `message`, or ends that. Returns the ledger's position, which the workers' epochs reach. */
  setMaintenance(
    request: ServiceRequest & { readonly isOn: boolean; readonly message: string },
    actor: Actor,
  ): Promise<{ readonly position: number }>;
  /** Runs a command once with a release's files and environment, beside everything else. */
  startRun(request: ServiceRequest & OneOffRequest, actor: Actor): Promise<{ readonly run: string }>;
  /** Ends a command that runs; idempotent. Throws `BELAY_RUN_UNKNOWN`. */
  stopRun(request: ServiceRequest & { readonly run: string }, actor: Actor): Promise<{ readonly run: string }>;
  /** A command that runs or ran, and where its output lies. Throws `BELAY_RUN_UNKNOWN`. */
  run(request: ServiceRequest & { readonly run: string }): Promise<{ readonly run: OneOff; readonly file: string }>;
  /** A link that lets whoever opens it first see the release (by default the one that rolls out). Throws when no instance of it answers. */
  preview(
    request: ServiceRequest & { readonly release: string | null; readonly lastsSeconds: number },
    actor: Actor,
  ): Promise<PreviewLink>;
  /** New keys for links and cookies. Those before are still checked, unless `isRevoking`: then nothing that they signed is taken any more. */
  rotatePreviewKeys(
    request: { readonly isRevoking: boolean },
    actor: Actor,
  ): Promise<{ readonly keys: readonly string[]; readonly position: number }>;
  /** Everything that somebody looks at before they approve the rollout. Throws `BELAY_APPROVAL_TOO_EARLY` while it is not built. */
  approval(request: { readonly rollout: string }): Promise<ApprovalView>;
  /** The actor's word for what `digest`, `plan` and `needs` name; throws `BELAY_APPROVAL_…` when it does not count. */
  approve(request: ApprovalRequest, actor: Actor): Promise<ApprovedView>;
  /** Asks that closed hours are passed over for the rollout that runs; counts once somebody else has approved it. */
  override(request: ServiceRequest & { readonly reason: string }, actor: Actor): Promise<{ readonly rollout: string }>;
  /** That somebody else has looked at what one person alone pushed past the rules. */
  review(request: { readonly rollout: string; readonly words: string }, actor: Actor): Promise<{ readonly rollout: string }>;
  /** What a deploy would do. Changes nothing and keeps nothing. */
  planAhead(request: PlanRequest, actor: Actor): Promise<PlanView>;
  /** How the objectives of a service stand, and what spent their budget. */
  slo(request: ServiceRequest): Promise<SloView>;
  /** What visitors asked for, by path and method. */
  paths(request: ServiceRequest): Promise<PathsView>;
  /** The rollout of this id; throws `BELAY_ROLLOUT_UNKNOWN`. */
  rollout(id: string): Promise<RolloutView>;
  history(options: {
    readonly afterPosition: number;
    readonly limit: number;
    readonly rollout?: string;
  }): readonly ChainedEntry[];
  checkpoint(): Checkpoint;
  /** Rolls out the present release with its configuration resolved anew; nothing is built. */
  releaseConfig(request: ConfigReleaseRequest, actor: Actor): Promise<StartedDeploy>;
  /** Keeps secrets of a service, each as its next version. They take effect with the next rollout. */
  setSecrets(
    request: ServiceRequest & { readonly values: Readonly<Record<string, string>> },
    actor: Actor,
  ): Promise<readonly SecretView[]>;
  unsetSecret(request: ServiceRequest & { readonly name: string }, actor: Actor): Promise<SecretView>;
  listSecrets(request: ServiceRequest): Promise<readonly SecretView[]>;
  /** The configuration of a release, by default of the one that serves everyone; secrets by their fingerprints. */
  config(request: ServiceRequest & { readonly release: string | null }): Promise<ConfigView>;
  /**
   * Where the logs of a service's instances lie, newest instance first; those of instances that are gone come last. With `task`:
   * those of the attempts at a task instead, or of the commands that people ran (`once`). With `process`: those of a worker or a
   * job of that name, one for each release that ran it. With `release`: those of one release alone. Throws
   * `BELAY_…_UNKNOWN` for a task, process or release that the service never had.
   */
  logFiles(
    request: ServiceRequest & {
      readonly release?: string | undefined;
      readonly task?: string | undefined;
      readonly process?: string | undefined;
    },
  ): Promise<readonly InstanceLog[]>;
}

export interface StartedDeploy {
  readonly rollout: string;
  readonly forecast: string;
  /** How it stands to the rules; null when the rollout was there already. */
  readonly judgement: Judgement | null;
}

export interface PlannedView {
  readonly service: string;
  readonly environment: string;
  readonly forecast: string;
  /** The environment in which it has to pass first, or null. */
  readonly after: string | null;
  readonly judgement: Judgement;
}

export interface InstanceLog {
  readonly instance: string;
  readonly release: string;
  readonly file: string;
  /** False for one that is gone and has left its log. */
  readonly isPresent: boolean;
}

/** What instances wrote, by instance. */
export interface LogsView {
  readonly instances: readonly { readonly instance: string; readonly release: string; readonly lines: readonly string[] }[];
  /** Sent back with the next question, it gives what was written since. */
  readonly cursor: string;
  /** More lies there already than one answer holds. */
  readonly hasMore: boolean;
}

/** A command that a person runs once, and what it wrote. */
export interface RunView {
  readonly run: OneOff;
  readonly lines: readonly string[];
  /** Sent back with the next question, it gives what was written since. */
  readonly cursor: string;
  readonly hasMore: boolean;
}

export interface PreviewView {
  readonly release: string;
  readonly by: string;
  readonly madeAt: string;
  readonly redeemedAt: string | null;
  /** When the link, or the cookie that it was exchanged for, ends. */
  readonly until: string;
}

export interface PreviewLink {
  readonly release: string;
  /** Where visitors reach the service; `*` is any host. */
  readonly host: string;
  /** Path and query. */
  readonly target: string;
  readonly redeemBefore: string;
  readonly lastsSeconds: number;
  /** The epoch that every worker has to reach before the link can be used. */
  readonly position: number;
}

/** The configuration of one release. */
export interface ConfigView extends ConfigVersionView {
  readonly release: string;
}

export interface StatusView {
  readonly program: string;
  readonly log: string;
  readonly isolation: "none";
  /** Bound addresses: `http` is where visitors come in. */
  readonly addresses: Readonly<Record<string, string>>;
  readonly workers: readonly { readonly worker: string; readonly epoch: number; readonly isConnected: boolean }[];
  /** Why weights are forced to 0, or empty. */
  readonly trouble: readonly string[];
  readonly requestsLastMinute: number;
  readonly turnedAway: Readonly<Partial<Record<TurnedAwayBy, number>>>;
  readonly services: readonly ServiceView[];
}

export interface ServiceView {
  readonly service: string;
  readonly environment: string;
  readonly stable: Release | null;
  readonly warm: Release | null;
  readonly rollout: RolloutView | null;
  readonly instances: readonly Instance[];
  /** Workers and jobs of the release that runs them. */
  readonly processes: readonly ProcessView[];
  readonly requestsLastMinute: number;
  readonly failuresLastMinute: number;
  /** Visitors who came without a cookie of Belay's. */
  readonly newVisitorsLastMinute: number;
  /** Windows in which the error budget burns too fast, the fastest first; for people and alerts, it decides nothing. */
  readonly burning: readonly Burning[];
  /** What is left of its error budget, of the objective that stands worst. */
  readonly budget: BudgetLeft;
  /** What one person alone pushed past the rules, the newest last: all that nobody has reviewed, and the last few that somebody has. */
  readonly breakGlasses: readonly BreakGlass[];
  /** Set while visitors are told to come back later. */
  readonly maintenance: Maintenance | null;
  /** Attempts at tasks, the newest last, at most 5. */
  readonly tasks: readonly TaskAttempt[];
  /** Commands that people run now. */
  readonly runs: readonly OneOff[];
  /** Links to releases that not everybody sees, and what they were exchanged for, while they are good for something. */
  readonly previews: readonly PreviewView[];
  /** Links and cookies that were not taken, since the start of the workers that run. */
  readonly previewRefusals: Readonly<Record<PreviewRefusal, number>>;
  readonly held: HeldView;
  readonly withoutClient: WithoutClientView;
}

/** Names what was looked at. */
export interface ApprovalRequest {
  readonly rollout: string;
  readonly digest: string;
  readonly plan: string;
  /** Ids of what was open. */
  readonly needs: readonly string[];
  readonly reason: string;
}

export interface ApprovedView {
  readonly rollout: string;
  /** Ids of the needs that the word was given for. */
  readonly approved: readonly string[];
  readonly until: string;
  readonly supervision: SupervisionView;
}
