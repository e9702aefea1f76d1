import type { TokenView } from "../api/views.ts";
import { BelayError } from "../errors.ts";
import { hasRole, outside, type Role, roles } from "../rollout/principal.ts";
import { type Command, type CommandContext, textOf } from "./command.ts";
import { scopeWords } from "./entry-words.ts";
import { harmless, showTable } from "./show-table.ts";
import { describeTime } from "./time-words.ts";

export const token: Command = {
  name: "token",
  summary:
    "Give people and jobs tokens of their own: `token create bob --role approver`, `token list`, `token revoke bob`, `token map bob --email bob@example.com`.",
  arguments: [
    { name: "<create|list|revoke|map>", summary: "What to do." },
    {
      name: "[name]",
      summary:
        "Whose it is; revoke also takes the id of one token, and map `outside`, for addresses of nobody who approves here.",
    },
  ],
  options: [
    { flags: "--role <role>", summary: "Of create: viewer, deployer, approver or admin; each may do what those before it may." },
    { flags: "--service <name>", summary: "Of create: it counts for this service alone." },
    { flags: "-e, --environment <name>", summary: "Of create: it counts in this environment alone." },
    { flags: "--expires <time>", summary: "Of create: how long it counts, such as 30d or 12h, or never.", fallback: "90d" },
    {
      flags: "--email <addresses>",
      summary:
        "Of create and map: addresses in commits that are theirs, with commas between, in place of those said before. Nobody approves what they wrote.",
    },
  ],

  async run(context) {
    const [action, name] = context.positionals;
    if (action === "list" && name === undefined) return list(context);
    if (action === "create" && name !== undefined) return create(context, name);
    if (action === "revoke" && name !== undefined) return revoke(context, name);
    if (action === "map" && name !== undefined) return map(context, name);
    throw new BelayError({
      code: "BELAY_CLI_TOKEN_ACTION",
      message:
        name === undefined && ["create", "revoke", "map"].includes(action ?? "")
          ? `token ${action} needs a name`
          : `token does not know what to do with ${harmless(action ?? "nothing")}${name === undefined ? "" : " and a name"}`,
      next: "Write `belay token create <name> --role <role>`, `belay token list`, `belay token revoke <name>` or `belay token map <name> --email <addresses>`.",
    });
  },
};

async function create(context: CommandContext, name: string): Promise<undefined> {
  const { client, values, printJson, isJson, io } = context;
  // The secret is alone on standard output, so that `> file` makes a file for BELAY_TOKEN_FILE.
  const say = (line: string) => io.stderr.write(`${line}\n`);
  const made = await client.createToken({
    name,
    role: roleOf(textOf(values["role"])),
    service: textOf(values["service"]) ?? null,
    environment: textOf(values["environment"]) ?? null,
    lastsMs: lastsMsOf(textOf(values["expires"]) ?? "90d"),
    gitEmails: addressesOf(values["email"]),
  });
  say(`${describeToken(made.token)}. It is shown once, and kept nowhere:`);
  if (isJson) printJson(made);
  else io.stdout.write(`${made.secret}\n`);
  if (made.token.gitEmails.length === 0 && hasRole(made.token.role, "approver"))
    say(
      `No address in commits is known as theirs, and before one is they approve no code: \`belay token map ${harmless(name)} --email <addresses>\`.`,
    );
  say("Whoever has it sets BELAY_TOKEN, or BELAY_TOKEN_FILE to a file with it. It ends with `belay token revoke`.");
  return undefined;
}

async function list({ client, print, printJson, isJson }: CommandContext): Promise<undefined> {
  const tokens = await client.tokens();
  if (isJson) printJson(tokens);
  else if (tokens.length === 0)
    print("Nobody has a token of their own yet. Make one: `belay token create <name> --role deployer`.");
  else print(showTokens(tokens));
  return undefined;
}

async function revoke({ client, print, printJson, isJson }: CommandContext, name: string): Promise<undefined> {
  const revoked = await client.revokeToken(name);
  if (isJson) printJson({ revoked });
  print(`Ended: ${revoked.join(", ")}. What was done with ${revoked.length === 1 ? "it" : "them"} stays done.`);
  return undefined;
}

async function map({ client, values, print, printJson, isJson }: CommandContext, name: string): Promise<undefined> {
  const gitEmails = addressesOf(values["email"]);
  const tokens = await client.mapToken({ name, gitEmails });
  if (isJson) printJson(tokens);
  const addresses = gitEmails.map(harmless).join(", ");
  print(
    name === outside
      ? `Taken as of nobody who approves here, and no others: ${addresses === "" ? "none" : addresses}.`
      : gitEmails.length === 0
        ? `No commit is taken as by ${name} any more.`
        : `Commits by ${addresses} are taken as by ${name}, who approves none of them.`,
  );
  return undefined;
}

function showTokens(tokens: readonly TokenView[]): string {
  return showTable(
    ["ID", "NAME", "ROLE", "SCOPE", "UNTIL", "COMMITS BY", "MADE BY"],
    tokens.map(({ id, name, role, scope, until, isExpired, gitEmails, by }) => [
      id,
      harmless(name),
      role,
      scopeWords(scope),
      until === null ? "-" : `${describeTime(until)}${isExpired ? " (expired)" : ""}`,
      gitEmails.length === 0 ? "-" : gitEmails.map(harmless).join(", "),
      harmless(by),
    ]),
  );
}

function describeToken({ id, name, role, scope, until }: TokenView): string {
  return `Token ${id} for ${harmless(name)}: ${role} ${scopeWords(scope)}, ${until === null ? "until it is revoked" : `until ${describeTime(until)}`}`;
}

function roleOf(asked: string | undefined): Role {
  const role = roles.find((each) => each === asked);
  if (role !== undefined) return role;
  throw new BelayError({
    code: "BELAY_CLI_TOKEN_ROLE",
    message: asked === undefined ? "a token needs a role" : `${harmless(asked)} is no role`,
    next: `Give --role ${roles.slice(0, -1).join(", ")} or ${roles.at(-1)}.`,
  });
}

const unitsMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function lastsMsOf(asked: string): number | null {
  if (asked === "never") return null;
  const [, count, unit = ""] = /^(\d{1,6})([smhd])$/.exec(asked) ?? [];
  const lastsMs = Number(count) * (unitsMs[unit] ?? 0);
  if (lastsMs >= 1_000 && lastsMs <= 366 * 86_400_000) return lastsMs;
  throw new BelayError({
    code: "BELAY_CLI_TOKEN_EXPIRES",
    message: `${harmless(asked.slice(0, 40))} is no time that a token could last`,
    next: "Write a number with s, m, h or d, such as 90d, at most 366d, or never.",
  });
}

function addressesOf(value: string | boolean | undefined): readonly string[] {
  return (textOf(value) ?? "")
    .split(",")
    .map((address) => address.trim())
    .filter((address) => address !== "");
}
