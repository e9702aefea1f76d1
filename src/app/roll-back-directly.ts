import { Deployments } from "../control/deployments.ts";
import { BelayError } from "../errors.ts";
import { keeperPaths } from "../keeper/command.ts";
import { askWhoKeeps, type KeeperClient, keeperAnswersWithinMs, openKeeperClient } from "../keeper/keeper-client.ts";
import type { ProcessStatus } from "../keeper/protocol.ts";
import { openSigner } from "../ledger/keys.ts";
import { openSqliteLedger } from "../ledger/sqlite-ledger.ts";
import type { Clock } from "../ports/clock.ts";
import { readJsonFile, writeFileDurably } from "../ports/durable-file.ts";
import { probeHttp } from "../ports/http-probe.ts";
import { sendSignal } from "../ports/processes.ts";
import type { Random } from "../ports/random.ts";
import { parseRoutingTable } from "../proxy/link-messages.ts";
import { isEnded } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";
import type { DirectRollback, Pool, RoutingTable, ServiceRoute } from "../routing/table.ts";
import { type DataFolder, dataFolderAt } from "./data-folder.ts";
import { isProxy } from "./platform-processes.ts";

const answerWithinMs = 2_000;
const controlGraceMs = 1_000;

export interface DirectRollbackOptions {
  readonly dataFolder: string;
  readonly service: string;
  readonly environment: string;
  /** Null is the warm release; while a rollout exposes, stable. */
  readonly target: string | null;
  readonly reason: string;
  readonly by: string;
}

export interface DirectRollbackResult {
  readonly from: string;
  readonly release: string;
  /** Proxy workers that were told. */
  readonly workers: number;
  /** From the decision to the last signal. */
  readonly tookMs: number;
  /** Where visitors come in, for the `belay up` that brings the control plane back. */
  readonly listen: string;
}

/**
 * The way back without a control plane, towards stable only: act at once, record as soon as possible. The control plane is
 * ended first, because one that is hung could wake up and publish what it believes. Then the workers' table on disk is
 * replaced and the workers are told to serve it. It keeps its epoch, so that every table of the next control plane, which first
 * records what the file says of this, is a newer one.
 * Throws `BELAY_DIRECT_NO_KEEPER`, `BELAY_DIRECT_NOT_NEEDED`, `BELAY_DIRECT_NO_TABLE`, `BELAY_SERVICE_UNKNOWN`,
 * `BELAY_DIRECT_NO_TARGET`, `BELAY_DIRECT_NOT_PROMOTED` or `BELAY_RELEASE_SERVES_ALREADY`; then nothing was changed but that a
 * control plane that did not answer was ended.
 */
export async function rollBackDirectly(
  options: DirectRollbackOptions,
  { clock, random }: { readonly clock: Clock; readonly random: Random },
): Promise<DirectRollbackResult> {
  const folder = dataFolderAt(options.dataFolder);
  const paths = keeperPaths(folder.path);
  if ((await askWhoKeeps(paths.socket, { clock, timeoutMs: keeperAnswersWithinMs })) === undefined) throw noKeeper(folder.path);
  await requireSilence(`${paths.run}/api.sock`);
  const keeper = openKeeperClient(paths.socket, { clock });
  try {
    await keeper.stop("control", controlGraceMs);
    const startMs = clock.monotonicMs();
    const table = readTable(folder);
    const route = requireRoute(table, options);
    const known = readService(folder, options, { clock, random });
    const release = chooseTarget(route, known, options);
    const processes = await keeper.list();
    const next = routeTo(route, known, await poolOf(route, { release, known, processes }));
    const { service, environment, by, reason } = options;
    const record: DirectRollback = { service, environment, release, at: clock.now().toString(), by, reason };
    keepTable(folder, {
      epoch: table.epoch,
      services: table.services.map((each) => (each === route ? next : each)),
      direct: [...(table.direct ?? []), record],
    });
    const workers = tellWorkers(processes);
    const tookMs = clock.monotonicMs() - startMs;
    return { from: (route.exposure?.canary ?? route.stable).release, release, workers, tookMs, listen: await listenOf(keeper) };
  } finally {
    keeper.close();
  }
}

/** One that answers can do it better: it knows the evidence and records at once. */
async function requireSilence(socketPath: string): Promise<void> {
  const answer = await probeHttp({ socketPath, path: "/api/v1/health", timeoutMs: answerWithinMs });
  if (!("status" in answer)) return;
  throw new BelayError({
    code: "BELAY_DIRECT_NOT_NEEDED",
    message: "the control plane answers, and nothing is to be done behind its back",
    next: "Run `belay rollback` without --direct.",
  });
}

function readTable(folder: DataFolder): RoutingTable {
  const table = parseRoutingTable(readJsonFile(folder.table));
  if (table !== null) return table;
  throw new BelayError({
    code: "BELAY_DIRECT_NO_TABLE",
    message: `there is no routing table in ${folder.table}`,
    next: "Run `belay up`: only a control plane can say what should be served.",
  });
}

function requireRoute(table: RoutingTable, { service, environment }: DirectRollbackOptions): ServiceRoute {
  const route = table.services.find((each) => each.service === service && each.environment === environment);
  if (route !== undefined) return route;
  const known = table.services.map((each) => `${each.service} in ${each.environment}`).join(", ");
  throw new BelayError({
    code: "BELAY_SERVICE_UNKNOWN",
    message: `the proxies know no ${service} in ${environment} (known: ${known || "none"})`,
    next: "Name one of the known services.",
  });
}

