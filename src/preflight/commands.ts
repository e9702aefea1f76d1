import { BelayError } from "../errors.ts";
import { type CommandEnd, runCommand } from "../ports/command.ts";
import type { Subject } from "./check.ts";

const shownLines = 8;
const tellingMax = 2;
const tellingWidth = 120;
/** What Node puts below a line of a program. */
const marks = /^\s*\^+\s*$/;
/** Empty lines, and where in a program it happened. */
const noise = /^\s*\^*\s*$|^\s+at |^\S+:\d+$|^Node\.js v\d/;

/**
 * Runs a shell command of the service's owner in the service's folder. Everything that it started has ended when this returns.
 * Throws `BELAY_CHECK_NO_FOLDER` when there is no folder to run it in; rejects with the signal's reason on abort.
 */
export async function runShell(
  { commands }: Pick<Subject, "commands">,
  command: string,
  signal: AbortSignal,
): Promise<CommandEnd> {
  return runCommand({ argv: ["sh", "-c", command], cwd: requireFolder({ commands }), env: commands.env, signal });
}

/** The end of what a command said, for a finding. */
export function lastWordsOf({ stdout, stderr }: Pick<CommandEnd, "stdout" | "stderr">): string {
  const said = stderr.trim() === "" ? stdout.toString("utf8").trim() : stderr.trim();
  return said === "" ? "it wrote nothing" : said.split("\n").slice(-shownLines).join("\n");
}

/** A finding has little room, and where in a program it happened says less than what. */
export function tellingLines(lastLines: string): readonly string[] {
  const all = lastLines.split("\n");
  const isTelling = (line: string, at: number) => !noise.test(line) && !marks.test(all[at + 1] ?? "");
  const lines = all.filter(isTelling).slice(-tellingMax);
  return lines.map((line) => (line.length > tellingWidth ? `${line.slice(0, tellingWidth)}…` : line));
}

/** How a command ended, in words that go on "it ". */
export function endWords({ exitCode, endSignal, isCut }: CommandEnd): string {
  if (isCut) return "wrote more than can be read";
  return exitCode === null ? `was ended by signal ${endSignal ?? "unknown"}` : `ended with exit code ${exitCode}`;
}

/** The folder that the build left. Throws `BELAY_CHECK_NO_FOLDER`, to which the frame has an answer. */
export function requireFolder({ commands }: Pick<Subject, "commands">): string {
  if (commands.cwd !== null) return commands.cwd;
  throw new BelayError({
    code: "BELAY_CHECK_NO_FOLDER",
    message: "the bundle was not built here and now, so that there is no folder to run a command in",
    next: "Run `belay check` where the bundle is built.",
  });
}
