import { CommanderError } from "commander";
import { BelayError } from "../errors.ts";
import type { CliIo } from "./cli-io.ts";
import { createClient } from "./client.ts";
import { type CommandContext, exitCodes, refusalCodes, textOf } from "./command.ts";
import { ownToken } from "./own-token.ts";
import { dataFolderOf } from "./places.ts";
import { commands, createProgram, type Invocation } from "./program.ts";
import { serverOf, targetOf } from "./target.ts";

/** Runs one command line (without the program's own name) and returns its exit code. Never throws: a bug is 70, with its stack. */
export async function runCli(argv: readonly string[], io: CliIo): Promise<number> {
  let invocation: Invocation | undefined;
  const { own, rest } = cutRest(argv);
  const program = createProgram({
    onCommand: (asked) => {
      invocation = asked;
    },
    stdout: io.stdout,
    stderr: io.stderr,
  });
  try {
    program.parse(own, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    throw error;
  }
  if (invocation === undefined) return exitCodes.usage;
  return runCommand({ ...invocation, rest }, io);
}

/** A command line without the words behind its first `--`, and those words, when its command takes them. */
function cutRest(argv: readonly string[]): { readonly own: readonly string[]; readonly rest: readonly string[] } {
  const at = argv.indexOf("--");
  const takesRest = commands.some(({ name, rest }) => rest !== undefined && argv.slice(0, at).includes(name));
  return at === -1 || !takesRest ? { own: argv, rest: [] } : { own: argv.slice(0, at), rest: argv.slice(at + 1) };
}

async function runCommand(
  { command, positionals, values, rest }: Invocation & Pick<CommandContext, "rest">,
  outer: CliIo,
): Promise<number> {
  let io = outer;
  const isJson = values["json"] === true;
  const dataFolder = dataFolderOf(io, textOf(values["data"]));
  let server: string | undefined;
  let mistake: unknown;
  try {
    io = { ...outer, env: { ...outer.env, BELAY_TOKEN: await ownToken(outer, values) } };
    server = serverOf(io, command, values);
  } catch (error) {
    mistake = error;
  }
  const client = createClient(targetOf(io, dataFolder, server), { random: io.random, signal: io.interrupted });
  const words = isJson ? io.stderr : io.stdout;
  const context: CommandContext = {
    io,
    client,
    dataFolder,
    isJson,
    positionals,
    rest,
    values,
    runOther: (words, folder) => runCli([...words, ...places(values)], { ...io, cwd: folder }),
    print: (line) => words.write(`${line}\n`),
    printJson: (document) => io.stdout.write(`${JSON.stringify(document, null, io.stdout.isTerminal ? 2 : 0)}\n`),
  };
  try {
    if (mistake !== undefined) throw mistake;
    return (await command.run(context)) ?? exitCodes.done;
  } catch (error) {
    return tellError(error, context);
  } finally {
    await client.close();
  }
}

/** The options that say where Belay is. */
function places(values: CommandContext["values"]): readonly string[] {
  const given = (["data", "server"] as const).map((name) => [`--${name}`, textOf(values[name])] as const);
  return given.flatMap(([flag, value]) => (value === undefined ? [] : [flag, value]));
}

function tellError(error: unknown, { io, isJson, printJson }: CommandContext): number {
  if (io.interrupted.aborted) {
    io.stderr.write("Interrupted.\n");
    return exitCodes.cancelled;
  }
  if (!(error instanceof BelayError)) {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    io.stderr.write(`This is a bug in Belay. Please report it with these lines:\n${stack}\n`);
    return exitCodes.bug;
  }
  const { message, next, code } = error;
  io.stderr.write(`Error: ${message}\nNext:  ${next}\nCode:  ${code}\n`);
  if (isJson) printJson({ code, message, next });
  return refusalCodes.has(code) ? exitCodes.refused : exitCodes.error;
}
