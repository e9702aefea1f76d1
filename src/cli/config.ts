import type { ConfigView } from "../api/views.ts";
import { BelayError } from "../errors.ts";
import { readAllEntries } from "./client.ts";
import { type Command, type CommandContext, environmentOption, textOf } from "./command.ts";
import { requireService } from "./own-manifest.ts";
import { listReleases } from "./releases.ts";
import { describeAge, harmless, showTable } from "./show-table.ts";

type Value = ConfigView["values"][number];

export const config: Command = {
  name: "config",
  summary: "Show the configuration of a release, or how those of two releases differ. Secrets are shown as fingerprints.",
  arguments: [
    { name: "<show|diff>", summary: "What to do." },
    { name: "[service]", summary: "Name of the service; by default the one of belay.yml in this folder." },
  ],
  options: [
    environmentOption,
    {
      flags: "--release <id>",
      summary: "The release; by default the one that serves everyone, and for diff a running rollout's.",
    },
    { flags: "--from <id>", summary: "The release that diff compares with; by default the one that was promoted before it." },
  ],

  async run(context) {
    const { positionals } = context;
    const [action] = positionals;
    if (action !== "show" && action !== "diff") throw neither(action);
    const service = requireService({ ...context, positionals: positionals.slice(1) }, `config ${action}`);
    const of = { service, environment: textOf(context.values["environment"]) ?? "production" };
    return action === "show" ? show(context, of) : diff(context, of);
  },
};

interface Place {
  readonly service: string;
  readonly environment: string;
}

async function show({ client, io, values, isJson, print, printJson }: CommandContext, of: Place): Promise<undefined> {
  const view = await client.config(of, textOf(values["release"]));
  if (isJson) printJson(view);
  print(
    `Release ${harmless(view.release)}, config ${view.version}, resolved ${describeAge(view.resolved.at, io.clock.now())} for ${harmless(view.resolved.by)}`,
  );
  print(
    showTable(
      ["NAME", "VALUE", "SOURCE", "BY", "SINCE"],
      view.values.map((value) => [
        harmless(value.name),
        shown(value),
        value.source,
        harmless(value.by),
        describeAge(value.at, io.clock.now()),
      ]),
    ),
  );
  return undefined;
}

async function diff(context: CommandContext, of: Place): Promise<undefined> {
  const { client, values, isJson, print, printJson } = context;
  const to = textOf(values["release"]) ?? (await candidateOf(context, of));
  const after = await client.config(of, to);
  const from = textOf(values["from"]) ?? (await promotedBefore(context, of, after.release));
  const before = await client.config(of, from);
  const changes = differences(before, after);
  if (isJson) printJson({ ...of, from: before.release, to: after.release, changes });
  print(`From ${harmless(before.release)} (config ${before.version}) to ${harmless(after.release)} (config ${after.version})`);
  if (changes.length === 0) print("Nothing differs.");
  for (const { name, from: old, to: now } of changes) {
    if (old !== null) print(`- ${harmless(name)} ${shown(old)}`);
    if (now !== null) print(`+ ${harmless(name)} ${shown(now)} (${now.source}, by ${harmless(now.by)} at ${now.at})`);
  }
  return undefined;
}

interface Change {
  readonly name: string;
  readonly from: Value | null;
  readonly to: Value | null;
}

/** By name; what has the same fingerprint and is as open as before is the same. */
export function differences(before: Pick<ConfigView, "values">, after: Pick<ConfigView, "values">): readonly Change[] {
  const find = ({ values }: Pick<ConfigView, "values">, name: string) => values.find((value) => value.name === name) ?? null;
  const names = [...new Set([...before.values, ...after.values].map(({ name }) => name))].sort();
  return names
    .map((name) => ({ name, from: find(before, name), to: find(after, name) }))
    .filter(({ from, to }) => from?.fingerprint !== to?.fingerprint || from?.isSecret !== to?.isSecret);
}

function shown({ value, fingerprint }: Value): string {
  return value === null ? `(secret ${fingerprint})` : harmless(value);
}

/** Of a running rollout; undefined when there is none. */
async function candidateOf({ client }: CommandContext, { service, environment }: Place): Promise<string | undefined> {
  const found = (await client.status()).services.find((one) => one.service === service && one.environment === environment);
  const rollout = found?.rollout ?? null;
  return rollout === null || rollout.outcome !== null ? undefined : (rollout.release ?? undefined);
}

async function promotedBefore({ client }: CommandContext, of: Place, release: string): Promise<string> {
  const all = listReleases(await readAllEntries(client), of).filter((one) => one.promotedAt !== null && one.release !== release);
  const [last] = all.toSorted((one, other) => ((one.promotedAt ?? "") < (other.promotedAt ?? "") ? 1 : -1));
  if (last !== undefined) return last.release;
  throw new BelayError({
    code: "BELAY_CONFIG_NOTHING_TO_COMPARE",
    message: `${of.service} has no other release that was promoted in ${of.environment}`,
    next: "Run `belay config show`, or name a release with --from.",
  });
}

function neither(action: string | undefined): BelayError {
  return new BelayError({
    code: "BELAY_CLI_CONFIG_ACTION",
    message: `config does not know what to do with ${harmless(String(action))}`,
    next: "Write `belay config show` or `belay config diff`; `belay deploy --config` rolls out a changed configuration.",
  });
}
