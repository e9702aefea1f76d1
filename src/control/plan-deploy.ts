import { freezePlan } from "../analysis/freeze-plan.ts";
import type { Configs } from "../config/configs.ts";
import { BelayError } from "../errors.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { describeProblems, parseManifest } from "../manifest/parse-manifest.ts";
import { heldCalendar } from "../preflight/windows.ts";
import type { BuildRequest, Releases } from "../release/releases.ts";
import { describeNeeds } from "../rollout/approval.ts";
import type { Calendar } from "../rollout/calendar.ts";
import type { Plan, Release, Rollout } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";
import type { Deployments } from "./deployments.ts";
import { judgeDeploy, requireStill } from "./judge-deploy.ts";
import { supervise } from "./plan-needs.ts";
import type { DeployToPlan, PlannedDeploy } from "./planned-deploy.ts";
import type { DeployRequest } from "./requests.ts";
import { type ManifestFiles, rulesFor } from "./rules.ts";
import { type BudgetLeft, requireApprover, spentBudget, spentWords } from "./slo.ts";
import { takenRoute } from "./taken-route.ts";

interface FrozenPlan {
  readonly plan: Plan;
  /** What it lets expect. */
  readonly words: string;
}

/** Checks a deploy as far as it can be checked before anything runs, and freezes its plan. */
export async function planDeploy(options: DeployToPlan): Promise<PlannedDeploy> {
  const { request, releases, deployments, now, newUnitsPerSecond, revision } = options;
  const services = deployments.all();
  const asked = await readManifest(releases, request);
  options.mayTouch?.({ environment: request.environment, service: asked.service });
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
  const perSecond = isFirst ? null : newUnitsPerSecond(own);
  const held = heldCalendar({ spec: manifest.checks, environment: request.environment, calendar, now });
  const posted = withoutUnposted(manifest.plan, isFirst ? undefined : own?.releases[own.stable ?? ""]);
  const frozen = next === null ? keepTo(held, freezePlan(posted.plan, perSecond)) : stagingPlan(manifest.plan, next);
  const place = { service: manifest.service, environment: request.environment };
  const left = isFirst || next !== null ? null : options.budgetLeft(own);
  const mayPass = request.fix !== undefined || revision !== undefined;
  const spent = mayPass ? null : spentBudget(own, left);
  if (spent !== null && request.breakGlass === undefined) {
    const from = manifest.environments[request.environment]?.approvals?.from ?? [];
    requireApprover(spent, { principals: deployments.principals, by: options.by, from, place, now });
  }
  const config = options.isPreview === true ? (stable?.config ?? null) : await resolveConfig(manifest, { ...options, own });
  const judged = await judgeDeploy(options, {
    place,
    own,
    stable,
    was,
    asked,
    manifest,
    loosenings,
    plan: frozen.plan,
    next,
    config,
  });
  const { plan, breakGlass } = supervise({
    manifest,
    environment: request.environment,
    plan: judged.plan,
    isFirst,
    attests: next !== null,
    exceptions: request,
    spentBudget: spent,
    now,
    own: judged.needs,
    waived: judged.waived,
  });
  const { commit, root, isDirty, bundle, tag } = request;
  const sent = {
    ...(bundle === undefined ? {} : { bundle }),
    ...(config === null ? {} : { config }),
    ...(tag === undefined ? {} : { tag }),
    ...(revision === undefined ? {} : { revisionOf: revision.id }),
    ...(next === null ? {} : { attests: true }),
    ...(request.fix === undefined ? {} : { fix: request.fix }),
    ...(breakGlass === undefined ? {} : { breakGlass }),
  };
  const { judgement } = judged;
  const expected = `${frozen.words}${posted.words}${budgetWords(left, spent)}`;
  const words = withApprovals([expected, ...judgement.consequences].join("; "), plan);
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

function eventsOf({ kpis = [] }: Pick<Plan, "kpis">): { readonly events?: readonly string[] } {
  const events = new Set(kpis.flatMap(({ good }) => (good.kind === "event" ? [good.event] : [])));
  return events.size === 0 ? {} : { events: [...events] };
}

/** What stable does not post yet cannot be compared: of such an event all would come from the canary. */
function withoutUnposted(
  plan: Manifest["plan"],
  stable: Release | undefined,
): { readonly plan: Manifest["plan"]; readonly words: string } {
  const { kpis, ...others } = plan;
  if (kpis === undefined || stable === undefined) return { plan, words: "" };
  const posted = kpis.filter(({ good }) => good.kind === "route" || stable.events?.includes(good.event) === true);
  if (posted.length === kpis.length) return { plan, words: "" };
  const left = kpis.filter((kpi) => !posted.includes(kpi)).map(({ name }) => name);
  const words = `; not judged this time: ${left.join(", ")}, because the release that serves does not post its event yet`;
  return { plan: posted.length === 0 ? others : { ...others, kpis: posted }, words };
}

function keepTo(calendar: Calendar | null, { plan, words }: FrozenPlan): FrozenPlan {
  return { plan: calendar === null ? plan : { ...plan, calendar }, words };
}

/** A spent budget is told to whoever deploys, also where it stops nobody. */
function budgetWords(left: BudgetLeft | null, spent: string | null): string {
  return left === null || !left.isExhausted || spent !== null ? "" : `; ${spentWords(left)}`;
}

/** What is waited for is said before the start, too. */
function withApprovals(words: string, { needs = [] }: Plan): string {
  const asked = needs.filter(({ people, kind }) => people > 0 && kind !== "window");
  return asked.length === 0 ? words : `${words}; it waits for ${describeNeeds(asked)}`;
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
  options: Pick<DeployToPlan, "configs" | "request" | "revision" | "by" | "mayCompare" | "keepsValues"> & {
    readonly own: Service | undefined;
  },
): Promise<string | null> {
  const { configs, request, revision, by, mayCompare, own, keepsValues } = options;
  const stable = own === undefined || own.stable === null ? undefined : own.releases[own.stable];
  const { environment, config: sent = {} } = request;
  const buildSecrets = revision === undefined && request.bundle === undefined ? manifest.release.secrets : [];
  const tokens = (manifest.plan.sources ?? []).flatMap(({ token }) => token ?? []);
  return configs.resolve({
    place: { environment, service: manifest.service },
    contract: manifest.config,
    sources: requireEnvironment(manifest, environment).config,
    // What comes before another environment compares nothing, so that it asks no source.
    neededSecrets: [...buildSecrets, ...(environmentAfter(manifest, environment) === null ? tokens : [])],
    sent,
    kept: (keepsValues === true ? stable : revision)?.config ?? null,
    by,
    mayCompare,
  });
}

/** What to build for a rollout: the manifest of its own commit decides, not the one of today. Throws `BELAY_SECRET_UNKNOWN`. */
export async function planBuild(
  releases: Pick<Releases, "readFile">,
  {
    rollout,
    staged,
    rules,
    configs,
  }: {
    readonly rollout: Rollout;
    readonly staged: Release | null /** What it is judged by. */;
    readonly rules: Manifest;
    readonly configs: Pick<Configs, "secretValues">;
  },
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
    ...eventsOf(rules.plan),
    assets: manifest.assets,
    processes: manifest.processes,
    expose: manifest.expose,
    ...(manifest.shadow === null ? {} : { shadow: manifest.shadow }),
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
