import { apiSocketPath } from "../api/serve-api.ts";
import { BelayError } from "../errors.ts";
import type { ClientTarget } from "./api-connection.ts";
import type { CliIo } from "./cli-io.ts";
import { type Command, textOf } from "./command.ts";
import { remotesFileOf } from "./places.ts";
import { isRemoteName, readRemotes, requireRemote } from "./remotes.ts";
import { describeServerAddress, parseServerAddress, type ServerAddress } from "./server-address.ts";
import type { SshOptions } from "./ssh-command.ts";
import { createTunnel } from "./ssh-tunnel.ts";

type Values = Readonly<Record<string, string | boolean | undefined>>;

/**
 * The server that a command line means: --server, else BELAY_SERVER unless --data names a Belay of this machine; undefined is
 * this machine. Throws `BELAY_CLI_TWO_SERVERS`, and `BELAY_CLI_THIS_MACHINE_ONLY` for a command that acts on this machine.
 */
export function serverOf(io: Pick<CliIo, "env">, command: Pick<Command, "name" | "isLocal">, values: Values): string | undefined {
  const asked = textOf(values["server"]);
  const data = textOf(values["data"]);
  if (asked !== undefined && data !== undefined) {
    throw new BelayError({
      code: "BELAY_CLI_TWO_SERVERS",
      message: "--server names another machine, and --data a folder of this one",
      next: "Give one of them; the data folder of another machine goes into its address: ssh://user@host/data/folder.",
    });
  }
  const server = asked ?? (data === undefined ? io.env["BELAY_SERVER"] : undefined);
  if (server === undefined || server === "") return undefined;
  if (command.isLocal !== true) return server;
  throw new BelayError({
    code: "BELAY_CLI_THIS_MACHINE_ONLY",
    message: `${command.name} acts on the machine that it runs on, and ${asked === undefined ? "BELAY_SERVER" : "--server"} names another one (${server})`,
    next: `Run \`belay ${command.name}\` on that machine, or here without ${asked === undefined ? "BELAY_SERVER" : "--server"}.`,
  });
}

/** How the control plane is reached. Nothing is connected, and no name is looked up, before the first question. */
export function targetOf(io: CliIo, dataFolder: string, server: string | undefined): ClientTarget {
  const actor = io.user.name.replaceAll(/[^\w.@+-]/g, "_").slice(0, 100) || "unknown";
  if (server === undefined)
    return { kind: "socket", path: apiSocketPath(dataFolder), dataFolder, actor, token: io.env["BELAY_TOKEN"] };
  try {
    return toTarget(io, addressOf(io, server), actor);
  } catch (cause) {
    if (!(cause instanceof BelayError)) throw cause;
    return { kind: "unknown", server, cause };
  }
}

/** The address that a name or an address itself stands for. Throws `BELAY_REMOTE_UNKNOWN` or `BELAY_SERVER_ADDRESS_INVALID`. */
export function addressOf(io: Pick<CliIo, "env" | "user">, server: string): ServerAddress {
  return parseServerAddress(isRemoteName(server) ? requireRemote(readRemotes(remotesFileOf(io)), server) : server);
}

export function toTarget(io: CliIo, address: ServerAddress, actor: string): ClientTarget {
  if (address.kind === "url") return { kind: "url", url: address.url, token: io.env["BELAY_TOKEN"] };
  return {
    kind: "ssh",
    address: describeServerAddress(address),
    tunnel: createTunnel(tunnelOptions(io, address)),
    actor,
    token: io.env["BELAY_TOKEN"],
  };
}

export function tunnelOptions(io: CliIo, address: SshOptions["address"]): SshOptions {
  return { address, clock: io.clock, env: io.env, isInteractive: io.stderr.isTerminal, signal: io.interrupted };
}
