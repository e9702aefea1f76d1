import { dirname, join } from "node:path";
import { apiTokenFile } from "../api/serve-api.ts";
import { createApiToken } from "../api/token.ts";
import { BelayError } from "../errors.ts";
import { keeperPaths, type Program, standardListen } from "../keeper/command.ts";
import { askWhoKeeps, type KeeperClient, keeperAnswersWithinMs, openKeeperClient } from "../keeper/keeper-client.ts";
import { isSameAddress } from "../keeper/listeners.ts";
import type { ProcessSpec } from "../keeper/protocol.ts";
import { startKeeper } from "../keeper/start-keeper.ts";
import type { Clock } from "../ports/clock.ts";
import { probeHttp } from "../ports/http-probe.ts";
import { readLastLines } from "../ports/log-tail.ts";
import type { Random } from "../ports/random.ts";
import { machineName } from "../rollout/principal.ts";
import { prepareDataFolder } from "./data-folder.ts";
import { installProgram, programVersion } from "./install-program.ts";
import { drainGraceMs, isProxy, platformProcesses } from "./platform-processes.ts";
import { type DirectRollbackOptions, type DirectRollbackResult, rollBackDirectly } from "./roll-back-directly.ts";

export interface StartOptions {
  readonly dataFolder: string;
  /** host:port of the visitors' listener; port 0 picks one. */
  readonly listen: string;
  /** host:port of the API's TCP listener, or null for the unix socket alone. */
  readonly apiListen: string | null;
  /** host:port where visitors come in by TLS, or null for none. */
  readonly tlsListen: string | null;
  /** host:port where metrics can be scraped without a token, or null for none. */
  readonly metricsListen: string | null;
  readonly workers: number;
}

/** What `start` does now, where it takes more than a moment. */
export type StartStage =
  /** The program is copied into the data folder, once for each version. */
  | { readonly kind: "copying"; readonly folder: string; readonly bytes: number }
  /** What runs is of another version, and is replaced by this one. */
  | { readonly kind: "replacing"; readonly from: string; readonly to: string }
  /** The processes run, and the control plane does not answer yet. */
  | { readonly kind: "waiting" };

export interface StartedPlatform {
  readonly addresses: Readonly<Record<string, string>>;
  readonly version: string;
  /** The version that ran before and was replaced by this one; null where none was. */
  readonly replaced: string | null;
  /** Shown once; only its hash is kept. */
  readonly token: string | null;
}

/** The processes of a data folder as a whole: brought up, found, and taken down. */
export interface Platform {
  /** Idempotent: what runs already is left alone, unless the program changed, which replaces process by process. */
  start(options: StartOptions, tell: (stage: StartStage) => void): Promise<StartedPlatform>;
  /** Stops everything; resolves when nothing runs any more. */
  stop(options: { readonly dataFolder: string }): Promise<void>;
  isRunning(options: { readonly dataFolder: string }): Promise<boolean>;
  /** Goes back without a control plane; see `rollBackDirectly`. */
  rollBackDirectly(options: DirectRollbackOptions): Promise<DirectRollbackResult>;
  /** Of this program, as `start` would install it. */
  version(): string;
}

export function createPlatform({
  program,
  clock,
  random,
}: {
  readonly program: Program;
  readonly clock: Clock;
  readonly random: Random;
}): Platform {
  return {
    isRunning: async ({ dataFolder }) => isKept(dataFolder, clock),
    rollBackDirectly: (options) => rollBackDirectly(options, { clock, random }),
    version: () => programVersion({ from: join(dirname(program.main), ".."), node: program.node }),
    start: async (options, tell) => {
      const folder = prepareDataFolder(options.dataFolder, random);
      const isRunning = await isKept(folder.path, clock);
      // Before anything is copied for a command that is refused.
      if (isRunning) requireSameAddress(options, await addressesOf(folder.path, clock));
      const installed = installProgram({
        from: join(dirname(program.main), ".."),
        node: program.node,
        dataFolder: folder.path,
        random,
        onCopy: (copy) => tell({ kind: "copying", ...copy }),
      });
      const own = { node: installed.node, main: installed.main };
      const token =
        options.apiListen === null || isRunning
          ? null
          : createApiToken({ file: apiTokenFile(folder.path), name: machineName, random });
      if (!isRunning) await start(own, options);
      const keeper = openKeeperClient(keeperPaths(folder.path).socket, { clock });
      try {
        const addresses = await keeper.addresses();
        const hasTcpApi = addresses["api-tcp"] !== undefined;
        const hasTls = addresses["https"] !== undefined;
        const hasMetrics = addresses["metrics"] !== undefined;
        const hasEvents = addresses["events"] !== undefined;
        const { version } = installed;
        const specs = platformProcesses({
          folder,
          program: own,
          version,
          workers: options.workers,
          hasTcpApi,
          hasTls,
          hasMetrics,
          hasEvents,
        });
        const replaced = versionBefore(await keeper.list(), specs);
        if (replaced !== null) tell({ kind: "replacing", from: replaced, to: version });
        await runProcesses(keeper, specs);
        await untilAnswers(keeper, { clock, dataFolder: folder.path, tell });
        return { addresses, version, replaced, token };
      } finally {
        keeper.close();
      }
    },
    stop: async ({ dataFolder }) => {
      if (!(await isKept(dataFolder, clock))) return;
      await openKeeperClient(keeperPaths(dataFolder).socket, { clock, patienceMs: 120_000 }).shutdown();
    },
  };
}

async function start(program: Program, { dataFolder, listen, apiListen, tlsListen, metricsListen }: StartOptions): Promise<void> {
  const addresses = {
    ...standardListen(dataFolder, listen),
    ...(apiListen === null ? {} : { "api-tcp": apiListen }),
    ...(tlsListen === null ? {} : { https: tlsListen }),
    ...(metricsListen === null ? {} : { metrics: metricsListen }),
  };
  await startKeeper({ program, dataFolder, listen: addresses });
}

