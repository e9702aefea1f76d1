import { BelayError } from "../errors.ts";

/** A machine that is reached through the user's own ssh, and the data folder of the Belay that runs there. */
export interface SshAddress {
  readonly kind: "ssh";
  /** Undefined: as ssh's own configuration says. */
  readonly user: string | undefined;
  /** A name, an address, or an alias of ssh's configuration. */
  readonly host: string;
  readonly port: number | undefined;
  /** Undefined: the default one of the user there, which is asked for. */
  readonly dataFolder: string | undefined;
}

/** Where a control plane is: behind ssh, or at an address that takes a token. */
export type ServerAddress = SshAddress | { readonly kind: "url"; readonly url: string };

// Names go into the argument list of ssh, so none may look like an option; what ssh expands or splits (% $ : and blanks) is in no folder.
const sshPattern = /^ssh:\/\/(?:([\w.][\w.+-]*)@)?([a-z0-9_][\w.-]*|\[[0-9a-f:.]+\])(?::(\d{1,5}))?(\/[\w./@+=,~-]*)?$/i;

/** Throws `BELAY_SERVER_ADDRESS_INVALID`. */
export function parseServerAddress(text: string): ServerAddress {
  if (/^https?:\/\//.test(text)) return { kind: "url", url: parseHttpAddress(text) };
  const [, user, host, port, path = "/"] = sshPattern.exec(text) ?? [];
  if (host === undefined || Number(port ?? 1) < 1 || Number(port ?? 1) > 65_535) throw invalid(text);
  const dataFolder = path.replace(/(?<=.)\/+$/, "");
  return {
    kind: "ssh",
    user,
    host: host.replace(/^\[(.*)\]$/, "$1"),
    port: port === undefined ? undefined : Number(port),
    dataFolder: dataFolder === "/" ? undefined : dataFolder,
  };
}

/** As it is written on a command line and kept in the file of remotes. */
export function describeServerAddress(address: ServerAddress): string {
  if (address.kind === "url") return address.url;
  return `ssh://${describeLogin(address)}${address.port === undefined ? "" : `:${address.port}`}${address.dataFolder ?? ""}`;
}

/** `user@host`, as one gives it to ssh by hand. */
export function describeLogin({ user, host }: Pick<SshAddress, "user" | "host">): string {
  return `${user === undefined ? "" : `${user}@`}${host.includes(":") ? `[${host}]` : host}`;
}

function parseHttpAddress(text: string): string {
  if (!URL.canParse(text)) throw invalid(text);
  const url = new URL(text);
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") throw invalid(text);
  return text.replace(/\/+$/, "");
}

function invalid(text: string): BelayError {
  // What looks like a password must not come back on a screen.
  const shown = text.replace(/:\/\/[^@/]*@/, "://…@").slice(0, 200);
  return new BelayError({
    code: "BELAY_SERVER_ADDRESS_INVALID",
    message: `${shown} is not the address of a server`,
    next: "Write ssh://user@host, ssh://user@host:port/data/folder, or https://host:port with the token in BELAY_TOKEN.",
  });
}
