import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { createApi } from "../api/create-api.ts";
import { createEventsApp, eventsBounds } from "../api/events-app.ts";
import { type ApiAuth, allowedHosts } from "../api/guard.ts";
import { createMetricsApp } from "../api/metrics-routes.ts";
import { apiTokenFile, serveApi } from "../api/serve-api.ts";
import { readApiToken } from "../api/token.ts";
import type { Configs, Place } from "../config/configs.ts";
import { openConfigs } from "../config/open-configs.ts";
import { runSource } from "../config/run-source.ts";
import { openSealedFiles } from "../config/sealed-files.ts";
import { bootTrialOf } from "../control/boot-trial.ts";
import { manifestSource } from "../control/bundle-source.ts";
import { checkRunning } from "../control/check-running.ts";
import { ControlLoop } from "../control/control-loop.ts";
import { inspectConfigRelease, inspectRelease, previousRelease, servingReleases } from "../control/inspect-release.ts";
import { mayCompareAs } from "../control/may-compare.ts";
import { openControlPlane } from "../control/open-control-plane.ts";
import { manifestOf, planBuild } from "../control/plan-deploy.ts";
import { PreviewKeys } from "../control/preview-keys.ts";
import { Previews } from "../control/previews.ts";
import { PrincipalDesk } from "../control/principals.ts";
import { servingNextOf } from "../control/serving-next.ts";
import type { World } from "../control/world.ts";
import { BelayError } from "../errors.ts";
import { prometheusSource } from "../integrations/prometheus/prometheus-source.ts";
import { keeperPaths, type Program } from "../keeper/command.ts";
import { type KeeperClient, openKeeperClient } from "../keeper/keeper-client.ts";
import { openSigner } from "../ledger/keys.ts";
import { openSqliteLedger } from "../ledger/sqlite-ledger.ts";
import type { Clock } from "../ports/clock.ts";
import { configKeyFile } from "../ports/config-key.ts";
import { readJsonFile, writeFileDurably } from "../ports/durable-file.ts";
import type { Inherited } from "../ports/inherited.ts";
import type { Log } from "../ports/log.ts";
import { readLastLines } from "../ports/log-tail.ts";
import { bootId, sendSignal } from "../ports/processes.ts";
import type { Random } from "../ports/random.ts";
import { environmentPurpose } from "../ports/sealing.ts";
import { openDataPlane } from "../proxy/data-plane.ts";
import { parseRoutingTable } from "../proxy/link-messages.ts";
import { openReleases } from "../release/open-releases.ts";
import { withConfig } from "../rollout/release-id.ts";
import type { Release } from "../rollout/rollout.ts";
import { instanceId, slotOf } from "../runtimes/process/instance-spec.ts";
import { systemProbe } from "../runtimes/process/probe.ts";
import { openProcessRuntime } from "../runtimes/process/process-runtime.ts";
import { noVariables } from "../runtimes/process/release-environment.ts";
import { type DataFolder, dataFolderAt, requireFormat } from "./data-folder.ts";
import { EventTokens } from "./event-tokens.ts";
import { isProxy, outputFilterProcess } from "./platform-processes.ts";
import { openPreviewKeyFiles } from "./preview-key-files.ts";
import { openTokenFile } from "./token-files.ts";

const tickEveryMs = 100;
/** How long the loop waits for a keeper that is being started anew before it goes on without its answer. */
const keeperPatienceMs = 2_000;

