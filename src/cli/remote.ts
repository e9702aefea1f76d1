import { BelayError } from "../errors.ts";
import { createClient } from "./client.ts";
import type { Command, CommandContext } from "./command.ts";
import { remotesFileOf } from "./places.ts";
import { isRemoteName, readRemotes, requireRemote, writeRemotes } from "./remotes.ts";
import { describeServerAddress, parseServerAddress, type ServerAddress } from "./server-address.ts";
import { showTable } from "./show-table.ts";
import { createTunnel } from "./ssh-tunnel.ts";
import { toTarget, tunnelOptions } from "./target.ts";

export const remote: Command = {
  name: "remote",
  summary:
    "Keep names for servers: `remote add prod ssh://deploy@vm`, `remote list`, `remote remove prod`. Use one with --server.",
  arguments: [
    { name: "<add|list|remove>", summary: "What to do." },
    { name: "[name]", summary: "What to call the server here." },
    { name: "[address]", summary: "ssh://[user@]host[:port][/data/folder], or https://host:port with the token in BELAY_TOKEN." },
  ],
  options: [{ flags: "--no-check", summary: "Add it without asking whether a Belay answers there." }],

  async run(context) {
    const [action, name, address] = context.positionals;
    if (action === "list" && name === undefined) return list(context);
    if (action === "remove" && name !== undefined && address === undefined) return remove(context, name);
    if (action === "add" && name !== undefined && address !== undefined) return add(context, name, address);
    throw new BelayError({
      code: "BELAY_CLI_REMOTE_ACTION",
      message: `remote does not know what to do with ${context.positionals.filter((word) => word !== undefined).join(" ")}`,
      next: "Write `belay remote add <name> <address>`, `belay remote list` or `belay remote remove <name>`.",
    });
  },
};

async function add(context: CommandContext, name: string, text: string): Promise<undefined> {
  const { io, values, print, printJson, isJson } = context;
  if (!isRemoteName(name)) {
    throw new BelayError({
      code: "BELAY_REMOTE_NAME_INVALID",
      message: `${name.slice(0, 100)} is not a name for a server`,
      next: "Choose one of small letters, digits and hyphens, such as prod.",
    });
  }
  const file = remotesFileOf(io);
  const remotes = readRemotes(file);
  const given = parseServerAddress(text);
  const checked = values["check"] === false ? { address: given, version: undefined } : await check(context, given);
  const address = describeServerAddress(checked.address);
  writeRemotes(file, { ...remotes, [name]: address });
  const what =
    checked.version === undefined ? "not asked whether a Belay answers there" : `Belay ${checked.version} answers there`;
  print(`${name} is ${address} (${what}). Use it with --server ${name}, or BELAY_SERVER=${name}.`);
  if (isJson) printJson({ name, address, version: checked.version ?? null });
  return undefined;
}

/** Asks the server who it is, and completes the address by its data folder, so that later commands need not ask for it. */
async function check(
  { io }: CommandContext,
  given: ServerAddress,
): Promise<{ readonly address: ServerAddress; readonly version: string }> {
  let address = given;
  if (given.kind === "ssh" && given.dataFolder === undefined) {
    address = { ...given, dataFolder: await createTunnel(tunnelOptions(io, given)).dataFolder() };
  }
  const client = createClient(toTarget(io, address, io.user.name), { random: io.random, signal: io.interrupted });
  try {
    return { address, version: (await client.status()).program };
  } finally {
    await client.close();
  }
}

function list({ io, print, printJson, isJson }: CommandContext): undefined {
  const remotes = Object.entries(readRemotes(remotesFileOf(io))).map(([name, address]) => ({ name, address }));
  if (isJson) printJson(remotes);
  else if (remotes.length === 0) print("No server has a name here. Add one: `belay remote add prod ssh://user@host`.");
  else
    print(
      showTable(
        ["NAME", "ADDRESS"],
        remotes.map(({ name, address }) => [name, address]),
      ),
    );
  return undefined;
}

function remove({ io, print, printJson, isJson }: CommandContext, name: string): undefined {
  const file = remotesFileOf(io);
  const remotes = readRemotes(file);
  const address = requireRemote(remotes, name);
  writeRemotes(file, Object.fromEntries(Object.entries(remotes).filter(([known]) => known !== name)));
  print(`${name} is forgotten here; nothing changed at ${address}.`);
  if (isJson) printJson({ name, address });
  return undefined;
}
