import { forecast } from "../analysis/forecast.ts";
import { planSteps } from "../analysis/plan-steps.ts";
import { durationWords } from "../analysis/words.ts";
import { BelayError } from "../errors.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { describeProblems, parseManifest } from "../manifest/parse-manifest.ts";
import { heldCalendar } from "../preflight/windows.ts";
import type { BuildRequest, Releases } from "../release/releases.ts";
import type { Calendar } from "../rollout/calendar.ts";
import type { RolloutFact } from "../rollout/entry.ts";
import type { Plan, Release, Rollout } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";
import type { DeployRequest } from "./control-plane.ts";
import { takenRoute } from "./taken-route.ts";

export interface PlannedDeploy {
  readonly service: string;
  readonly forecast: string;
  /** The environment in which the same bundle must have passed first, or null. */
  readonly after: string | null;
  readonly fact: RolloutFact & { kind: "rollout-requested"; rolloutKind: "deploy" };
}

interface FrozenPlan {
  readonly plan: Plan;
  /** What it lets expect. */
  readonly words: string;
}

/** Checks a deploy as far as it can be checked before anything runs, and freezes its plan. */
export async function planDeploy(options: {
  readonly request: DeployRequest;
  readonly releases: Pick<Releases, "readFile">;
  readonly services: readonly Service[];
  readonly now: Temporal.Instant;
  newVisitorsPerSecond(service: Service): number;
}): Promise<PlannedDeploy> {
  const { request, releases, services, now, newVisitorsPerSecond } = options;
  const manifest = await readManifest(releases, request);
  const { routes, after, calendar } = requireEnvironment(manifest, request.environment);
  const taken = takenRoute({ service: manifest.service, environment: request.environment, routes }, services);
  if (taken !== null) throw taken;
  const own = services.find((service) => service.name === manifest.service && service.environment === request.environment);
  const next = environmentAfter(manifest, request.environment);
  const held = heldCalendar({ spec: manifest.checks, environment: request.environment, calendar, now });
  const { plan, words } =
    next === null
      ? keepTo(held, freezePlan(manifest.plan, own === undefined || own.stable === null ? null : newVisitorsPerSecond(own)))
      : stagingPlan(manifest.plan, next);
  const { commit, root, isDirty, bundle } = request;
  const sent = { ...(bundle === undefined ? {} : { bundle }), ...(next === null ? {} : { attests: true }) };
  const forecast = after === null ? words : `first the same bundle in ${after}; then ${words}`;
  return {
    service: manifest.service,
    forecast,
    after,
    fact: { kind: "rollout-requested", rolloutKind: "deploy", commit, root, isDirty, ...sent, plan, forecast },
  };
}

function keepTo(calendar: Calendar | null, { plan, words }: FrozenPlan): FrozenPlan {
  return { plan: calendar === null ? plan : { ...plan, calendar }, words };
}

/** The environment that this one comes before. */
function environmentAfter({ environments }: Manifest, environment: string): string | null {
  return Object.keys(environments).find((name) => environments[name]?.after === environment) ?? null;
}

/** Nobody is there to be compared, so a release is for everyone as soon as it is ready, and the one before it need not wait. */
function stagingPlan(plan: Manifest["plan"], next: string): FrozenPlan {
  return {
    plan: { ...plan, steps: [], bakeMs: 0, keepWarmMs: 0, onInconclusive: "continue" },
    words: `it goes to everyone there as soon as it is ready; that it was, is recorded for ${next}`,
  };
}

/**
 * What the manifest leaves open is decided by the visitors of the last minute (null: nothing serves yet), and it is said before
 * the start what that plan can show. A gate that this traffic cannot pass would only hold the release, so there the steps go on
 * without evidence, unless the manifest says otherwise.
 */
function freezePlan(plan: Manifest["plan"], visitorsPerSecond: number | null): FrozenPlan {
  const known = { ...plan, onInconclusive: plan.onInconclusive ?? ("hold" as const) };
  const named = plan.steps ?? [];
  const isPlanned = named.every(({ cohort }) => cohort !== undefined);
  const steps = isPlanned ? [...named, ...planSteps(known, visitorsPerSecond ?? 0)] : named;
  if (visitorsPerSecond === null) {
    const words = "first release, nothing to compare with: it goes to everyone as soon as it is ready";
    return { plan: { ...known, steps }, words };
  }
  const expected = forecast({ ...known, steps }, visitorsPerSecond);
  const ladder = isPlanned
    ? `; steps planned from it: ${steps
        .slice(named.length)
        .map(({ weight }) => `${weight / 100} %`)
        .join(", ")}`
    : "";
  if (expected.canPass)
    return { plan: { ...known, steps }, words: `${expected.words}${ladder}; about ${durationWords(expected.totalMs)} in all` };
  const onInconclusive = plan.onInconclusive ?? "continue";
  const end =
    onInconclusive === "continue"
      ? "its steps go on without statistical evidence"
      : `it will end by onInconclusive: ${onInconclusive}`;
  const longestMs = steps.length * known.maxHoldMs + known.bakeMs;
  const length = onInconclusive === "continue" ? `; ${durationWords(longestMs)} in all at the most` : "";
  return { plan: { ...known, steps, onInconclusive }, words: `${expected.words}${ladder}; ${end}${length}` };
}

/** What to build for a rollout: the manifest of its own commit decides, not the one of today. */
export async function planBuild(
  releases: Pick<Releases, "readFile">,
  rollout: Rollout,
  staged: Release | null = null,
): Promise<BuildRequest> {
  const { commit, root, environment, isDirty, bundle } = rollout;
  const manifest = await readManifest(releases, { commit, root });
  const { routes, trustedProxies } = requireEnvironment(manifest, environment);
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
  };
}

/** The manifest that a rollout is judged by: the one of its own commit. */
export async function manifestOf(releases: Pick<Releases, "readFile">, { commit, root }: Rollout): Promise<Manifest> {
  return readManifest(releases, { commit, root });
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
