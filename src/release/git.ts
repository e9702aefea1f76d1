import { BelayError } from "../errors.ts";
import { type Command, type CommandEnd, runCommand } from "../ports/command.ts";
import { systemPath, userEnvironment } from "../ports/environment.ts";

/** Where and how git runs. */
export interface Git {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** What a single run of git adds. `env` is laid over the repository's. */
export type GitOptions = Partial<Pick<Command, "stdin" | "signal" | "stdoutBytesMax" | "timeoutMs" | "env">>;

/**
 * Git on one bare repository, with neither the machine's nor a user's settings: what a commit becomes must not depend on
 * who runs Belay. No hooks, no replaced objects, no automatic clean-up.
 */
export function createServerGit(repository: string): Git {
  const settings = [
    "core.hooksPath=/dev/null",
    "gc.auto=0",
    "maintenance.auto=false",
    "core.fsync=all",
    "core.logAllRefUpdates=false",
  ];
  const env: Record<string, string> = {
    PATH: userEnvironment()["PATH"] ?? systemPath,
    HOME: repository,
    LC_ALL: "C",
    GIT_DIR: repository,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_ATTR_NOSYSTEM: "1",
    GIT_NO_REPLACE_OBJECTS: "1",
    GIT_LITERAL_PATHSPECS: "1",
    GIT_TERMINAL_PROMPT: "0",
    GIT_CONFIG_COUNT: String(settings.length),
  };
  for (const [index, setting] of settings.entries()) {
    const [key = "", value = ""] = setting.split("=");
    env[`GIT_CONFIG_KEY_${index}`] = key;
    env[`GIT_CONFIG_VALUE_${index}`] = value;
  }
  return { cwd: repository, env };
}

/**
 * Git as the user runs it in `folder`, with their settings and filters, but bound to no other repository (in a hook of git,
 * GIT_DIR and GIT_INDEX_FILE are set) and writing nothing by the way.
 */
export function createUserGit(folder: string): Git {
  const bindings =
    /^GIT_(DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|COMMON_DIR|PREFIX|NAMESPACE|SHALLOW_FILE)$/;
  const inherited = Object.entries(userEnvironment()).filter(([name]) => !bindings.test(name));
  const own = {
    LC_ALL: "C",
    GIT_TERMINAL_PROMPT: "0",
    GIT_OPTIONAL_LOCKS: "0",
    GIT_NO_REPLACE_OBJECTS: "1",
    GIT_LITERAL_PATHSPECS: "1",
  };
  return { cwd: folder, env: { ...Object.fromEntries(inherited), ...own } };
}

/** Runs git to its end, whatever its exit code. */
export function tryGit(git: Git, args: readonly string[], { env, ...options }: GitOptions = {}): Promise<CommandEnd> {
  return runCommand({ argv: ["git", ...args], cwd: git.cwd, env: { ...git.env, ...env }, ...options });
}

/** Standard output of a run that is expected to succeed. Throws `BELAY_RELEASE_GIT_FAILED`. */
export async function runGit(git: Git, args: readonly string[], options: GitOptions = {}): Promise<string> {
  const end = await tryGit(git, args, options);
  if (end.exitCode === 0 && !end.isCut) return end.stdout.toString("utf8");
  throw gitFailed(args, end);
}

export function gitFailed(args: readonly string[], end: Pick<CommandEnd, "exitCode" | "stderr">): BelayError {
  return new BelayError({
    code: "BELAY_RELEASE_GIT_FAILED",
    message: `git ${args[0]} failed${end.exitCode === null ? "" : ` with exit code ${end.exitCode}`}: ${lastWords(end.stderr)}`,
    next: "Check that the disk has room and that `git --version` says 2.36 or newer, then try again.",
  });
}

/** What git says at its end, on one line. */
export function lastWords(stderr: string): string {
  const lines = stderr.trim().split("\n");
  return lines.slice(-3).join("; ") || "it said nothing";
}

/** Full SHA-1 object names only: nothing else is handed to git as a commit, so that nothing can be taken for an option. */
export function isCommitName(text: string): boolean {
  return /^[0-9a-f]{40}$/.test(text);
}

/** Splits what git prints with -z. */
export function splitNul(text: string): readonly string[] {
  return text.split("\0").filter((part) => part !== "");
}
