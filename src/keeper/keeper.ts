import { mkdirSync } from "node:fs";
import { BelayError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Inherited } from "../ports/inherited.ts";
import type { Log } from "../ports/log.ts";
import { readProcess } from "../ports/processes.ts";
import { keeperArgv, keeperPaths, type Listen, type Program } from "./command.ts";
import { type HolderWatch, keepHolder } from "./keep-holder.ts";
import { closeListener, isSocketHeld, type Listener, openListeners, removeSocketFile } from "./listeners.ts";
import { stopOrphans } from "./orphans.ts";
import { openEnvironment } from "./output-filter.ts";
import { type KeeperRequest, keeperProtocol } from "./protocol.ts";
import { serveRequests } from "./request-server.ts";
import { reportStartup } from "./startup-report.ts";
import { writeCommand } from "./state-files.ts";
import { Supervisor } from "./supervisor.ts";

export interface KeeperOptions {
  readonly dataFolder: string;
  /** What listens where, by name; must have `keeper`. See `standardListen`. */
  readonly listen: Listen;
  readonly program: Program;
  /** From `readInherited`. Its `startupFd` gets one line of JSON that says how the start went. */
  readonly inherited: Inherited;
  /** Aborted by SIGTERM: then everything is stopped in order. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * The one parent on a machine: it owns the listening sockets, starts and watches processes, and answers requests on its socket.
 * Resolves after a shutdown that was asked for (request or signal), with everything stopped. When it is killed instead, all that it
 * started lives on, the holder starts it again, and it finds everything. Throws what kept it from starting.
 */
export async function runKeeper(options: KeeperOptions): Promise<void> {
  const { startupFd } = options.inherited;
  let keeper: Keeper;
  try {
    keeper = await openKeeper(options);
  } catch (cause) {
    reportStartup(startupFd, { failure: cause });
    throw cause;
  }
  reportStartup(startupFd, { addresses: keeper.addresses });
  await keeper.untilShutdown;
  await keeper.close();
}

interface Keeper {
  readonly addresses: Readonly<Record<string, string>>;
  /** Resolves when a shutdown was asked for. */
  readonly untilShutdown: Promise<void>;
  close(): Promise<void>;
}

async function openKeeper(options: KeeperOptions): Promise<Keeper> {
  const { clock, dataFolder, log } = options;
  const paths = keeperPaths(dataFolder);
  for (const folder of [paths.run, paths.logs, paths.state]) makePrivateFolder(folder);
  const listeners = await takeSockets(options);
  const addresses = Object.fromEntries(listeners.map(({ name, address }) => [name, address]));
  const startedAtTicks = readProcess(process.pid)?.startedAtTicks ?? 0;
  writeCommand(paths.command, { argv: keeperArgv(options.program, dataFolder, addresses), pid: process.pid, startedAtTicks });
  const supervisor = new Supervisor({
    paths,
    listeners,
    openEnvironment: (sealed) => openEnvironment(dataFolder, sealed),
    clock,
    log,
  });
  const holder = keepHolder(options, listeners);
  try {
    supervisor.open();
    return { addresses, ...(await serve({ options, supervisor, holder, listeners, addresses })) };
  } catch (cause) {
    // A first start that fails leaves nothing behind; a later one is tried again by the holder.
    if (options.inherited.pairFd === null) await holder.end();
    throw cause;
  }
}

async function serve(parts: {
  readonly options: KeeperOptions;
  readonly supervisor: Supervisor;
  readonly holder: HolderWatch;
  readonly listeners: readonly Listener[];
  readonly addresses: Keeper["addresses"];
}): Promise<Omit<Keeper, "addresses">> {
  const { options, supervisor, holder, listeners, addresses } = parts;
  const { clock, log, signal } = options;
  const shutdown = Promise.withResolvers<void>();
  const stopped = Promise.withResolvers<void>();
  const askForShutdown = () => shutdown.resolve();
  if (signal.aborted) askForShutdown();
  signal.addEventListener("abort", askForShutdown, { once: true });

  const answer = async (request: KeeperRequest): Promise<unknown> => {
    switch (request.kind) {
      case "hello":
        return { protocol: keeperProtocol, pid: process.pid };
      case "run":
      case "run-once":
        return supervisor.run(request.spec);
      case "stop":
        return await supervisor.stop(request.name, request.graceMs);
      case "list":
        return supervisor.list();
      case "addresses":
        return addresses;
      case "shutdown":
        askForShutdown();
        return await stopped.promise;
    }
  };
  const keeper = listenerCalled(listeners, "keeper");
  const server = await serveRequests(keeper.fd, answer);
  supervisor.onExit((name, lastExit) => server.push({ event: "exit", name, lastExit }));

  const close = async () => {
    log.info("shutting down");
    await supervisor.stopAll();
    await holder.end();
    // Whoever hears that all is stopped may start the next keeper at once: what it binds has to be free by then, and its files its own.
    for (const listener of listeners) if (listener.name !== "keeper") closeListener(listener);
    removeSocketFile(keeper);
    stopped.resolve();
    // The answer to `shutdown` is written in the turns that this promise takes; only then the connections end.
    await clock.sleep(0);
    await server.close();
  };
  return { untilShutdown: shutdown.promise, close };
}

async function takeSockets({ listen, inherited, dataFolder, clock, log }: KeeperOptions): Promise<readonly Listener[]> {
  const { running, desired, socket } = keeperPaths(dataFolder);
  const isFirst = inherited.sockets["keeper"] === undefined;
  // Keeper and holder have both been killed, and what they started still holds the sockets, out of everybody's reach.
  if (isFirst && !(await isSocketHeld(socket))) await stopOrphans({ running, desired, clock, log });
  return await openListeners(listen, inherited.sockets);
}

function listenerCalled(listeners: readonly Listener[], name: string): Listener {
  const found = listeners.find((listener) => listener.name === name);
  if (found !== undefined) return found;
  throw new BelayError({
    code: "BELAY_KEEPER_COMMAND_LINE",
    message: `the keeper was given no address called ${name}`,
    next: "Start it with `belay up`.",
  });
}

function makePrivateFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new BelayError({
      code: "BELAY_KEEPER_NO_PERMISSION",
      message: `cannot make the folder ${folder}: ${(cause as Error).message}`,
      next: "Choose a data folder that belongs to you, with --data or BELAY_DATA.",
      cause,
    });
  }
}
