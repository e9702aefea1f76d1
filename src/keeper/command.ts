import { join } from "node:path";
import { BelayError } from "../errors.ts";

/** The installed program: the Node binary that runs it, and its main file. */
export interface Program {
  readonly node: string;
  readonly main: string;
}

/** What listens where: a name, and "host:port" or the path of a unix socket. */
export type Listen = Readonly<Record<string, string>>;

/** `<node> <main> keeper <data folder> <name>=<address>...` */
export function keeperArgv(program: Program, dataFolder: string, listen: Listen): readonly string[] {
  return [
    program.node,
    program.main,
    "keeper",
    dataFolder,
    ...Object.entries(listen).map(([name, address]) => `${name}=${address}`),
  ];
}

/** `<node> <main> holder <data folder>` */
export function holderArgv(program: Program, dataFolder: string): readonly string[] {
  return [program.node, program.main, "holder", dataFolder];
}

/** Reads what follows the word `keeper` in `keeperArgv`. Throws `BELAY_KEEPER_COMMAND_LINE`. */
export function parseKeeperArguments(words: readonly string[]): { readonly dataFolder: string; readonly listen: Listen } {
  const [dataFolder, ...addresses] = words;
  const pairs = addresses.map((word): [string, string] => {
    const at = word.indexOf("=");
    return [word.slice(0, Math.max(at, 0)), word.slice(at + 1)];
  });
  if (dataFolder === undefined || !dataFolder.startsWith("/") || pairs.some(([name]) => !/^[a-z][a-z-]*$/.test(name))) {
    throw new BelayError({
      code: "BELAY_KEEPER_COMMAND_LINE",
      message: `the keeper cannot be started with: ${words.join(" ")}`,
      next: "Start it with `belay up`.",
    });
  }
  return { dataFolder, listen: Object.fromEntries(pairs) };
}

/** Where keeper and holder keep their things in a data folder. */
export function keeperPaths(dataFolder: string): {
  readonly run: string;
  readonly logs: string;
  /** Of the pipes through which what must be masked is written. */
  readonly output: string;
  readonly state: string;
  readonly socket: string;
  readonly desired: string;
  readonly running: string;
  readonly command: string;
} {
  const state = join(dataFolder, "keeper");
  const run = join(dataFolder, "run");
  return {
    run,
    logs: join(dataFolder, "logs"),
    output: join(run, "output"),
    state,
    socket: join(run, "keeper.sock"),
    desired: join(state, "processes.json"),
    running: join(state, "running.json"),
    command: join(state, "command.json"),
  };
}

/** The addresses that every keeper of a data folder has, beside the public one. */
export function standardListen(dataFolder: string, http: string): Listen {
  const { run, socket } = keeperPaths(dataFolder);
  return { http, api: join(run, "api.sock"), workers: join(run, "workers.sock"), keeper: socket, events: "127.0.0.1:0" };
}
