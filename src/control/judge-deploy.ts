import { BelayError } from "../errors.ts";
import type { Manifest } from "../manifest/manifest.ts";
import type { Loosening } from "../rollout/loosening.ts";
import { approversIn } from "../rollout/principal.ts";
import type { Plan, Release } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";
import { authorNames, gatherFacts } from "./change-facts.ts";
import type { Deployments } from "./deployments.ts";
import { type JudgedChange, judgeChange } from "./judge-change.ts";
import type { DeployToPlan, PlannedDeploy } from "./planned-deploy.ts";

/** To plan takes time, in which another release may have come to serve, or rules been pinned. Throws `BELAY_POLICY_CHANGED`. */
export function requireSameRules(
  { service, environment, judgedBy }: Pick<PlannedDeploy, "service" | "environment" | "judgedBy">,
  deployments: Pick<Deployments, "find" | "pinned">,
): void {
  const stable = deployments.find(environment, service)?.stable ?? null;
  if (stable === judgedBy.stable && deployments.pinned === judgedBy.pinned) return;
  throw new BelayError({
    code: "BELAY_POLICY_CHANGED",
    message: `what ${service} is judged by in ${environment} has changed while its plan was made`,
    next: "Run `belay deploy` again.",
  });
}

interface DeployToJudge {
  readonly place: { readonly service: string; readonly environment: string };
  readonly own: Service | undefined;
  readonly stable: Release | null;
  readonly was: Manifest | null;
  readonly asked: Manifest;
  readonly manifest: Manifest;
  readonly loosenings: readonly Loosening[];
  readonly plan: Plan;
  readonly next: string | null;
  readonly config: string | null;
}

/** How the change stands to the rules, and what follows from that. */
export async function judgeDeploy(options: DeployToPlan, deploy: DeployToJudge): Promise<JudgedChange> {
  const { request, releases, history, deployments, now, configs, by } = options;
  const { place, own, stable, was, asked, manifest, next } = deploy;
  const { principals } = deployments;
  const isSame = options.revision !== undefined || stable?.commit === request.commit;
  const comparison = isSame ? { commits: [], files: [] } : await history.compareCommits(stable?.commit ?? null, request.commit);
  const authors = authorNames(comparison, principals);
  const valuesOf = (version: string | null | undefined) => (version == null ? [] : configs.show(place, version).values);
  const facts =
    stable === null || own === undefined || next !== null
      ? null
      : await gatherFacts({
          comparison,
          before: { commit: stable.commit, root: stable.root ?? "", files: history },
          after: { commit: request.commit, root: request.root, files: request.bundle === undefined ? releases : history },
          was,
          asked,
          values: { before: valuesOf(stable.config), after: valuesOf(deploy.config) },
          calendar: deploy.plan.calendar,
          budget: options.budgetOf(own),
          authors,
          principals,
          promoted: deployments.promotedOf(place.service),
          now,
        });
  return judgeChange({
    manifest,
    environment: place.environment,
    plan: deploy.plan,
    loosenings: deploy.loosenings,
    facts,
    attests: next !== null,
    authors,
    brief: request.brief,
    isPreview: options.isPreview === true,
    isGlassBroken: request.breakGlass !== undefined,
    hasApprover: approversIn(principals, place, { now, except: [by, ...authors] }).length > 0,
  });
}

/** A release may say that it need not come after an environment, and take it away with the next one; not both at once. */
export function requireStill(
  { service, environments }: Manifest,
  { environment, after }: { readonly environment: string; readonly after: string },
): void {
  if (Object.hasOwn(environments, after)) return;
  throw new BelayError({
    code: "BELAY_POLICY_STAGING_GONE",
    message: `the release of ${service} that serves in ${environment} came after ${after}, so this one does too, and its belay.yml has no ${after}`,
    next: `Keep ${after} and write environments.${environment}.after: none; with the rollout behind that one ${after} can go.`,
  });
}
