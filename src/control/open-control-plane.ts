import type { Configs } from "../config/configs.ts";
import { BelayError } from "../errors.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Releases } from "../release/releases.ts";
import { type Command, requireApprovedGates, requireCommand, requireRunning } from "../rollout/commands.ts";
import type { RolloutFact } from "../rollout/entry.ts";
import { rollbackPlan } from "../rollout/fold.ts";
import type { RiskFacts } from "../rollout/risk.ts";
import { type Actor, isEnded, type Release, type Rollout } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";
import { beginDeploy, begunBefore } from "./begin-deploy.ts";
import { manifestSource, trustBundle } from "./bundle-source.ts";
import {
  requireChange,
  requireStable,
  requireStillStable,
  secretCommands,
  showConfig,
  toDeployRequest,
} from "./config-commands.ts";
import { type ControlLoop, entryOf } from "./control-loop.ts";
import type { ControlPlane, StatusView } from "./control-plane.ts";
import { sumTurnedAway } from "./front-sums.ts";
import { type LogPlaces, listLogs } from "./instance-logs.ts";
import { requireSameRules } from "./judge-deploy.ts";
import { mayCompareAs } from "./may-compare.ts";
import { collectMetrics } from "./metrics.ts";
import { viewPaths } from "./path-view.ts";
import { planAhead } from "./plan-ahead.ts";
import { planDeploy } from "./plan-deploy.ts";
import { policyCommands } from "./policy-commands.ts";
import type { Previews } from "./previews.ts";
import type { DeployRequest, MayTouch, ServiceRequest } from "./requests.ts";
import { requireAnsweringCandidate, requireOpenWindow, requireTarget } from "./required.ts";
import { rolloutId } from "./rollout-id.ts";
import { requireKnownTasks, requireOneOff, resolveTask, startOneOff, stopOneOff } from "./run-commands.ts";
import { scrapeTargets } from "./scrape-targets.ts";
import { budgetLeft, viewSlo } from "./slo.ts";
import { stagedBefore } from "./staging.ts";
import { requireNamed, supervisionCommands } from "./supervision-commands.ts";
import { burningOf, viewRollout, viewService } from "./views.ts";
import type { World } from "./world.ts";

export interface ControlPlaneOptions extends LogPlaces {
  readonly world: World;
  readonly loop: ControlLoop;
  readonly ledger: Ledger;
  readonly releases: Pick<Releases, "readFile" | "readBundle" | "compareCommits">;
  readonly previews: Previews;
  readonly configs: Configs;
  readonly program: string;
  /** Where the listening sockets are bound, by name. */
  addresses(): Promise<Readonly<Record<string, string>>>;
}

interface DeployOptions {
  readonly revision?: Release;
  readonly mayTouch?: MayTouch;
  readonly isPreview?: boolean;
}

