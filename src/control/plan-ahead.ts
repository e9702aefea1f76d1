import { BelayError } from "../errors.ts";
import { parseManifest } from "../manifest/parse-manifest.ts";
import type { Releases } from "../release/releases.ts";
import { type Opening, openingAt } from "../rollout/calendar.ts";
import { isEnded, type Plan, type Route } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";
import { planDeploy } from "./plan-deploy.ts";
import type { Exceptions } from "./plan-needs.ts";
import type { DeployToPlan, PlannedDeploy } from "./planned-deploy.ts";
import type { ServiceRequest } from "./requests.ts";
import { ruledRoutes } from "./ruled-routes.ts";
import { approversOf, type BudgetLeft } from "./slo.ts";

/** A deploy that is only asked about: belay.yml as it lies in somebody's folder. */
export interface PlanRequest extends ServiceRequest, Exceptions {
  /** The text of belay.yml. */
  readonly manifest: string;
}

/** What a deploy would do, as far as it can be known before anything is built. */
export interface PlanView {
  readonly service: string;
  readonly environment: string;
  /** Why it would be refused at once; null when it would not. The plan is then the one that it would have had as a fix. */
  readonly refusal: { readonly code: string; readonly message: string; readonly next: string } | null;
  readonly plan: Plan | null;
  /** What the traffic lets expect. */
  readonly forecast: string;
  /** The environment where the same bundle has to pass first. */
  readonly after: string | null;
  /** The release that serves everyone now, and goes on to if this one is taken back; null at the first deploy. */
  readonly stable: string | null;
  /** A rollout of the service that is under way, which a deploy would have to replace. */
  readonly running: string | null;
  /** Whether a step further would be allowed now; null where no hours are kept to. */
  readonly hours: { readonly isOpen: boolean; readonly why: string; readonly opensAt: string | null } | null;
  /** Null before the first release. */
  readonly budget: BudgetLeft | null;
  /** People other than the one who asks whose approval could count. */
  readonly approvers: readonly string[];
  /** Of the last minute; null when nothing serves yet. */
  readonly newUnitsPerSecond: number | null;
  /** Routes of the release that serves on which no request came since the proxies were started. */
  readonly quietRoutes: readonly string[];
  /** What may be repeated and copied while the release is compared, by the lines of both; undefined where it is compared with nothing. */
  readonly routes?: readonly Route[] | undefined;
  /** Why weights are forced to 0, or empty. */
  readonly trouble: readonly string[];
}

type Planning = Omit<DeployToPlan, "request" | "releases" | "revision" | "keepsValues"> & {
  readonly releases: Pick<Releases, "readFile">;
};

/** A commit that there is none of. */
const notCommitted = "0".repeat(40);

/** Plans a deploy without anything that a deploy would leave behind: nothing is sent, resolved or recorded. */
export async function planAhead(options: {
  readonly request: PlanRequest;
  readonly planning: Planning;
  readonly trouble: string | null;
  routesMet(service: Service): ReadonlySet<string>;
}): Promise<PlanView> {
  const { request, planning, trouble } = options;
  const { environment, service: name, manifest } = request;
  requireSameService(manifest, name);
  const own = planning.deployments.all().find((service) => service.name === name && service.environment === environment);
  const serving = own !== undefined && own.stable !== null ? own : null;
  const attempt = await tryToPlan(request, planning);
  // How it would go on is of use to whoever decides whether it is a fix.
  const planned = attempt.planned ?? (await tryToPlan({ ...request, fix: "a look ahead" }, planning)).planned;
  const plan = planned?.fact.plan ?? null;
  const { now, by, deployments } = planning;
  const { principals } = deployments;
  const routes = serving?.releases[serving.stable ?? ""]?.routes ?? [];
  const met = serving === null ? new Set<string>() : options.routesMet(serving);
  const running = own?.rollout ?? null;
  return {
    service: name,
    environment,
    refusal: attempt.refusal,
    plan,
    forecast: planned?.forecast ?? "",
    after: planned?.after ?? null,
    stable: serving?.stable ?? null,
    running: running === null || isEnded(running) ? null : running.id,
    hours: plan?.calendar === undefined ? null : toHours(openingAt(plan.calendar, now)),
    budget: serving === null ? null : planning.budgetLeft(serving),
    approvers: approversOf({ principals, by, from: [], place: { environment, service: name }, now }),
    newUnitsPerSecond: serving === null ? null : planning.newUnitsPerSecond(serving),
    quietRoutes: routes.map(({ host, path }) => `${host}${path}`).filter((route) => !met.has(route)),
    ...(serving === null ? {} : { routes: ruledRoutes(routes, routesIn(manifest, environment)) }),
    trouble: trouble === null ? [] : [trouble],
  };
}

/** Undefined for a manifest that is refused, and where it says nothing of the environment. */
function routesIn(text: string, environment: string): readonly Route[] | undefined {
  const parsed = parseManifest(text, "belay.yml");
  return parsed.ok ? parsed.manifest.environments[environment]?.routes : undefined;
}

async function tryToPlan(
  request: PlanRequest,
  planning: Planning,
): Promise<{ readonly planned: PlannedDeploy | null; readonly refusal: PlanView["refusal"] }> {
  const { manifest, environment, service: _, ...exceptions } = request;
  const { readFile } = planning.releases;
  try {
    const planned = await planDeploy({
      ...planning,
      releases: { readFile: async (commit, path) => (commit === notCommitted ? manifest : readFile(commit, path)) },
      // What is in no commit cannot be compared with one.
      history: { ...planning.history, compareCommits: async () => null },
      // What a deploy resolves it keeps; whether the values are all there, preflight says.
      isPreview: true,
      request: { commit: notCommitted, isDirty: true, root: "", environment, supersede: true, ...exceptions },
    });
    return { planned, refusal: null };
  } catch (cause) {
    if (!(cause instanceof BelayError)) throw cause;
    const { code, message, next } = cause;
    return { planned: null, refusal: { code, message, next } };
  }
}

function toHours(opening: Opening): PlanView["hours"] {
  return opening.isOpen
    ? { isOpen: true, why: "", opensAt: null }
    : { isOpen: false, why: opening.why, opensAt: opening.opensAt?.toString() ?? null };
}

function requireSameService(text: string, service: string): void {
  const parsed = parseManifest(text, "belay.yml");
  if (!parsed.ok || parsed.manifest.service === service) return;
  throw new BelayError({
    code: "BELAY_API_BAD_REQUEST",
    message: `the manifest is that of ${parsed.manifest.service}, and ${service} was asked about`,
    next: "Ask about the service that the manifest names.",
  });
}
