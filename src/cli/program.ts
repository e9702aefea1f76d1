import { Command as Program } from "commander";
import { approve, override, review } from "./approve.ts";
import { brief } from "./brief.ts";
import { build } from "./build.ts";
import { check } from "./check.ts";
import type { Output } from "./cli-io.ts";
import { type Command, type CommandOption, exitCodes } from "./command.ts";
import { createCompletion } from "./completion.ts";
import { config } from "./config.ts";
import { deploy } from "./deploy.ts";
import { doctor } from "./doctor.ts";
import { down } from "./down.ts";
import { explain } from "./explain.ts";
import { history } from "./history.ts";
import { init } from "./init.ts";
import { logs } from "./logs.ts";
import { maintenance } from "./maintenance.ts";
import { policy } from "./policy.ts";
import { preview } from "./preview.ts";
import { programVersion } from "./program-version.ts";
import { releases } from "./releases.ts";
import { remote } from "./remote.ts";
import { abort, pause, promote, resume, rollback } from "./rollout-commands.ts";
import { run } from "./run.ts";
import { schema } from "./schema.ts";
import { secret } from "./secret.ts";
import { simulate } from "./simulate.ts";
import { slo } from "./slo.ts";
import { status } from "./status.ts";
import { token } from "./token.ts";
import { up } from "./up.ts";

export const commands: readonly Command[] = [
  up,
  deploy,
  status,
  slo,
  promote,
  pause,
  resume,
  abort,
  rollback,
  history,
  explain,
  releases,
  logs,
  approve,
  review,
  override,
  token,
  policy,
  brief,
  run,
  maintenance,
  preview,
  secret,
  config,
  init,
  check,
  simulate,
  doctor,
  schema,
  createCompletion(() => ({ commands, globalOptions })),
  down,
  remote,
  build,
];

/** As scripts may rely on them. */
export const exitCodeWords: string = [
  "Exit codes:",
  `  ${exitCodes.done}    done`,
  `  ${exitCodes.error}    an error, with its code and what to do`,
  `  ${exitCodes.usage}    wrong usage`,
  `  ${exitCodes.aborted}    the rollout was aborted or superseded`,
  `  ${exitCodes.refused}    the rollout was refused before any traffic`,
  `  ${exitCodes.held}    the rollout waits for a person (held or paused)`,
  `  ${exitCodes.bug}   a bug in Belay, with its stack`,
  `  ${exitCodes.cancelled}  cancelled by Ctrl-C or a signal`,
].join("\n");

const globalOptions: readonly CommandOption[] = [
  {
    flags: "--data <folder>",
    summary: "Folder with everything Belay keeps; default: BELAY_DATA, /var/lib/belay for root, or the user's state folder.",
  },
  {
    flags: "--server <name|address>",
    summary:
      "Talk to another machine: a name of `belay remote`, ssh://user@host, or https://host with the token in BELAY_TOKEN; default: BELAY_SERVER.",
  },
  {
    flags: "--token-file <file>",
    summary: "Act by the token in this file, or of standard input with -; default: BELAY_TOKEN, or the file of BELAY_TOKEN_FILE.",
  },
  { flags: "--json", summary: "Write one JSON document to standard output, and words to standard error." },
];

/** What was typed, taken apart. */
export interface Invocation {
  readonly command: Command;
  readonly positionals: readonly (string | undefined)[];
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
}

export interface ProgramOptions {
  readonly onCommand: (invocation: Invocation) => void;
  readonly stdout: Pick<Output, "write">;
  readonly stderr: Pick<Output, "write">;
}

/** The command line as commander knows it. Without options it only describes itself, for the reference page. */
export function createProgram(options?: ProgramOptions): Program {
  const program = new Program("belay")
    .description("Deploys an HTTP service so that a release earns its way to everyone, or comes back before users notice.")
    .version(programVersion(), "-V, --version", "Show the version of this program.")
    .helpOption("-h, --help", "Show help, also for a command.")
    .helpCommand("help [command]", "Show help for a command.")
    .addHelpText("after", `\n${exitCodeWords}`)
    .showSuggestionAfterError()
    .showHelpAfterError("Next:  Add --help, also behind a command's name, to see what can be written.")
    .exitOverride();
  if (options !== undefined) {
    program.configureOutput({
      writeOut: (text) => options.stdout.write(text),
      // What stands there too much may be a secret: it is not repeated.
      writeErr: (text) => options.stderr.write(text.replace(/( but got \d+): .*$/m, "$1.")),
    });
  }
  for (const { flags, summary } of globalOptions) program.option(flags, summary);
  for (const command of commands) addCommand(program, command, options);
  return program;
}

function addCommand(program: Program, command: Command, options: ProgramOptions | undefined): void {
  const added = program.command(command.name).description(command.summary);
  for (const { name, summary } of command.arguments ?? []) added.argument(name, summary);
  if (command.rest !== undefined) added.usage(`[options] [service] -- ${command.rest}`);
  for (const { flags, summary, fallback } of command.options ?? []) added.option(flags, summary, fallback);
  added.action(() => {
    const values = added.optsWithGlobals<Record<string, string | boolean | undefined>>();
    options?.onCommand({ command, positionals: added.processedArgs, values });
  });
}
