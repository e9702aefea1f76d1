import { BelayError } from "../errors.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { type Brief, type BriefKey, briefQuestions, briefTemplate, parseBrief } from "../rollout/brief.ts";
import { type Command, type CommandContext, type CommandOption, textOf } from "./command.ts";
import { readGivenFile, requireManifest } from "./own-manifest.ts";
import { harmless } from "./show-table.ts";

export const briefOption: CommandOption = {
  flags: "--brief <file>",
  summary: "Answers to the six questions of a release brief, as `belay brief` prints them; they are kept in the ledger.",
};

export const brief: Command = {
  name: "brief",
  summary: "Print the six questions of a release brief, with what belay.yml knows, to be answered for `belay deploy --brief`.",

  async run({ io, print, printJson, isJson }) {
    const manifest = requireManifest(io.cwd);
    if (isJson)
      printJson(briefQuestions.map(({ key, heading, hint }) => ({ key, heading, hint, known: knownOf(manifest)[key] ?? [] })));
    else print(briefTemplate(`Release brief: ${manifest.service}`, knownOf(manifest)).trimEnd());
    return undefined;
  },
};

function knownOf({ service, owners, dependants, plan, run, tasks }: Manifest): Partial<Record<BriefKey, readonly string[]>> {
  const { kpis = [] } = plan;
  return {
    evidence: kpis.map(({ name, user, outcome }) => `KPI ${name}: ${user} ${outcome}`),
    failure: dependants.length === 0 ? [] : [`It is needed by ${dependants.join(", ")}.`],
    growth: [
      `It runs ${run.instances} of its instances${run.memoryBytesMax === null ? "" : `, each with ${run.memoryBytesMax} bytes at most`}.`,
    ],
    owner: owners.length === 0 ? ["belay.yml names no owners."] : [`belay.yml names ${owners.join(", ")}.`],
    wayBack: [
      `\`belay rollback ${service}\` brings the release before back.`,
      ...tasks.map(({ name }) => `It does not undo the task ${name}.`),
    ],
  };
}

/** Starts it with the brief that was given; where one is asked for and somebody sits at the terminal, with their answers. */
export async function withBrief<Started>(
  context: CommandContext,
  start: (sent: { readonly brief?: Brief }) => Promise<Started>,
): Promise<Started> {
  const { io, values, print } = context;
  const file = textOf(values["brief"]);
  if (file !== undefined) return start({ brief: readBrief(io.cwd, file) });
  try {
    return await start({});
  } catch (cause) {
    if (!(cause instanceof BelayError) || cause.code !== "BELAY_BRIEF_NEEDED") throw cause;
    const answers = await askForBrief(context, () => print(harmless(cause.message)));
    if (answers === undefined) throw cause;
    return start({ brief: answers });
  }
}

/** One line each, because a terminal is no editor; undefined when nobody can be asked. */
async function askForBrief({ io, isJson, print }: CommandContext, introduce: () => void): Promise<Brief | undefined> {
  if (isJson || !io.stdout.isTerminal) return undefined;
  introduce();
  const answers: [BriefKey, string][] = [];
  for (const { key, heading, hint } of briefQuestions) {
    print(`  ${hint}`);
    const answer = await io.ask(`${heading} `);
    if (answer === undefined) return undefined;
    answers.push([key, answer]);
  }
  return Object.fromEntries(answers) as Brief;
}

function readBrief(folder: string, file: string): Brief {
  const parsed = parseBrief(readGivenFile(folder, file));
  if (parsed.ok) return parsed.brief;
  throw new BelayError({
    code: "BELAY_BRIEF_REFUSED",
    message: `${harmless(file)}: ${parsed.problems.join("; ")}`,
    next: "Answer all six in a few sentences each, under the headings that `belay brief` prints.",
  });
}
