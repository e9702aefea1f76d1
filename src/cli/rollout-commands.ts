import { BelayError } from "../errors.ts";
import type { Client, ServiceName } from "./client.ts";
import {
  type Command,
  type CommandContext,
  type CommandOption,
  environmentOption,
  exitCodes,
  serviceArgument,
  textOf,
} from "./command.ts";
import { exitCodeOf, finishRollout } from "./finish-rollout.ts";
import { requireService } from "./own-manifest.ts";
import { announceRollback } from "./rollback-words.ts";

const reasonOption: CommandOption = { flags: "--reason <words>", summary: "Why; it is kept in the ledger." };
const noFollowOption: CommandOption = { flags: "--no-follow", summary: "Return as soon as it is asked for." };

export const promote: Command = {
  name: "promote",
  summary: "End the present step of the running rollout.",
  arguments: [serviceArgument],
  options: [
    environmentOption,
    { flags: "--full", summary: "Skip the steps that are left: on to the holdback and the bake." },
    { flags: "--skip-analysis", summary: "No gates and no bake: everyone, now." },
  ],
  run: (context) =>
    tell(context, "promote", { isFull: context.values["full"] === true, skipsAnalysis: context.values["skipAnalysis"] === true }),
};

export const pause: Command = {
  name: "pause",
  summary: "Take the new release to weight 0 and keep it running.",
  arguments: [serviceArgument],
  options: [environmentOption, reasonOption],
  run: (context) => tell(context, "pause", { reason: reasonOf(context) }),
};

export const resume: Command = {
  name: "resume",
  summary: "Go on where the rollout was paused, or say what became of a task that was interrupted.",
  arguments: [serviceArgument],
  options: [
    environmentOption,
    { flags: "--task-done", summary: "The interrupted task has done its work: go on without running it again." },
    { flags: "--retry-task", summary: "The interrupted task can run again: run it once more." },
  ],
  run: (context) => tell(context, "resume", taskOf(context)),
};

/** Throws `BELAY_CLI_DONE_OR_RETRY`. */
function taskOf({ values }: CommandContext): { readonly task?: "done" | "retry" } {
  const [isDone, isRetry] = [values["taskDone"] === true, values["retryTask"] === true];
  if (isDone && isRetry) {
    throw new BelayError({
      code: "BELAY_CLI_DONE_OR_RETRY",
      message: "--task-done and --retry-task say opposite things",
      next: "Give --task-done when its work is whole, --retry-task when it can run again.",
    });
  }
  if (isDone) return { task: "done" };
  return isRetry ? { task: "retry" } : {};
}

export const abort: Command = {
  name: "abort",
  summary: "Give up the running rollout: everyone is routed back to stable.",
  arguments: [serviceArgument],
  options: [environmentOption, reasonOption, noFollowOption],
  run: (context) => tellAndFinish(context, "abort", { reason: reasonOf(context) }),
};

export const rollback: Command = {
  name: "rollback",
  summary: "Go back to an older release; a running rollout is aborted.",
  arguments: [serviceArgument],
  options: [
    environmentOption,
    { flags: "--to <release>", summary: "The release to go back to; by default the one promoted before." },
    reasonOption,
    noFollowOption,
    {
      flags: "--direct",
      summary:
        "Without the control plane, when it does not answer: tells the proxies themselves, on this machine. It is recorded later.",
    },
  ],
  run: async (context) => {
    const target = textOf(context.values["to"]);
    if (context.values["direct"] === true) return rollBackDirectly(context, target);
    const words = await announceRollback(context.client, serviceOf(context, "rollback"), target);
    if (words !== undefined) context.print(words);
    return tellAndFinish(context, "rollback", { target: target ?? null, reason: reasonOf(context) });
  },
};

/** Works on the data folder alone: what is asked of another machine's Belay has to be asked there. */
async function rollBackDirectly(context: CommandContext, target: string | undefined): Promise<undefined> {
  const { io, dataFolder, print, isJson, printJson } = context;
  const of = serviceOf(context, "rollback");
  const by = io.user.name;
  const done = await io.platform.rollBackDirectly({ ...of, dataFolder, target: target ?? null, reason: reasonOf(context), by });
  const { from, release, workers, tookMs, listen } = done;
  print(
    `${of.service}: everyone is routed from ${from} to ${release}; ${workers} proxy workers were told, after ${Math.ceil(tookMs)} ms.`,
  );
  print("The control plane is stopped. It records this when it is back, before it changes anything.");
  print(`Next: find out what is wrong with it (${dataFolder}/logs/control.log), then \`belay up --listen ${listen} --detach\`.`);
  if (isJson) printJson({ ...of, ...done });
}

type Verb = Parameters<Client["command"]>[0];

async function tell(context: CommandContext, verb: Verb, body: object): Promise<undefined> {
  const { service, rollout } = await ask(context, verb, body);
  context.print(`${service}: ${verb} is recorded for rollout ${rollout}; ${followsOn(context, verb)}`);
  context.print(`Next: ${nextAfter(verb, serviceOf(context, verb))}`);
  if (context.isJson) context.printJson({ service, rollout });
}

/** What Belay does now that it is asked to. */
function followsOn({ values }: CommandContext, verb: Verb): string {
  switch (verb) {
    case "promote":
      if (values["skipAnalysis"] === true) return "everyone goes to the release, without gates and without a bake";
      return values["full"] === true
        ? "the steps that are left are skipped, and the release goes to its holdback and bakes"
        : "its step ends, and the next one begins, or after the last one the bake";
    case "pause":
      return "the new release gets no visitors and keeps running";
    case "resume":
      return "it goes on where it stopped";
    case "abort":
      return "everyone goes back to stable";
    case "rollback":
      return "everyone goes back to the older release";
  }
}

function nextAfter(verb: Verb, { service, environment }: ServiceName): string {
  const of = environment === "production" ? service : `${service} -e ${environment}`;
  if (verb === "pause") return `\`belay resume ${of}\` goes on, \`belay abort ${of}\` gives it up.`;
  return `\`belay status ${service}\` shows how far it is, \`belay explain ${of}\` why.`;
}

/** Both ways back are quick, so the command ends when the visitors are back. Ending as it was asked to is a success. */
async function tellAndFinish(context: CommandContext, verb: "abort" | "rollback", body: object): Promise<number | undefined> {
  if (context.values["follow"] === false) return tell(context, verb, body);
  const { rollout } = await ask(context, verb, body);
  const view = await finishRollout(context, rollout);
  const isAsWanted = view.outcome === "promoted" || (view.outcome === "aborted" && (verb === "abort" || view.kind === "deploy"));
  return isAsWanted ? exitCodes.done : exitCodeOf(view);
}

async function ask({ client, ...context }: CommandContext, verb: Verb, body: object) {
  const of = serviceOf(context, verb);
  const { rollout } = await client.command(verb, of, body);
  return { service: of.service, rollout };
}

function serviceOf(context: Pick<CommandContext, "io" | "positionals" | "values">, verb: Verb): ServiceName {
  return { service: requireService(context, verb), environment: textOf(context.values["environment"]) ?? "production" };
}

function reasonOf({ values }: CommandContext): string {
  return textOf(values["reason"]) ?? "";
}
