import type { CliIo } from "./cli-io.ts";
import type { Client } from "./client.ts";

/** Exit codes that scripts rely on. */
export const exitCodes = { done: 0, error: 1, usage: 2, aborted: 3, refused: 4, held: 5, bug: 70, cancelled: 130 } as const;

/** Failures that are refusals of a rollout before anything of it ran. */
export const refusalCodes: ReadonlySet<string> = new Set([
  "BELAY_CONFIG_REFUSED",
  "BELAY_BRIEF_NEEDED",
  "BELAY_BRIEF_REFUSED",
  "BELAY_BUDGET_SPENT",
]);

export interface CommandArgument {
  /** As commander writes it: `<required>` or `[optional]`. */
  readonly name: string;
  readonly summary: string;
}

export interface CommandOption {
  /** As commander writes it: `--environment <name>`. */
  readonly flags: string;
  readonly summary: string;
  readonly fallback?: string;
}

/** A command as a plain object: help, documentation and parsing come from the same fields. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  readonly arguments?: readonly CommandArgument[];
  readonly options?: readonly CommandOption[];
  /** What stands behind `--` and is passed on as it is, as commander writes it. */
  readonly rest?: string;
  /** It acts on the machine that it runs on, so that --server and BELAY_SERVER are refused. */
  readonly isLocal?: boolean;
  /** Returns the exit code; undefined is 0. */
  run(context: CommandContext): Promise<number | undefined>;
}

export interface CommandContext {
  readonly io: CliIo;
  /** Of the control plane of `dataFolder`, or of the server named by --server or BELAY_SERVER. Connects at its first question. */
  readonly client: Client;
  readonly dataFolder: string;
  readonly isJson: boolean;
  readonly positionals: readonly (string | undefined)[];
  /** The words behind `--`, for a command that takes them. */
  readonly rest: readonly string[];
  /** By long name without dashes, in camel case. */
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
  /** Another command in another folder, with the same data folder or server, as if it had been typed. Returns its exit code. */
  runOther(words: readonly string[], folder: string): Promise<number>;
  /** A line for people: on standard output, or on standard error when standard output carries JSON. */
  print(line: string): void;
  /** The one document of --json, on standard output. */
  printJson(document: unknown): void;
}

export const environmentOption: CommandOption = {
  flags: "-e, --environment <name>",
  summary: "Environment of the service.",
  fallback: "production",
};

export const serviceArgument: CommandArgument = {
  name: "[service]",
  summary: "Name of the service; by default the one of belay.yml in this folder.",
};

export function textOf(value: string | boolean | undefined): string | undefined {
  return typeof value === "string" ? value : undefined;
}
