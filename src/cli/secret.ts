import { parseEnv } from "node:util";
import type { SecretView } from "../api/views.ts";
import { BelayError } from "../errors.ts";
import { type Command, type CommandContext, textOf } from "./command.ts";
import { requireService } from "./own-manifest.ts";
import { countOf, describeAge, harmless, showTable } from "./show-table.ts";

/** As the manifest's environments, and as every other command has it. */
export const secret: Command = {
  name: "secret",
  summary:
    "Keep secrets of a service: `secret set NAME` and `secret import` read standard input, never an argument. They take effect with the next rollout.",
  arguments: [
    { name: "<set|list|unset|import>", summary: "What to do; import takes lines of NAME=value." },
    { name: "[name]", summary: "Of set and unset." },
  ],
  options: [
    { flags: "--service <name>", summary: "The service; by default the one of belay.yml in this folder." },
    { flags: "-e, --environment <name>", summary: "Environment of the service.", fallback: "production" },
  ],

  async run(context) {
    const [action, name] = context.positionals;
    if (action === "list" && name === undefined) return list(context);
    if (action === "import" && name === undefined) return importAll(context);
    if (action === "set" && name !== undefined) return set(context, { [name]: await readValue(context, name) });
    if (action === "unset" && name !== undefined) return unset(context, name);
    throw new BelayError({
      code: "BELAY_CLI_SECRET_ACTION",
      message:
        name === undefined && (action === "set" || action === "unset")
          ? `secret ${action} needs the name of a secret`
          : `secret does not know what to do with ${harmless(action ?? "nothing")}${name === undefined ? "" : " and a name"}`,
      next: "Write `belay secret set <NAME>`, `belay secret unset <NAME>`, `belay secret list` or `belay secret import`; values come from standard input.",
    });
  },
};

async function list(context: CommandContext): Promise<undefined> {
  const { client, io, isJson, print, printJson } = context;
  const of = placeOf(context);
  const secrets = await client.secrets(of);
  if (isJson) printJson({ ...of, secrets });
  else if (secrets.length === 0) print(`No secret of ${of.service} in ${of.environment} yet.`);
  else print(describeSecrets(secrets, io.clock.now()));
  return undefined;
}

async function set(context: CommandContext, values: Readonly<Record<string, string>>): Promise<undefined> {
  const { client, isJson, print, printJson } = context;
  const of = placeOf(context);
  const secrets = await client.setSecrets(of, values);
  if (isJson) printJson({ ...of, secrets });
  for (const { name, version } of secrets)
    print(`${harmless(name)} of ${of.service} in ${of.environment} is set: version ${version}.`);
  print("It takes effect with the next rollout: `belay deploy --config` rolls out the configuration alone.");
  return undefined;
}

async function unset(context: CommandContext, name: string): Promise<undefined> {
  const { client, isJson, print, printJson } = context;
  const of = placeOf(context);
  const secrets = await client.unsetSecret(of, name);
  if (isJson) printJson({ ...of, secrets });
  print(`${harmless(name)} of ${of.service} in ${of.environment} is forgotten. Releases that have it keep it.`);
  return undefined;
}

async function importAll(context: CommandContext): Promise<undefined> {
  const values = parseEnv(await context.io.readInput("NAME=value (it is not shown): "));
  const defined = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value ?? ""]));
  const count = Object.keys(defined).length;
  if (count === 0) throw nothingCame("standard input had no line of NAME=value");
  context.print(`Setting ${countOf(count, "secret")}.`);
  return set(context, defined);
}

/** One line's end belongs to `echo` and to editors, and not to the value. */
async function readValue({ io }: CommandContext, name: string): Promise<string> {
  const value = (await io.readInput(`Value of ${harmless(name)} (it is not shown): `)).replace(/\r?\n$/, "");
  if (value === "") throw nothingCame(`standard input had no value for ${harmless(name)}`);
  return value;
}

function nothingCame(message: string): BelayError {
  return new BelayError({
    code: "BELAY_CLI_NO_INPUT",
    message,
    next: "Send it on standard input, such as `belay secret set NAME < file`, or type it in a terminal.",
  });
}

function placeOf(context: CommandContext): { readonly service: string; readonly environment: string } {
  const { values } = context;
  const service = requireService({ ...context, positionals: [textOf(values["service"])] }, "secret --service");
  return { service, environment: textOf(values["environment"]) ?? "production" };
}

function describeSecrets(secrets: readonly SecretView[], now: Temporal.Instant): string {
  return showTable(
    ["NAME", "VERSION", "FINGERPRINT", "BY", "SET"],
    secrets.map(({ name, version, fingerprint, by, at }) => [
      harmless(name),
      String(version),
      fingerprint ?? "(unset)",
      harmless(by),
      describeAge(at, now),
    ]),
  );
}