/** People's verbs, turned into entries. What then happens is the loop's business. */
export function openControlPlane(options: ControlPlaneOptions): ControlPlane {
  const { world, loop, ledger, previews } = options;
  const { deployments } = loop.journal;

  /** A command on the running rollout of a service. */
  const command = async (request: ServiceRequest, verb: Command, fact: RolloutFact, actor: Actor) => {
    const service = requireService(loop, request);
    const rollout = requireRunning(service.rollout, service.name);
    requireCommand(rollout, verb);
    if (fact.kind === "promote-requested" || fact.kind === "resume-requested") {
      requireAnsweringCandidate(service, rollout);
      requireOpenWindow(rollout, verb, world.clock.now());
      if (fact.kind === "promote-requested") requireApprovedGates(rollout, fact, world.clock.now());
    }
    loop.submit([entryOf(rollout, actor, fact)]);
    return { rollout: rollout.id };
  };

  /** What every plan is made of, besides what is asked for. */
  const planning = (actor: Actor) => ({
    history: options.releases,
    deployments,
    now: world.clock.now(),
    configs: options.configs,
    by: actor.name,
    mayCompare: mayCompareAs(deployments.principals, { actor, now: world.clock.now() }),
    budgetLeft: (service: Service) => budgetLeft(service, loop.evidence.traffic, world.clock.monotonicMs()),
    budgetOf: (service: Service) => budgetOf(options, service),
    newUnitsPerSecond: (service: Service) => newUnitsPerSecond(options, service),
  });

  /** What a request would start: with a revision, that release with another configuration. */
  const plan = async (asked: DeployRequest, actor: Actor, { revision, mayTouch, isPreview = false }: DeployOptions) => {
    const request = await trustBundle(options.releases, asked);
    const releases = await manifestSource(options.releases, request.bundle);
    const planFor = (environment: string) => {
      const isAsked = environment === request.environment;
      return planDeploy({
        // What the deployer's environment holds is meant for the one that was asked for: the one before keeps what it has.
        request: isAsked ? request : { ...request, environment, config: {} },
        releases,
        ...planning(actor),
        ...(revision === undefined ? {} : { revision }),
        keepsValues: !isAsked,
        ...(isAsked && mayTouch !== undefined ? { mayTouch } : {}),
        isPreview,
        ...(isAsked ? {} : { next: request.environment }),
      });
    };
    const planned = await planFor(request.environment);
    return { request, planned, planFor };
  };

  /** A rollout of what the request names. */
  const deploy = async (asked: DeployRequest, actor: Actor, own: DeployOptions = {}) => {
    const { revision } = own;
    const begun = begunBefore(asked, deployments);
    if (begun !== null) {
      const { service, ...answer } = begun;
      own.mayTouch?.({ environment: asked.environment, service });
      return answer;
    }
    if (asked.breakGlass !== undefined) requireNamed(loop, actor, world.clock.now());
    const { request, planned, planFor } = await plan(asked, actor, own);
    if (revision !== undefined) requireChange(revision, planned.fact);
    // Nothing starts there when it has passed already: its sources are not asked again.
    const { after, service } = planned;
    const isStaged = after !== null && stagedBefore(deployments.find(after, service), request, deployments) !== null;
    const before = after === null || isStaged ? null : await planFor(after);
    if (revision !== undefined) requireStillStable(revision, deployments.find(request.environment, planned.service));
    for (const each of before === null ? [planned] : [planned, before]) requireSameRules(each, deployments);
    const { rollout, forecast, judgement, entries } = beginDeploy({
      request,
      planned,
      before,
      deployments,
      actor,
      newId: (service) => rolloutId(service, world),
    });
    if (entries.length > 0) loop.submit(entries);
    if (request.breakGlass !== undefined && entries.length > 0)
      world.log.warn("one person alone pushes a release past the rules", { rollout, by: actor.name, reason: request.breakGlass });
    return { rollout, forecast, judgement };
  };

  return {
    status: async () => viewStatus(options),
    scrapeTargets: () => scrapeTargets(loop.instances.all),
    metrics: () =>
      collectMetrics({
        burning: (service) => burningOf(service, loop, world.clock.monotonicMs()),
        program: options.program,
        position: loop.journal.position,
        hasTrouble: loop.journal.trouble !== null,
        table: loop.table,
        services: deployments.all(),
        instances: loop.instances.all,
        workers: world.dataPlane.workers(),
        numbers: loop.workerNumbers.of(world.dataPlane.workers()),
        budgetLeft: (service) => budgetLeft(service, loop.evidence.traffic, world.clock.monotonicMs()).left,
        events: loop.events.counts(),
        summaryOf: ({ rollout, promotion }) =>
          loop.evidence.find((rollout !== null && !isEnded(rollout) ? rollout : promotion)?.id ?? "")?.summary() ?? null,
      }),
    deploy: (request, actor, mayTouch) => deploy(request, actor, mayTouch === undefined ? {} : { mayTouch }),
    plan: async (request, actor, mayTouch) => {
      const own = { isPreview: true, ...(mayTouch === undefined ? {} : { mayTouch }) };
      const { planned } = await plan(request, actor, own);
      const { service, forecast, after, judgement } = planned;
      return { service, environment: request.environment, forecast, after, judgement };
    },
    ...policyCommands(options),
    ...supervisionCommands(options),
    releaseConfig: async (request, actor) => {
      const revision = requireStable(requireService(loop, request));
      return deploy(toDeployRequest(revision, request), actor, { revision });
    },
    planAhead: (request, actor) =>
      planAhead({
        request,
        planning: { ...planning(actor), releases: options.releases },
        trouble: loop.journal.trouble,
        routesMet: ({ environment, name }) => loop.evidence.traffic.routesMet(environment, name),
      }),
    slo: async (request) => viewSlo(requireService(loop, request), loop.evidence.traffic, world.clock.monotonicMs()),
    paths: async (request) => viewPaths(requireService(loop, request), loop.workerNumbers.of(world.dataPlane.workers())),
    ...secretCommands(options),
    config: async (request) => showConfig(requireService(loop, request), request.release, options.configs),
    promote: (request, actor) => {
      const { isFull, skipsAnalysis } = request;
      const verb = skipsAnalysis ? "promote --skip-analysis" : isFull ? "promote --full" : "promote";
      return command(request, verb, { kind: "promote-requested", isFull, skipsAnalysis }, actor);
    },
    abort: (request, actor) => command(request, "abort", { kind: "abort-requested", reason: request.reason }, actor),
    pause: (request, actor) => command(request, "pause", { kind: "pause-requested", reason: request.reason }, actor),
    resume: async (request, actor) => {
      if (request.task === undefined) {
        requireKnownTasks(requireService(loop, request));
        return command(request, "resume", { kind: "resume-requested" }, actor);
      }
      const entry = resolveTask(requireService(loop, request), request.task, actor);
      loop.submit([entry]);
      return { rollout: entry.rollout };
    },
    rollback: async (request, actor) => {
      const service = requireService(loop, request);
      const running = service.rollout !== null && !isEnded(service.rollout) ? service.rollout : null;
      const isUnderWay = running?.kind === "rollback" && running.phase.name !== "aborting";
      // Whoever asks twice is in a hurry, and does not want the first one given up.
      if (isUnderWay && (request.target ?? running.candidate) === running.candidate) return { rollout: running.id };
      if (running !== null && request.target === null)
        return command(request, "abort", { kind: "abort-requested", reason: request.reason }, actor);
      const target = requireTarget(service, request.target);
      const id = rolloutId(service.name, world);
      const plan = rollbackPlan((service.promotion ?? requirePlan(service)).plan);
      const entries = running === null ? [] : [entryOf(running, actor, { kind: "superseded", by: id })];
      const fact: RolloutFact = {
        kind: "rollout-requested",
        rolloutKind: "rollback",
        target: target.id,
        plan,
        by: "person",
        reason: request.reason,
      };
      loop.submit([...entries, entryOf({ environment: service.environment, service: service.name, id }, actor, fact)]);
      return { rollout: id };
    },
    setMaintenance: async (request, actor) => {
      const { environment, name } = requireService(loop, request);
      const fact = { kind: "maintenance-changed", isOn: request.isOn, message: request.message } as const;
      loop.submit([{ environment, service: name, rollout: "", actor, fact }]);
      return { position: loop.table.epoch };
    },
    startRun: async (request, actor) => {
      const { run, entry } = startOneOff(requireService(loop, request), request, actor);
      loop.submit([entry]);
      return { run };
    },
    stopRun: async (request, actor) => {
      const nowMs = world.clock.now().epochMilliseconds;
      const entries = stopOneOff(requireService(loop, request), request.run, actor, nowMs);
      if (entries.length > 0) loop.submit(entries);
      return { run: request.run };
    },
    run: async (request) => {
      const run = requireOneOff(requireService(loop, request), request.run);
      return { run, file: options.logFileOf(run.run) };
    },
    preview: async (request, actor) => previews.make(requireService(loop, request), request, actor),
    rotatePreviewKeys: async (request, actor) => ({
      keys: previews.rotate(request, actor),
      position: loop.table.epoch,
    }),
    rollout: async (id) => {
      const rollout = deployments.rollout(id);
      if (rollout !== undefined) return viewRollout(rollout, loop, world.clock);
      throw new BelayError({
        code: "BELAY_ROLLOUT_UNKNOWN",
        message: `there is no rollout ${id}`,
        next: "Run `belay history` to see the rollouts.",
      });
    },
    history: ({ afterPosition, limit, rollout }) =>
      ledger.read({ afterPosition, limit, ...(rollout === undefined ? {} : { rollout }) }),
    checkpoint: () => ledger.checkpoint(),
    logFiles: async (request) => {
      const service = requireService(loop, request);
      return listLogs(service, request, options);
    },
  };
}

