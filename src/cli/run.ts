import type { RunView } from "../api/views.ts";
import { BelayError } from "../errors.ts";
import { isPassing, type ServiceName } from "./client.ts";
import { type Command, type CommandContext, environmentOption, serviceArgument, textOf } from "./command.ts";
import { requireService } from "./own-manifest.ts";
import { harmless } from "./show-table.ts";

const pollMs = 250;
/** The control plane may be killed and come back meanwhile; it has this long. */
const patienceMs = 60_000;

export const run: Command = {
  name: "run",
  summary: "Run a command once with a release's files and environment, on the machine that serves; its exit code is passed on.",
  arguments: [serviceArgument],
  rest: "<command...>",
  options: [
    environmentOption,
    { flags: "--reason <words>", summary: "Why; it is kept in the ledger, with the command as it was written: no secrets." },
    { flags: "--release <id>", summary: "The release to run it with; by default the one that serves everyone." },
    { flags: "--detach", summary: "Return as soon as it is asked for." },
    { flags: "--stop <run>", summary: "End a command that runs, by its id." },
  ],

  async run(context) {
    const { client, values, isJson, print, printJson } = context;
    const of = { service: requireService(context, "run"), environment: textOf(values["environment"]) ?? "production" };
    const stopped = textOf(values["stop"]);
    if (stopped !== undefined) {
      await client.stopRun(of, stopped);
      print(`${of.service}: ${stopped} is being ended.`);
      if (isJson) printJson({ ...of, run: stopped });
      return undefined;
    }
    const body = {
      command: requireCommandWords(context),
      release: textOf(values["release"]) ?? null,
      reason: requireReason(context),
    };
    const { run: id } = await client.startRun(of, body);
    if (values["detach"] !== true) return followRun(context, of, id);
    print(
      `${of.service}: recorded as ${id}. Its output: \`belay logs ${of.service} --task once\`; its end: \`belay run ${of.service} --stop ${id}\`.`,
    );
    if (isJson) printJson({ ...of, run: id });
    return undefined;
  },
};

/** Its output as it comes, then its exit code. */
async function followRun(context: CommandContext, of: ServiceName, id: string): Promise<number> {
  const { client, io, isJson, print, printJson } = context;
  let cursor: string | undefined;
  let awaySinceMs: number | null = null;
  try {
    for (;;) {
      try {
        const view = await client.run(of, id, cursor);
        ({ cursor } = view);
        awaySinceMs = null;
        for (const line of view.lines) print(io.stdout.isTerminal ? harmless(line) : line);
        if (view.run.end !== null && !view.hasMore) {
          if (isJson) printJson({ ...of, ...view.run });
          return exitCodeOfRun(view.run, view.run.end);
        }
        if (view.hasMore) continue;
      } catch (error) {
        if (!isPassing(error)) throw error;
        awaySinceMs ??= io.clock.monotonicMs();
        if (io.clock.monotonicMs() - awaySinceMs > patienceMs) throw error;
      }
      await io.clock.sleep(pollMs, io.interrupted);
    }
  } catch (error) {
    if (io.interrupted.aborted)
      print(`Stopped following. The command goes on: \`belay run ${of.service} --stop ${id}\` ends it.`);
    throw error;
  }
}

function exitCodeOfRun({ run: id, command }: RunView["run"], end: NonNullable<RunView["run"]["end"]>): number {
  if (end.exitCode !== null) return end.exitCode;
  throw new BelayError({
    code: "BELAY_RUN_INTERRUPTED",
    message: `${id} (${harmless(command.join(" "))}) did not end by itself: ${end.how}`,
    next: "Find out what it has done already before you run it again; `belay history` says when it ran.",
  });
}

function requireCommandWords({ rest }: CommandContext): readonly string[] {
  if (rest.length > 0) return rest;
  throw new BelayError({
    code: "BELAY_CLI_NO_COMMAND",
    message: "run needs a command behind --",
    next: 'Write it behind two dashes: `belay run --reason "why" -- node report.js`.',
  });
}

function requireReason({ values }: CommandContext): string {
  const reason = textOf(values["reason"])?.trim() ?? "";
  if (reason !== "") return reason;
  throw new BelayError({
    code: "BELAY_CLI_NO_REASON",
    message: "run needs a reason, which is kept in the ledger with the command and your name",
    next: 'Say why: `belay run --reason "why" -- <command>`.',
  });
}
