import type { LogsView } from "../api/views.ts";
import { BelayError } from "../errors.ts";
import { isPassing, type ServiceName } from "./client.ts";
import { type Command, type CommandContext, environmentOption, serviceArgument, textOf } from "./command.ts";
import { filterLines, type LogFilter, parseLogFilter } from "./log-filter.ts";
import { requireService } from "./own-manifest.ts";
import { harmless } from "./show-table.ts";

const linesMax = 10_000;
const pollMs = 500;

export const logs: Command = {
  name: "logs",
  summary: "Show what the instances of a service wrote last, each line with its instance; the newest instance comes last.",
  arguments: [serviceArgument],
  options: [
    environmentOption,
    { flags: "-n, --lines <count>", summary: "Lines of each instance, 1 to 10000.", fallback: "100" },
    { flags: "--release <id>", summary: "Instances of one release only." },
    { flags: "--process <name>", summary: "This worker or job instead." },
    { flags: "--task <name>", summary: "Attempts at this task instead; `once` is what people ran with `belay run`." },
    { flags: "--since <when>", summary: "Lines since a time or for so long (10m), as far as lines carry a time." },
    { flags: "--grep <pattern>", summary: "Lines that match this regular expression." },
    { flags: "-f, --follow", summary: "Go on with what is written, by new instances too, until Ctrl-C." },
  ],

  async run(context) {
    const { client, io, values, isJson, printJson } = context;
    const of = { service: requireService(context, "logs"), environment: textOf(values["environment"]) ?? "production" };
    const count = linesOf(values["lines"]);
    const filter = parseLogFilter({ since: textOf(values["since"]), grep: textOf(values["grep"]), now: io.clock.now() });
    const release = textOf(values["release"]);
    const task = textOf(values["task"]);
    const process = textOf(values["process"]);
    if (process !== undefined && task !== undefined) throw processOrTask({ service: of.service, process, task });
    const isFiltered = filter.sinceMs !== null || filter.pattern !== null;
    const question = {
      ...of,
      lines: isFiltered ? linesMax : count,
      ...(release === undefined ? {} : { release }),
      ...(task === undefined ? {} : { task }),
      ...(process === undefined ? {} : { process }),
    };
    const ends = await client.logs(question);
    const shown = select(ends, filter, count);
    if (isJson && values["follow"] !== true) printJson({ ...of, instances: shown });
    else showLines(context, shown);
    if (!isJson && shown.length === 0 && values["follow"] !== true)
      context.print("No instance has written anything that matches.");
    if (values["follow"] === true) await follow(context, { question, filter, cursor: ends.cursor });
    return undefined;
  },
};

type Shown = LogsView["instances"];

/** The newest instance last, next to the reader's prompt. */
function select({ instances }: LogsView, filter: LogFilter, count: number): Shown {
  return instances
    .map(({ lines, ...instance }) => ({ ...instance, lines: filterLines(lines, filter).slice(-count) }))
    .filter(({ lines }) => lines.length > 0)
    .reverse();
}

/** With --json one document a line, since there is no last one. */
function showLines({ io, isJson, printJson, print }: CommandContext, shown: Shown): void {
  for (const { instance, release, lines } of shown) {
    const place = /\.(?:worker|job)-([a-z0-9-]+)(?:\.\d+)?$/.exec(instance)?.[1] ?? /\.(\d+)$/.exec(instance)?.[1];
    const name = place === undefined ? instance : `${release}/${place}`;
    for (const line of lines) {
      if (isJson) printJson({ instance, release, line });
      else print(`${name} | ${io.stdout.isTerminal ? harmless(line) : line}`);
    }
  }
}

/** Until it is interrupted, which is its normal end. A control plane that is away is asked again; nothing is lost meanwhile. */
async function follow(
  context: CommandContext,
  options: { readonly question: ServiceName & { readonly lines: number }; readonly filter: LogFilter; readonly cursor: string },
): Promise<void> {
  const { client, io } = context;
  let { cursor } = options;
  let isAway = false;
  while (!io.interrupted.aborted) {
    let hasMore = false;
    try {
      const view = await client.logs({ ...options.question, cursor });
      ({ cursor, hasMore } = view);
      isAway = false;
      // A line is judged by its own time alone: what comes now is new.
      showLines(context, select(view, { ...options.filter, sinceMs: null }, linesMax * 10));
    } catch (error) {
      if (io.interrupted.aborted) return;
      if (!isPassing(error)) throw error;
      if (!isAway) io.stderr.write("The control plane does not answer; it is asked again.\n");
      isAway = true;
    }
    if (!hasMore)
      await io.clock.sleep(pollMs, io.interrupted).catch((cause: unknown) => {
        if (!io.interrupted.aborted) throw cause;
      });
  }
}

function processOrTask(asked: { readonly service: string; readonly process: string; readonly task: string }): BelayError {
  const { service, process, task } = asked;
  return new BelayError({
    code: "BELAY_CLI_PROCESS_OR_TASK",
    message: `--process ${process} and --task ${task} ask for different logs`,
    next: `Run \`belay logs ${service}\` with one of the two, then with the other.`,
  });
}

function linesOf(value: string | boolean | undefined): number {
  const lines = Number(value);
  if (Number.isInteger(lines) && lines >= 1 && lines <= linesMax) return lines;
  throw new BelayError({
    code: "BELAY_CLI_LINES_INVALID",
    message: `${String(value)} is not a number of lines`,
    next: "Write a whole number of 1 to 10000, such as -n 100.",
  });
}
