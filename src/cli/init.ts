import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BelayError } from "../errors.ts";
import { describeProject } from "../project/describe-project.ts";
import type { Draft, DraftPart } from "../project/draft.ts";
import { type ImportKind, importConfig, importKinds } from "../project/import-config.ts";
import { toManifestText } from "../project/manifest-text.ts";
import { openProjectFiles } from "../project/project-files.ts";
import { type Command, type CommandContext, textOf } from "./command.ts";
import { adviseOn, observeRoutes } from "./effects-words.ts";
import { manifestFile } from "./own-manifest.ts";
import { harmless, indent } from "./show-table.ts";
import { takeTour } from "./tour.ts";

export const init: Command = {
  name: "init",
  summary: "Look at this folder and write a belay.yml for the service in it; says what it took for granted.",
  options: [
    { flags: "--from <format>", summary: `Take over what another tool's file says: ${importKinds.join(", ")}.` },
    { flags: "--service <name>", summary: "Name of the service; of a compose file, which of its services." },
    { flags: "--command <line>", summary: "Command line that starts one instance." },
    { flags: "--health <path>", summary: "Path that answers 2xx when the service can serve." },
    { flags: "--host <name>", summary: 'Host name of the visitors; "*" is any.' },
    {
      flags: "--tour",
      summary: "A guided first deployment: says which service to begin with, explains each step, and asks before it.",
    },
    { flags: "--print", summary: "Show what would be written, with what to check on standard error, and write nothing." },
  ],

  async run(context) {
    const { io, values, isJson, print, printJson } = context;
    if (values["tour"] === true) return takeTour(context);
    const path = join(io.cwd, manifestFile);
    if (values["print"] !== true && existsSync(path)) throw alreadyThere();
    const draft = await withObserved(context, await withFreeHost(context, await draftOf(context)));
    const text = toManifestText(draft);
    if (values["print"] !== true) writeNew(path, text);
    if (isJson) printJson({ file: values["print"] === true ? null : manifestFile, text, ...draft });
    if (values["print"] === true) {
      print(text.trimEnd());
      // Beside the text, so that what is printed can be written to a file.
      const notes = describeNotes(draft);
      if (!isJson && notes.length > 0) io.stderr.write(`${notes.join("\n").trimStart()}\n`);
    } else
      print(
        `${describe(draft, text)}\n\nNext: \`belay check\`; \`git add ${manifestFile}\` and commit; \`belay up --detach\` if none runs here; \`belay deploy\`.`,
      );
    return undefined;
  },
};

async function draftOf({ io, values }: CommandContext): Promise<Draft> {
  const files = await openProjectFiles(io.cwd);
  const kind = textOf(values["from"]);
  const imported = kind === undefined ? {} : importConfig(requireKind(kind), files, textOf(values["service"]));
  return describeProject(files, [imported, askedFor(values)]);
}

/** Every host can belong to one service alone. Where a Belay runs on this machine, it is known whether another one has it. */
async function withFreeHost({ io, client, values }: CommandContext, draft: Draft): Promise<Draft> {
  if (isElsewhere({ io, values }) || values["host"] !== undefined || draft.hosts.join() !== "*") return draft;
  const owner = await ownerOfAnyHost(client);
  if (owner === undefined || owner === draft.service) return draft;
  const host = `${draft.service}.localhost`;
  const said = `The host is ${host}: "*", every other host, belongs to ${owner} on this machine.`;
  return { ...draft, hosts: [host], assumed: [...draft.assumed, said] };
}

/** Of a service that this machine serves already: which routes its traffic proposes to look at. Said, and never written. */
async function withObserved(context: CommandContext, draft: Draft): Promise<Draft> {
  if (isElsewhere(context)) return draft;
  const routes = draft.hosts.map((host) => ({ host, path: "/" }));
  const observed = await observeRoutes(context, { service: draft.service, environment: "production" }, routes);
  return observed === null ? draft : { ...draft, toCheck: [...draft.toCheck, ...adviseOn(observed)] };
}

function isElsewhere({ io, values }: Pick<CommandContext, "io" | "values">): boolean {
  return (textOf(values["server"]) ?? io.env["BELAY_SERVER"] ?? "") !== "";
}

async function ownerOfAnyHost(client: CommandContext["client"]): Promise<string | undefined> {
  try {
    const { services } = await client.status();
    return services.find(({ stable }) => stable?.routes.some(({ host, path }) => host === "*" && path === "/"))?.service;
  } catch (cause) {
    // None runs here, or not for this user: then nothing is known, and the deploy tells.
    if (cause instanceof BelayError) return undefined;
    throw cause;
  }
}

/** What the command line says wins over what any file says. */
function askedFor(values: CommandContext["values"]): DraftPart {
  const [service, command, health, host] = ["service", "command", "health", "host"].map((name) => textOf(values[name]));
  return {
    ...(service === undefined ? {} : { service }),
    ...(command === undefined ? {} : { command, commandFrom: "the command line" }),
    ...(health === undefined ? {} : { health }),
    ...(host === undefined ? {} : { hosts: [host] }),
  };
}

function describe(draft: Draft, text: string): string {
  return [`Wrote ${manifestFile}:`, "", indent(text), ...describeNotes(draft)].join("\n");
}

function describeNotes({ assumed, toCheck, leftOut }: Draft): readonly string[] {
  const part = (title: string, lines: readonly string[]) =>
    lines.length === 0 ? [] : ["", `${title}:`, ...lines.map((line) => `  - ${harmless(line)}`)];
  return [...part("Taken for granted", assumed), ...part("Please check", toCheck), ...part("Not taken over", leftOut)];
}

/** Fails rather than overwrites, also when the file appeared meanwhile. */
function writeNew(path: string, text: string): void {
  try {
    writeFileSync(path, text, { flag: "wx" });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "EEXIST") throw alreadyThere();
    throw new BelayError({
      code: "BELAY_INIT_NOT_WRITTEN",
      message: `${manifestFile} cannot be written: ${(cause as Error).message}`,
      next: "Make the folder writable, or see what would be written with `belay init --print`.",
      cause,
    });
  }
}

function alreadyThere(): BelayError {
  return new BelayError({
    code: "BELAY_INIT_EXISTS",
    message: `this folder has a ${manifestFile} already, and init overwrites nothing`,
    next: "Check it with `belay check`, which proposes what its traffic shows, or see what init would write with `belay init --print`.",
  });
}

function requireKind(kind: string): ImportKind {
  const found = importKinds.find((name) => name === kind);
  if (found !== undefined) return found;
  throw new BelayError({
    code: "BELAY_INIT_FORMAT_UNKNOWN",
    message: `init cannot read the format ${kind}`,
    next: `Write --from ${importKinds.join(", --from ")}, or nothing.`,
  });
}