/** What the ledger says of the service; undefined when it cannot be read, which may be why there is no control plane. */
function readService(
  folder: DataFolder,
  { service, environment }: DirectRollbackOptions,
  { clock, random }: { readonly clock: Clock; readonly random: Random },
): Service | undefined {
  try {
    const signer = openSigner({ keysFolder: folder.keys, random });
    const ledger = openSqliteLedger({ path: folder.ledger, clock, random, signer });
    try {
      const deployments = new Deployments();
      for (const { entry } of ledger.read({ afterPosition: 0 })) deployments.apply(entry);
      return deployments.find(environment, service);
    } finally {
      ledger.close();
    }
  } catch (cause) {
    if (!(cause instanceof BelayError)) throw cause;
    return undefined;
  }
}

function chooseTarget(route: ServiceRoute, known: Service | undefined, { target, service }: DirectRollbackOptions): string {
  const isRunning = known?.rollout !== undefined && known.rollout !== null && !isEnded(known.rollout);
  const stable = known?.stable ?? route.stable.release;
  const usual = route.exposure !== null || isRunning ? stable : known?.warm?.release;
  const release = target ?? usual;
  if (release === undefined) {
    throw new BelayError({
      code: "BELAY_DIRECT_NO_TARGET",
      message: `no release of ${service} is known to be kept warm`,
      next: "Name a release that still runs with --to, or bring the control plane back with `belay up`.",
    });
  }
  if (known !== undefined && !known.promotedBefore.includes(release)) {
    throw new BelayError({
      code: "BELAY_DIRECT_NOT_PROMOTED",
      message: `${release} ${known.goneBackFrom.includes(release) ? "was gone back from" : "was never promoted"}, so it is not a way back`,
      next: `Choose one of ${known.promotedBefore.join(", ")} with --to.`,
    });
  }
  if (release !== route.stable.release || route.exposure !== null) return release;
  throw new BelayError({
    code: "BELAY_RELEASE_SERVES_ALREADY",
    message: `${release} serves everyone already`,
    next: "Choose another release with --to.",
  });
}

/** Only instances that run and answer now: nothing can be started without a control plane. */
async function poolOf(
  route: ServiceRoute,
  options: { readonly release: string; readonly known: Service | undefined; readonly processes: readonly ProcessStatus[] },
): Promise<Pool> {
  const { release, known, processes } = options;
  if (release === route.stable.release) return route.stable;
  const running = processes.filter(
    ({ env, state }) =>
      state === "running" &&
      env["BELAY_SERVICE"] === route.service &&
      env["BELAY_ENVIRONMENT"] === route.environment &&
      env["BELAY_RELEASE"] === release,
  );
  const path = known?.releases[release]?.run.health ?? "/";
  const targets: Pool["targets"][number][] = [];
  for (const { name, env } of running) {
    const target = { instance: name, host: env["HOST"] ?? "127.0.0.1", port: Number(env["PORT"]) };
    const answer = await probeHttp({ host: target.host, port: target.port, path, timeoutMs: answerWithinMs });
    const isWell = "status" in answer && (known === undefined || (answer.status >= 200 && answer.status < 300));
    if (isWell) targets.push(target);
  }
  if (targets.length > 0) return { release, targets };
  throw new BelayError({
    code: "BELAY_DIRECT_NO_TARGET",
    message: `no instance of ${release} runs and answers, and nothing can be started without a control plane`,
    next: "Name a release that still runs with --to, or bring the control plane back with `belay up`.",
  });
}

function routeTo(route: ServiceRoute, known: Service | undefined, stable: Pool): ServiceRoute {
  const release = known?.releases[stable.release];
  const own =
    release === undefined ? {} : { routes: release.routes, trustedProxies: release.trustedProxies, expose: release.expose };
  return { ...route, ...own, stable, exposure: null, watch: null, previews: undefined };
}

function keepTable(folder: DataFolder, table: RoutingTable): void {
  try {
    writeFileDurably(folder.table, JSON.stringify(table));
  } catch (cause) {
    throw new BelayError({
      code: "BELAY_DIRECT_NOT_WRITTEN",
      message: `the routing table cannot be written: ${(cause as Error).message}`,
      next: `Make room for ${folder.table} and let this user write it, then run the command again.`,
      cause,
    });
  }
}

/** A worker of an older program ends by the signal, and the one that the keeper starts in its place reads the same table. */
function tellWorkers(processes: readonly ProcessStatus[]): number {
  const pids = processes.flatMap(({ name, pid, state }) => (isProxy(name) && state === "running" && pid !== null ? [pid] : []));
  return pids.filter((pid) => sendSignal(pid, "SIGHUP")).length;
}

async function listenOf(keeper: KeeperClient): Promise<string> {
  return (await keeper.addresses())["http"] ?? "";
}

function noKeeper(dataFolder: string): BelayError {
  return new BelayError({
    code: "BELAY_DIRECT_NO_KEEPER",
    message: `no keeper answers in ${dataFolder}, so nobody knows which proxies run`,
    next: "Run `belay up`, or name the data folder with --data or BELAY_DATA.",
  });
}
