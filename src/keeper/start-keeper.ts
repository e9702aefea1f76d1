import { spawn } from "node:child_process";
import { closeSync } from "node:fs";
import { text } from "node:stream/consumers";
import { BelayError } from "../errors.ts";
import { keeperArgv, keeperPaths, type Listen, type Program } from "./command.ts";
import { openLogFile } from "./log-files.ts";
import type { StartupReport } from "./startup-report.ts";

/**
 * Starts the first keeper of a data folder and leaves it alone: it is a session of its own and outlives the caller. Resolves with the
 * bound addresses once it answers; throws what it reported (`BELAY_KEEPER_PORT_IN_USE` and so on), or `BELAY_KEEPER_NOT_STARTED`.
 */
export async function startKeeper(options: {
  readonly program: Program;
  readonly dataFolder: string;
  readonly listen: Listen;
}): Promise<Readonly<Record<string, string>>> {
  const { program, dataFolder, listen } = options;
  const { logs } = keeperPaths(dataFolder);
  const [command = "", ...words] = keeperArgv(program, dataFolder, listen);
  const output = openLogFile(logs, "keeper");
  try {
    const child = spawn(command, words, {
      cwd: "/",
      env: { BELAY_STARTUP: "3" },
      detached: true,
      stdio: ["ignore", output, output, "pipe"],
    });
    const failedToSpawn = new Promise<never>((_, reject) => {
      child.once("error", (cause) => reject(notStarted(`${command} cannot be run: ${cause.message}`, logs)));
    });
    const pipe = child.stdio[3];
    const line = await Promise.race([failedToSpawn, text(pipe as NodeJS.ReadableStream)]);
    child.unref();
    return readReport(line, logs);
  } finally {
    closeSync(output);
  }
}

function readReport(line: string, logs: string): Readonly<Record<string, string>> {
  if (line === "") throw notStarted("the keeper ended without a word", logs);
  const report = JSON.parse(line) as StartupReport;
  if (report.ok) return report.addresses;
  throw new BelayError({ code: report.code as `BELAY_${string}`, message: report.message, next: report.next });
}

function notStarted(message: string, logs: string): BelayError {
  return new BelayError({
    code: "BELAY_KEEPER_NOT_STARTED",
    message,
    next: `Read ${logs}/keeper.log, then run \`belay up\` again.`,
  });
}
