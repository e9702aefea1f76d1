import type { PinnedPolicyView, RulesView } from "../api/views.ts";
import { BelayError } from "../errors.ts";
import { describeProblems } from "../manifest/parse-manifest.ts";
import { parsePolicy } from "../manifest/pinned-rules.ts";
import { describeScope } from "../rollout/pinned-policy.ts";
import { type Command, type CommandContext, textOf } from "./command.ts";
import { readGivenFile, readManifestText, requireManifest } from "./own-manifest.ts";
import { harmless, indent, showTable } from "./show-table.ts";
import { describeTime } from "./time-words.ts";

export const policy: Command = {
  name: "policy",
  summary:
    "Pin rules on the server that no release is judged by less than: `policy set rules.yml`, `policy show`, `policy clear`. Setting and clearing takes an admin.",
  arguments: [
    { name: "<set|show|clear>", summary: "What to do." },
    {
      name: "[file]",
      summary: "Of set: a file with rules of belay.yml: rollout, slo, checks, windows, freezes, approvals, risk, brief.",
    },
  ],
  options: [
    { flags: "--service <name>", summary: "For this service alone; show takes the one of belay.yml in this folder by itself." },
    { flags: "-e, --environment <name>", summary: "In this environment alone; show looks at production by itself." },
  ],

  async run(context) {
    const [action, file] = context.positionals;
    if (action === "set" && file !== undefined) return set(context, file);
    if (action === "show" && file === undefined) return show(context);
    if (action === "clear" && file === undefined) return clear(context);
    throw new BelayError({
      code: "BELAY_CLI_POLICY_ACTION",
      message: `policy does not know what to do with ${harmless(action ?? "nothing")}${file === undefined ? "" : " and a file"}`,
      next: "Write `belay policy set <file>`, `belay policy show` or `belay policy clear`.",
    });
  },
};

function scopeOf({ values }: CommandContext) {
  return { service: textOf(values["service"]) ?? null, environment: textOf(values["environment"]) ?? null };
}

/** The file is read here too, so that what is wrong with it is told by its own name. */
async function set(context: CommandContext, file: string): Promise<undefined> {
  const { io, client, print, printJson, isJson } = context;
  const text = readGivenFile(io.cwd, file);
  const parsed = parsePolicy(text, file);
  if (!parsed.ok) {
    throw new BelayError({
      code: "BELAY_POLICY_UNREADABLE",
      message: describeProblems(parsed.problems),
      next: "Mend the lines named above, and run `belay policy set` again.",
    });
  }
  const pinned = await client.pinPolicy({ ...scopeOf(context), text });
  print(`Pinned for ${describeScope(pinned.scope)}: from the next rollout on, no release is judged by less.`);
  if (isJson) printJson(pinned);
  return undefined;
}

async function clear(context: CommandContext): Promise<undefined> {
  const { client, print, printJson, isJson } = context;
  const scope = scopeOf(context);
  await client.clearPolicy(scope);
  print(`Nothing is pinned for ${describeScope(scope)} any more.`);
  if (isJson) printJson(scope);
  return undefined;
}

async function show(context: CommandContext): Promise<undefined> {
  const { io, client, values, print, printJson, isJson } = context;
  const pinned = await client.policies();
  const service =
    textOf(values["service"]) ?? (readManifestText(io.cwd) === undefined ? undefined : requireManifest(io.cwd).service);
  const environment = textOf(values["environment"]) ?? "production";
  const rules = service === undefined ? null : await client.rules({ service, environment });
  if (isJson) printJson({ pinned, rules });
  else print([describePinned(pinned), ...(rules === null ? [] : ["", describeRules(rules)])].join("\n"));
  return undefined;
}

function describePinned(pinned: readonly PinnedPolicyView[]): string {
  if (pinned.length === 0) return "Nothing is pinned on this server.";
  return pinned
    .map(
      ({ scope, by, at, text }) =>
        `Pinned for ${describeScope(scope)} by ${harmless(by)} at ${describeTime(at)}:\n${indent(harmless(text.trimEnd()))}`,
    )
    .join("\n");
}

function describeRules({ service, environment, release, rules }: RulesView): string {
  const head = `What the next release of ${service} in ${environment} is judged by at the least${release === null ? " (nothing serves there yet, so the rest is its own)" : ""}:`;
  if (rules.length === 0) return `${head}\n    its own belay.yml`;
  return `${head}\n${showTable(
    ["RULE", "IS", "FROM"],
    rules.map(({ field, value, from }) => [field, harmless(value), harmless(from)]),
  )}`;
}
