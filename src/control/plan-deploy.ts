import { freezePlan } from "../analysis/freeze-plan.ts";
import type { Configs } from "../config/configs.ts";
import { BelayError } from "../errors.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { describeProblems, parseManifest } from "../manifest/parse-manifest.ts";
import { heldCalendar } from "../preflight/windows.ts";
import type { BuildRequest, Releases } from "../release/releases.ts";
import { describeNeed } from "../rollout/approval.ts";
import type { Calendar } from "../rollout/calendar.ts";
import type { RolloutFact } from "../rollout/entry.ts";
import type { Judgement } from "../rollout/judgement.ts";
import type { Loosening } from "../rollout/loosening.ts";
import type { PinnedPolicy } from "../rollout/pinned-policy.ts";
import { approversIn } from "../rollout/principal.ts";
import type { RiskFacts } from "../rollout/risk.ts";
import type { Plan, Release, Rollout, Unit } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";
import { authorNames, gatherFacts } from "./change-facts.ts";
import type { DeployRequest } from "./control-plane.ts";
import type { Deployments } from "./deployments.ts";
import { type JudgedChange, judgeChange } from "./judge-change.ts";
import { supervise } from "./plan-needs.ts";
import { type ManifestFiles, rulesFor } from "./rules.ts";
import { takenRoute } from "./taken-route.ts";

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

interface FrozenPlan {
  readonly plan: Plan;
  /** What it lets expect. */
  readonly words: string;
}

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
  /** For a config release: the release whose revision it takes. */
  readonly revision?: Release;
  /** What this environment was given by its last deployer is taken again, because nobody deploys to it by name. */
  readonly keepsValues?: boolean;
  /** Nothing is to start: no configuration is resolved, and a brief that is missing is told instead of refused. */
  readonly isPreview?: boolean;
  /** The environment that this one comes before, where the caller knows it: by the rules of the release that serves there. */
  readonly next?: string;
  newUnitsPerSecond(service: Service, unit: Unit): number;
  /** Of the error budget. */
  budgetOf(service: Service): RiskFacts["budget"];
}

/** Checks a deploy as far as it can be checked before anything runs, and freezes its plan. */
export async function planDeploy(options: DeployToPlan): Promise<PlannedDeploy> {
  const { request, releases, deployments, now, newUnitsPerSecond, revision } = options;
  const services = deployments.all();
  const asked = await readManifest(releases, request);
  requireEnvironment(asked, request.environment);
  const own = services.find((service) => service.name === asked.service && service.environment === request.environment);
  const stable = own === undefined || own.stable === null ? null : (own.releases[own.stable] ?? null);
  const { was, manifest, loosenings } = await rulesFor(options.history, {
    manifest: asked,
    environment: request.environment,
    stable,
    pinned: deployments.pinned,
    now,
  });
  const { routes, after: comesAfter, calendar } = requireEnvironment(manifest, request.environment);
  // The files of a config release serve here already, and what is new in it is of this environment alone.
  const after = revision === undefined ? comesAfter : null;
  if (after !== null) requireStill(asked, { environment: request.environment, after });
  const taken = takenRoute({ service: manifest.service, environment: request.environment, routes }, services);
  if (taken !== null) throw taken;
  const next = options.next ?? environmentAfter(manifest, request.environment);
  const isFirst = own === undefined || own.stable === null;
  const perSecond = isFirst ? null : newUnitsPerSecond(own, manifest.plan.evidence ?? "visitor");
  const held = heldCalendar({ spec: manifest.checks, environment: request.environment, calendar, now });
  const frozen = next === null ? keepTo(held, freezePlan(manifest.plan, perSecond)) : stagingPlan(manifest.plan, next);
  const config = options.isPreview === true ? (stable?.config ?? null) : await resolveConfig(manifest, { ...options, own });
  const place = { service: manifest.service, environment: request.environment };
  const judged = await judge(options, { place, own, stable, was, asked, manifest, loosenings, plan: frozen.plan, next, config });
  const { plan, breakGlass } = supervise({
    manifest,
    environment: request.environment,
    plan: judged.plan,
    isFirst,
    attests: next !== null,
    exceptions: request,
    now,
    own: judged.needs,
    waived: judged.waived,
  });
  const { commit, root, isDirty, bundle } = request;
  const sent = {
    ...(bundle === undefined ? {} : { bundle }),
    ...(config === null ? {} : { config }),
    ...(revision === undefined ? {} : { revisionOf: revision.id }),
    ...(next === null ? {} : { attests: true }),
    ...(breakGlass === undefined ? {} : { breakGlass }),
  };
  const { judgement } = judged;
  const words = withApprovals([frozen.words, ...judgement.consequences].join("; "), plan);
  const forecast = after === null ? words : `first the same bundle in ${after}; then ${words}`;
  return {
    service: manifest.service,
    environment: request.environment,
    forecast,
    after,
    judgement,
    judgedBy: { stable: stable?.id ?? null, pinned: deployments.pinned },
    fact: { kind: "rollout-requested", rolloutKind: "deploy", commit, root, isDirty, ...sent, judgement, plan, forecast },
  };
}

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

interface JudgedDeploy {
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
async function judge(options: DeployToPlan, deploy: JudgedDeploy): Promise<JudgedChange> {
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
    hasApprover: (from) => approversIn(principals, place, { now, except: [by, ...authors], from }).length > 0,
  });
}