/**
 * Proxies are replaced new one first, so that no visitor notices. Two control planes at a time would be one too many: there the
 * old one goes first. Workers beyond the number asked for end.
 */
async function runProcesses(keeper: KeeperClient, specs: readonly ProcessSpec[]): Promise<void> {
  const running = await keeper.list();
  const old = (spec: ProcessSpec) =>
    running.find(({ name, env }) => name === spec.name && env["BELAY_PROGRAM"] !== spec.env["BELAY_PROGRAM"]);
  for (const spec of specs) {
    if (!isProxy(spec.name) && old(spec) !== undefined) await keeper.stop(spec.name, spec.graceMs);
    await keeper.run(spec);
  }
  const surplus = running.filter(({ name }) => isProxy(name) && !specs.some((spec) => spec.name === name));
  for (const { name } of surplus) await keeper.stop(name, drainGraceMs);
}

type Named = Pick<ProcessSpec, "name" | "env">;

/** The version of what is about to be replaced; null where nothing is, or it is of this version already. */
export function versionBefore(running: readonly Named[], specs: readonly Named[]): string | null {
  const versions = specs.flatMap(({ name, env }) => {
    const before = running.find((each) => each.name === name)?.env["BELAY_PROGRAM"];
    return before === undefined || before === env["BELAY_PROGRAM"] ? [] : [before];
  });
  return versions[0] ?? null;
}

async function addressesOf(dataFolder: string, clock: Clock): Promise<Readonly<Record<string, string>>> {
  const keeper = openKeeperClient(keeperPaths(dataFolder).socket, { clock });
  try {
    return await keeper.addresses();
  } finally {
    keeper.close();
  }
}

async function isKept(dataFolder: string, clock: Clock): Promise<boolean> {
  return (await askWhoKeeps(keeperPaths(dataFolder).socket, { clock, timeoutMs: keeperAnswersWithinMs })) !== undefined;
}

/** An address cannot be changed under a running keeper; asking for another one is answered and not ignored. */
function requireSameAddress(
  { listen, apiListen, tlsListen, metricsListen }: StartOptions,
  addresses: Readonly<Record<string, string>>,
): void {
  const wanted = [
    ["http", listen],
    ["api-tcp", apiListen],
    ["https", tlsListen],
    ["metrics", metricsListen],
  ] as const;
  for (const [name, address] of wanted) {
    const bound = addresses[name];
    if (address === null || (bound !== undefined && (address.endsWith(":0") || isSameAddress(address, bound)))) continue;
    throw new BelayError({
      code: "BELAY_UP_OTHER_ADDRESS",
      message: `Belay runs already and ${bound === undefined ? `has no ${name} listener` : `listens on ${bound}`}, not on ${address}`,
      next: "Run `belay down` first, then `belay up` with the new address.",
    });
  }
}

const readyWithinMs = 30_000;
const readyPollMs = 100;
/** After this it is said what is waited for. */
const momentMs = 1_000;

/** Up means that the control plane answers. One that cannot start is told with its own words. */
async function untilAnswers(
  keeper: KeeperClient,
  options: { readonly clock: Clock; readonly dataFolder: string; readonly tell: (stage: StartStage) => void },
): Promise<void> {
  const { clock, dataFolder, tell } = options;
  const socketPath = join(keeperPaths(dataFolder).run, "api.sock");
  const startMs = clock.monotonicMs();
  const deadlineMs = startMs + readyWithinMs;
  let isTold = false;
  for (;;) {
    const answer = await probeHttp({ socketPath, path: "/api/v1/health", timeoutMs: readyWithinMs });
    if ("status" in answer && answer.status === 200) return;
    await refuseWhatCannotStart(keeper, dataFolder);
    if (clock.monotonicMs() >= deadlineMs)
      throw notReady(dataFolder, "failure" in answer ? answer.failure : `it answered ${answer.status}`);
    if (!isTold && clock.monotonicMs() - startMs >= momentMs) {
      tell({ kind: "waiting" });
      isTold = true;
    }
    await clock.sleep(readyPollMs);
  }
}

async function refuseWhatCannotStart(keeper: KeeperClient, dataFolder: string): Promise<void> {
  const ended = (await keeper.list()).find(({ state, exits }) => state === "waiting" && exits > 1);
  if (ended === undefined) return;
  const lines = await readLastLines(ended.logFile, 20);
  throw parseLastError(lines) ?? notReady(dataFolder, `${ended.name} ends as soon as it starts (${ended.lastExit})\n${lines}`);
}

/** The last BelayError that a process of ours wrote to its log, if it wrote one. */
export function parseLastError(lines: string): BelayError | undefined {
  for (const line of lines.split("\n").reverse()) {
    const { code, message, next } = parseLogLine(line);
    if (code !== undefined && next !== undefined) return new BelayError({ code, message: message ?? "", next });
  }
  return undefined;
}

/** What is no document of ours, such as a part of a crash's stack, says nothing. */
function parseLogLine(line: string): Partial<BelayError> {
  if (!line.startsWith("{")) return {};
  try {
    return JSON.parse(line) as Partial<BelayError>;
  } catch (cause) {
    if (cause instanceof SyntaxError) return {};
    throw cause;
  }
}

function notReady(dataFolder: string, why: string): BelayError {
  return new BelayError({
    code: "BELAY_UP_NOT_READY",
    message: `the control plane did not come up: ${why}`,
    next: `Read ${join(keeperPaths(dataFolder).logs, "control.log")}; \`belay down\` stops what did start.`,
  });
}