export interface ControlOptions {
  readonly dataFolder: string;
  /** What runs this: its Node comes first on the PATH of builds and instances. */
  readonly installed: Program;
  readonly program: string;
  readonly inherited: Inherited;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** The control plane's composition, read from top to bottom. Everything it holds is on disk or comes back by itself, so it may be killed at any time. */
export async function runControl(options: ControlOptions): Promise<void> {
  const { clock, random, log, inherited, program, signal } = options;
  const nodeFolder = dirname(options.installed.node);
  requireFormat(options.dataFolder);
  const folder = dataFolderAt(options.dataFolder);
  // Whatever ends this, also a start that fails: what stays open would keep a process alive that steers nothing.
  await using opened = new AsyncDisposableStack();
  const keeper = openKeeperClient(keeperPaths(folder.path).socket, { clock, patienceMs: keeperPatienceMs });
  opened.defer(() => keeper.close());
  const ledger = openSqliteLedger({
    path: folder.ledger,
    clock,
    random,
    signer: openSigner({ keysFolder: folder.keys, random }),
  });
  opened.defer(() => ledger.close());
  const releases = await openReleases({ dataFolder: folder.path, nodeFolder, clock, random, log });
  const configs = openConfigs({
    files: openSealedFiles({ folder: folder.config, keyFile: configKeyFile(folder.path), random }),
    clock,
    runCommand: runSource,
  });
  const eventsSocket = inherited.sockets["events"];
  const eventsAddress = eventsSocket === undefined ? undefined : (await keeper.addresses())["events"];
  const eventTokens = EventTokens.open(folder.keys, random);
  const runtime = openProcessRuntime({
    keeper,
    folderOf: (release) => releases.verifiedFolder(release),
    nodeFolder,
    config: {
      variablesOf: (release) => {
        const declared = release.config === undefined ? noVariables : configs.variables(placeOf(release), release.config);
        return eventTokens.withEvents(declared, release, eventsAddress);
      },
      seal: (variables) => configs.seal(JSON.stringify(variables), environmentPurpose),
      outputFilter: outputFilterProcess({ dataFolder: folder.path, program: options.installed, version: program }),
    },
    folder: join(folder.path, "instances"),
    logTail: readLastLines,
    probe: systemProbe,
    clock,
    random,
    log,
  });
  opened.defer(() => runtime.close());
  const dataPlane = await openDataPlane({ listener: { fd: requireSocket(inherited, "workers") }, clock, log });
  opened.defer(() => dataPlane.close());
  const world: World = {
    machineBoot: bootId(),
    clock,
    random,
    log,
    ledger,
    runtime,
    dataPlane,
    evidence: {
      load: () => readUnlessDamaged(folder.evidence, log),
      save: (snapshot) => writeFileDurably(folder.evidence, JSON.stringify(snapshot)),
    },
    budgets: {
      load: () => readUnlessDamaged(folder.budgets, log),
      save: (filed) => writeFileDurably(folder.budgets, JSON.stringify(filed)),
    },
    tables: tableStore(folder, log),
    build: async ({ rollout, staged, revision, signal: abort, tell }) => {
      const source = await manifestSource(releases, rollout.bundle);
      const { deployments } = loop.journal;
      const manifest = await manifestOf(source, { rollout, history: releases, deployments, now: clock.now() });
      const given = configs.given(placeOf(rollout), rollout.config ?? null, {
        contract: manifest.config,
        mayCompare: mayCompareAs(deployments.principals, { actor: rollout.requestedBy, now: clock.now() }),
      });
      const secretValue = (name: string) => configs.secretValues(placeOf(rollout), [name])[name] ?? "";
      const serving = loop.journal.deployments.find(rollout.environment, rollout.service);
      const previous = previousRelease(serving, releases, rollout.root);
      if (revision !== null) {
        await inspectConfigRelease({ rollout, manifest, given, secretValue, previous, clock, version: program, tell }, abort);
        return withConfig(revision, rollout.config);
      }
      const request = await planBuild(source, { rollout, staged: staged?.release ?? null, rules: manifest, configs });
      const tasks = request.tasks ?? [];
      const trial = bootTrialOf({ service: serving, rollout, tasks, configs, tryBoot: (...trial) => runtime.tryBoot(...trial) });
      const compared = previous === null ? null : { ...previous, trial };
      const known = servingReleases(loop.journal.deployments.all(), rollout.service);
      const inspection = { rollout, staged, manifest, given, secretValue, previous: compared, serving: known, nodeFolder, clock };
      tell.doing(staged !== null || request.build === null ? "packing the bundle" : "building");
      return releases.build(request, abort, (built) => inspectRelease({ ...inspection, built, version: program, tell }, abort));
    },
    checkRunning: async (order) => {
      const { rollout } = order;
      const { deployments } = loop.journal;
      const source = await manifestSource(releases, rollout.bundle);
      const manifest = await manifestOf(source, { rollout, history: releases, deployments, now: clock.now() });
      const find = (environment: string) => deployments.find(environment, rollout.service);
      const tryBoot: typeof runtime.tryBoot = (...trial) => runtime.tryBoot(...trial);
      const servingNext = servingNextOf({ release: order.release, manifest, find, tryBoot });
      return checkRunning({ ...order, manifest, releases, servingNext, nodeFolder, clock, version: program });
    },
    readSource: prometheusSource({
      secretOf: ({ service, environment }, name) => secretOrWords(configs, { service, environment }, name),
    }),
    runningWorkers: () => runningWorkers(keeper),
    replaceWorker: async (pid) => void sendSignal(pid, "SIGKILL"),
  };
  const loop = new ControlLoop(world);
  opened.defer(() => loop.close());
  loop.begin({ boot: Buffer.from(random.bytes(4)).toString("hex"), program });

  const previewKeys = new PreviewKeys({ store: openPreviewKeyFiles(folder.keys), random });
  const previews = new Previews({ world, loop, keys: previewKeys });
  dataPlane.onRedeem((link) => previews.redeem(link));
  const logFileOf = (instance: string) => join(keeperPaths(folder.path).logs, `${instance}.log`);
  const controlPlane = openControlPlane({
    world,
    loop,
    ledger,
    releases,
    previews,
    configs,
    program,
    addresses: () => keeper.addresses(),
    logFileOf,
    loggedInstances: (known) => listLogged(keeperPaths(folder.path).logs, known),
  });
  const principals = new PrincipalDesk({ loop, hashes: openTokenFile(folder.keys), clock, random });
  for (const { fd, auth } of await listeners(inherited, keeper, folder)) {
    const api = await serveApi({
      app: createApi({ controlPlane, releases, principals, log, auth }),
      listener: { kind: "descriptor", fd },
    });
    opened.defer(() => api.close());
  }
  if (eventsSocket !== undefined) {
    const app = createEventsApp({
      log,
      senderOf: (place, token) => eventTokens.senderOf(place, token),
      take: (sender, posted) => loop.events.take(sender, posted, clock.monotonicMs()),
    });
    const served = await serveApi({ app, listener: { kind: "descriptor", fd: eventsSocket }, bounds: eventsBounds });
    opened.defer(() => served.close());
  }
  const metrics = inherited.sockets["metrics"];
  if (metrics !== undefined) {
    const served = await serveApi({
      app: createMetricsApp({ controlPlane, log }),
      listener: { kind: "descriptor", fd: metrics },
    });
    opened.defer(() => served.close());
  }
  log.info("the control plane is ready", { program, position: ledger.position });

  opened.defer(clock.every(tickEveryMs, () => loop.react()));
  await keepTicking(loop, clock, signal);
}

/** A secret may have been unset since the deploy: that is a broken source, in words that hold no value. */
function secretOrWords(configs: Configs, place: Place, name: string): { readonly value: string } | { readonly missing: string } {
  try {
    return { value: configs.secretValues(place, [name])[name] ?? "" };
  } catch (cause) {
    if (!(cause instanceof BelayError)) throw cause;
    return { missing: `its token is not there: ${cause.message}` };
  }
}

function placeOf({ environment, service }: Place): Place {
  return { environment, service };
}

async function keepTicking(loop: ControlLoop, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await loop.tick();
    await clock.sleep(tickEveryMs, signal).catch((cause: unknown) => {
      if (!signal.aborted) throw cause;
    });
  }
}

