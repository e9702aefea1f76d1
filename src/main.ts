/**
 * One program, six roles. `belay up` installs it and starts the keeper; the keeper starts the others from the installed
 * copy. Each role imports only its own rooms: a proxy knows nothing of the ledger.
 */
import { flushCompileCache } from "node:module";
import { BelayError } from "./errors.ts";
import { readInherited, readInheritedKey } from "./ports/inherited.ts";
import { createJsonLog } from "./ports/log.ts";
import { createSystemRandom } from "./ports/random.ts";
import { createSystemClock } from "./ports/system-clock.ts";

const [role = "", ...words] = process.argv.slice(2);
const clock = createSystemClock();
const random = createSystemRandom();
const program = { node: process.execPath, main: process.argv[1] ?? "" };

await run().catch((cause: unknown) => {
  if (!(cause instanceof BelayError)) throw cause;
  createJsonLog(role).error(cause.message, { code: cause.code, next: cause.next });
  // Not by exitCode: a socket that is still open would keep a process alive that does nothing, and that nobody starts anew.
  process.exit(1);
});

async function run(): Promise<void> {
  switch (role) {
    case "keeper": {
      const { runKeeper } = await load(import("./keeper/keeper.ts"));
      const { parseKeeperArguments } = await import("./keeper/command.ts");
      const log = createJsonLog("keeper");
      await runKeeper({
        ...parseKeeperArguments(words),
        program,
        inherited: readInherited(),
        signal: untilTerminated(),
        clock,
        log,
      });
      break;
    }
    case "holder": {
      const { runHolder } = await load(import("./keeper/holder.ts"));
      await runHolder({ dataFolder: words[0] ?? "", inherited: readInherited(), clock, log: createJsonLog("holder") });
      break;
    }
    case "proxy": {
      const { runProxyWorker } = await load(import("./proxy/worker.ts"));
      const [dataFolder = "", workerName = ""] = words;
      const inherited = readInherited();
      await runProxyWorker({
        clock,
        random,
        log: createJsonLog(workerName),
        httpFd: inherited.sockets["http"] ?? -1,
        httpsFd: inherited.sockets["https"] ?? null,
        certificatesFolder: `${dataFolder}/certificates`,
        linkSocketPath: `${dataFolder}/run/workers.sock`,
        tableFile: `${dataFolder}/run/routing-table.json`,
        releasesFolder: `${dataFolder}/releases`,
        visitorKey: readInheritedKey(inherited, "visitor"),
        workerName,
        pid: process.pid,
        onReload: (listener) => {
          process.on("SIGHUP", listener);
          return () => process.off("SIGHUP", listener);
        },
        signal: untilTerminated(),
      });
      break;
    }
    case "output": {
      const { runOutputFilter } = await load(import("./keeper/output-filter.ts"));
      await runOutputFilter({ dataFolder: words[0] ?? "", clock, log: createJsonLog("output"), signal: untilTerminated() });
      break;
    }
    case "control": {
      const { runControl } = await load(import("./app/run-control.ts"));
      const [dataFolder = "", version = ""] = words;
      await runControl({
        dataFolder,
        installed: program,
        program: version,
        inherited: readInherited(),
        signal: untilTerminated(),
        clock,
        random,
        log: createJsonLog("control"),
      });
      break;
    }
    default: {
      const { startCli } = await import("./cli/start-cli.ts");
      process.exitCode = await startCli({ program, clock, random });
    }
  }
}

/** Keeps what was compiled at once and not at the exit: a process that is killed has none, and is to be back the sooner. */
async function load<Module>(importing: Promise<Module>): Promise<Module> {
  const module = await importing;
  flushCompileCache();
  return module;
}

function untilTerminated(): AbortSignal {
  const ending = new AbortController();
  process.once("SIGTERM", () => ending.abort());
  process.once("SIGINT", () => ending.abort());
  return ending.signal;
}
