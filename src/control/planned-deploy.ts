import type { Configs, MayCompare } from "../config/configs.ts";
import type { Releases } from "../release/releases.ts";
import type { RolloutFact } from "../rollout/entry.ts";
import type { Judgement } from "../rollout/judgement.ts";
import type { PinnedPolicy } from "../rollout/pinned-policy.ts";
import type { RiskFacts } from "../rollout/risk.ts";
import type { Release } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";
import type { Deployments } from "./deployments.ts";
import type { DeployRequest, MayTouch } from "./requests.ts";
import type { ManifestFiles } from "./rules.ts";
import type { BudgetLeft } from "./slo.ts";

/** What a plan is made from. */
export interface DeployToPlan {
  readonly request: DeployRequest;
  /** Where belay.yml of the request is read. */
  readonly releases: Pick<Releases, "readFile">;
  /** What is known of the release that serves, and of what has changed since. */
  readonly history: ManifestFiles & Pick<Releases, "compareCommits">;
  readonly deployments: Pick<Deployments, "all" | "pinned" | "principals" | "promotedOf">;
  readonly now: Temporal.Instant;
  readonly configs: Pick<Configs, "resolve" | "show">;
  readonly by: string;
  readonly mayCompare: MayCompare;
  /** For a config release: the release whose revision it takes. */
  readonly revision?: Release;
  /** What this environment was given by its last deployer is taken again, because nobody deploys to it by name. */
  readonly keepsValues?: boolean;
  /** What is left of the error budget of a service that serves. */
  budgetLeft(service: Service): BudgetLeft;
  /** Asked as soon as it is known which service it is: what follows opens its configuration and runs commands for it. */
  readonly mayTouch?: MayTouch;
  /** Nothing is to start: no configuration is resolved, and a brief that is missing is told instead of refused. */
  readonly isPreview?: boolean;
  /** The environment that this one comes before, where the caller knows it: by the rules of the release that serves there. */
  readonly next?: string;
  newUnitsPerSecond(service: Service): number;
  /** Of the error budget. */
  budgetOf(service: Service): RiskFacts["budget"];
}

/** What a deploy would be, before anything runs. */
export interface PlannedDeploy {
  readonly service: string;
  readonly forecast: string;
  readonly environment: string;
  /** The environment in which the same bundle must have passed first, or null. */
  readonly after: string | null;
  readonly judgement: Judgement;
  /** What it was judged by: the release that served, and what was pinned. */
  readonly judgedBy: { readonly stable: string | null; readonly pinned: readonly PinnedPolicy[] };
  readonly fact: RolloutFact & { kind: "rollout-requested"; rolloutKind: "deploy" };
}
