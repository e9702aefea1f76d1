import { BelayError } from "../errors.ts";
import { type CommandEnd, runCommand } from "../ports/command.ts";
import type { Subject } from "./check.ts";

const shownLines = 8;

/**
 * Runs a shell command of the service's owner in the service's folder. Everything that it started has ended when this returns.
 * Throws `BELAY_CHECK_NO_FOLDER` when there is no folder to run it in; rejects with the signal's reason on abort.
 */
export async function runShell(
  { commands }: Pick<Subject, "commands">,
  command: string,
  signal: AbortSignal,
): Promise<CommandEnd> {
  const { cwd, env } = commands;
  if (cwd === null) throw noFolder(command);
  return runCommand({ argv: ["sh", "-c", command], cwd, env, signal });
}

/** The end of what a command said, for a finding. */
export function lastWordsOf({ stdout, stderr }: Pick<CommandEnd, "stdout" | "stderr">): string {
  const said = stderr.trim() === "" ? stdout.toString("utf8").trim() : stderr.trim();
  return said === "" ? "it wrote nothing" : said.split("\n").slice(-shownLines).join("\n");
}

/** How a command ended, in words that go on "it ". */
export function endWords({ exitCode, endSignal, isCut }: CommandEnd): string {
  if (isCut) return "wrote more than can be read";
  return exitCode === null ? `was ended by signal ${endSignal ?? "unknown"}` : `ended with exit code ${exitCode}`;
}

function noFolder(command: string): BelayError {
  return new BelayError({
    code: "BELAY_CHECK_NO_FOLDER",
    message: `${command} could not be run: only the built bundle is here, not the source`,
    next: "Let the control plane build the commit, or run the command where the bundle is built and switch the check off under checks.policy.",
  });
}