async function runningWorkers(keeper: KeeperClient): Promise<readonly number[]> {
  const processes = await keeper.list();
  return processes
    .filter(({ name }) => isProxy(name))
    .flatMap(({ pid, state }) => (pid === null || state === "waiting" ? [] : [pid]));
}

/** The unix socket, and the TCP listener where one was asked for: each with its own way of knowing who asks. */
async function listeners(
  inherited: Inherited,
  keeper: KeeperClient,
  folder: DataFolder,
): Promise<readonly { readonly fd: number; readonly auth: ApiAuth }[]> {
  const socket = { fd: requireSocket(inherited, "api"), auth: { kind: "socket" } as const };
  const tcp = inherited.sockets["api-tcp"];
  if (tcp === undefined) return [socket];
  const token = readApiToken(apiTokenFile(folder.path));
  const address = (await keeper.addresses())["api-tcp"] ?? "";
  if (token === undefined) {
    throw new BelayError({
      code: "BELAY_API_TOKEN_MISSING",
      message: `the API listens on ${address} and has no token`,
      next: "Run `belay down`, then `belay up --api` again.",
    });
  }
  const at = address.lastIndexOf(":");
  const hosts = allowedHosts({ host: address.slice(0, at), port: Number(address.slice(at + 1)) });
  return [socket, { fd: tcp, auth: { kind: "token", token, hosts } }];
}

/** By the names of the log files: an instance that is gone is known by nothing else. */
function listLogged(
  logsFolder: string,
  releases: readonly Release[],
): readonly { readonly instance: string; readonly release: string }[] {
  const names = readdirSync(logsFolder)
    .filter((name) => name.endsWith(".log"))
    .map((name) => name.slice(0, -".log".length))
    .filter((name) => slotOf(name) >= 0);
  return releases.flatMap((release) =>
    names.filter((name) => instanceId(release, slotOf(name)) === name).map((instance) => ({ instance, release: release.id })),
  );
}

function tableStore(folder: DataFolder, log: Log): World["tables"] {
  return {
    load: () => parseRoutingTable(readUnlessDamaged(folder.table, log)),
    save: (table) => writeFileDurably(folder.table, JSON.stringify(table)),
  };
}

/** The parsed content; undefined when there is none, or when it is no JSON: nobody could mend it while the control plane does not start. */
export function readUnlessDamaged(path: string, log: Log): unknown {
  try {
    return readJsonFile(path);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    log.error("a file was damaged, and what it held is taken as unknown", { path, cause: cause.message });
    return undefined;
  }
}

function requireSocket(inherited: Inherited, name: string): number {
  const fd = inherited.sockets[name];
  if (fd !== undefined) return fd;
  throw new BelayError({
    code: "BELAY_KEEPER_HANDOVER_BROKEN",
    message: `the keeper handed over no socket called ${name}`,
    next: "Start Belay's processes with `belay up`, not by hand.",
  });
}