async function viewStatus({ world, loop, ledger, program, addresses }: ControlPlaneOptions): Promise<StatusView> {
  const numbers = loop.workerNumbers.of(world.dataPlane.workers());
  const services = loop.journal.deployments.all().map((service) => viewService(service, { loop, clock: world.clock, numbers }));
  return {
    program,
    log: ledger.log,
    isolation: "none",
    addresses: await addresses(),
    workers: world.dataPlane
      .workers()
      .map(({ worker, acknowledgedEpoch, isConnected }) => ({ worker, epoch: acknowledgedEpoch, isConnected })),
    trouble: loop.journal.trouble === null ? [] : [loop.journal.trouble],
    requestsLastMinute: services.reduce((sum, service) => sum + service.requestsLastMinute, 0),
    turnedAway: sumTurnedAway(numbers),
    services,
  };
}

/** What gates score, by request too: one request of each visitor. Measured over the last minute; a service that Belay has watched for less is taken at what came so far. */
function newUnitsPerSecond({ world, loop }: ControlPlaneOptions, service: Service): number {
  const nowMs = world.clock.monotonicMs();
  const { newVisitors } = loop.evidence.traffic.lastMinute(service.environment, service.name, nowMs);
  return newVisitors / loop.evidence.traffic.watchedSeconds(service.environment, service.name, nowMs);
}

/** How much is left of it nobody reckons yet; how fast it burns is known. */
function budgetOf({ world, loop }: ControlPlaneOptions, service: Service): RiskFacts["budget"] {
  const { environment, name, promotion } = service;
  const availability = promotion?.plan.sloAvailability ?? 0.999;
  const nowMs = world.clock.monotonicMs();
  const left = budgetLeft(service, loop.evidence.traffic, nowMs)?.left ?? null;
  return { left, isBurning: loop.evidence.traffic.burning(environment, name, { availability, nowMs }).length > 0 };
}

function requireService(loop: ControlLoop, { environment, service }: ServiceRequest): Service {
  const found = loop.journal.deployments.find(environment, service);
  if (found !== undefined) return found;
  // The others are not named: who asks may be one who sees this service alone.
  throw new BelayError({
    code: "BELAY_SERVICE_UNKNOWN",
    message: `nothing was ever deployed as ${service} in ${environment}`,
    next: "Run `belay status` to see the services by name, or `belay deploy` in the service's repository.",
  });
}

function requirePlan(service: Service): Rollout {
  if (service.rollout !== null) return service.rollout;
  throw new BelayError({
    code: "BELAY_ROLLOUT_NONE",
    message: `${service.name} has no rollout`,
    next: "Run `belay deploy` first.",
  });
}