/** A release may say that it need not come after an environment, and take it away with the next one; not both at once. */
function requireStill(
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

function keepTo(calendar: Calendar | null, { plan, words }: FrozenPlan): FrozenPlan {
  return { plan: calendar === null ? plan : { ...plan, calendar }, words };
}

/** What is waited for is said before the start, too. */
function withApprovals(words: string, { needs = [] }: Plan): string {
  const asked = needs.filter(({ people, kind }) => people > 0 && kind !== "window");
  return asked.length === 0 ? words : `${words}; it waits for ${asked.map(describeNeed).join(", and for ")}`;
}

/** The environment that this one comes before. */
function environmentAfter({ environments }: Manifest, environment: string): string | null {
  return Object.keys(environments).find((name) => environments[name]?.after === environment) ?? null;
}

/** Nobody is there to be compared, so a release is for everyone as soon as it is ready, and the one before it need not wait. */
function stagingPlan({ withinMs: _, ...plan }: Manifest["plan"], next: string): FrozenPlan {
  return {
    plan: { ...plan, steps: [], bakeMs: 0, keepWarmMs: 0, onInconclusive: "continue" },
    words: `it goes to everyone there as soon as it is ready; that it was, is recorded for ${next}`,
  };
}

/** Once, and before anything runs: what an instance gets does not change between its starts. Throws `BELAY_CONFIG_REFUSED`. */
function resolveConfig(
  manifest: Manifest,
  options: Pick<DeployToPlan, "configs" | "request" | "revision" | "by" | "keepsValues"> & { readonly own: Service | undefined },
): Promise<string | null> {
  const { configs, request, revision, by, own, keepsValues } = options;
  const stable = own === undefined || own.stable === null ? undefined : own.releases[own.stable];
  const { environment, config: sent = {} } = request;
  return configs.resolve({
    place: { environment, service: manifest.service },
    contract: manifest.config,
    sources: requireEnvironment(manifest, environment).config,
    buildSecrets: revision === undefined && request.bundle === undefined ? manifest.release.secrets : [],
    sent,
    kept: (keepsValues === true ? stable : revision)?.config ?? null,
    by,
  });
}

/** What to build for a rollout: the manifest of its own commit decides, not the one of today. Throws `BELAY_SECRET_UNKNOWN`. */
export async function planBuild(
  releases: Pick<Releases, "readFile">,
  {
    rollout,
    staged,
    configs,
  }: { readonly rollout: Rollout; readonly staged: Release | null; readonly configs: Pick<Configs, "secretValues"> },
): Promise<BuildRequest> {
  const { commit, root, environment, isDirty, bundle, config } = rollout;
  const manifest = await readManifest(releases, { commit, root });
  const { routes, trustedProxies } = requireEnvironment(manifest, environment);
  const { service, release } = manifest;
  // Built elsewhere, with the secrets that there are there.
  const names = bundle === undefined && staged === null ? release.secrets : [];
  return {
    service: manifest.service,
    environment,
    commit,
    isDirty,
    bundle,
    ...(staged === null ? {} : { staged }),
    run: manifest.run,
    tasks: manifest.tasks,
    routes,
    ...(trustedProxies.length === 0 ? {} : { trustedProxies }),
    assets: manifest.assets,
    processes: manifest.processes,
    expose: manifest.expose,
    root,
    build: manifest.release.build,
    buildTimeoutMs: manifest.release.buildTimeoutMs,
    include: manifest.release.include,
    ...(config === undefined ? {} : { config }),
    secrets: names.length === 0 ? {} : configs.secretValues({ environment, service }, names),
  };
}

/** The manifest that the release of a rollout is inspected by: of every rule the stricter, as when its plan was frozen. */
export async function manifestOf(
  releases: Pick<Releases, "readFile">,
  {
    rollout,
    history,
    deployments,
    now,
  }: { readonly rollout: Rollout; readonly history: ManifestFiles } & Pick<DeployToPlan, "now"> & {
      readonly deployments: Pick<Deployments, "find" | "pinned">;
    },
): Promise<Manifest> {
  const { environment, stable } = rollout;
  const service = deployments.find(environment, rollout.service);
  const { manifest } = await rulesFor(history, {
    manifest: await readManifest(releases, rollout),
    environment,
    stable: stable === null ? null : (service?.releases[stable] ?? null),
    pinned: deployments.pinned,
    now,
  });
  return manifest;
}

async function readManifest(
  releases: Pick<Releases, "readFile">,
  { commit, root }: Pick<DeployRequest, "commit" | "root">,
): Promise<Manifest> {
  const path = root === "" ? "belay.yml" : `${root}/belay.yml`;
  const text = await releases.readFile(commit, path);
  if (text === undefined) {
    throw new BelayError({
      code: "BELAY_MANIFEST_MISSING",
      message: `commit ${commit.slice(0, 12)} has no ${path}`,
      next: "Run `belay init` in the service's folder (six lines are enough), commit belay.yml, and deploy again.",
    });
  }
  const parsed = parseManifest(text, path);
  if (parsed.ok) return parsed.manifest;
  throw new BelayError({
    code: "BELAY_MANIFEST_INVALID",
    message: describeProblems(parsed.problems),
    next: "Mend the lines named above, commit, and run `belay deploy` again.",
  });
}

function requireEnvironment(manifest: Manifest, environment: string): Manifest["environments"][string] {
  const found = Object.hasOwn(manifest.environments, environment) ? manifest.environments[environment] : undefined;
  if (found !== undefined) return found;
  throw new BelayError({
    code: "BELAY_MANIFEST_ENVIRONMENT_UNKNOWN",
    message: `belay.yml of ${manifest.service} has no environment ${environment} (it has ${Object.keys(manifest.environments).join(", ")})`,
    next: "Name one of these with --environment, or add the environment to belay.yml.",
  });
}
