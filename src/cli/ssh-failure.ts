import { BelayError } from "../errors.ts";
import { describeLogin, type SshAddress } from "./server-address.ts";

interface Kind {
  /** Of what ssh writes to its standard error. */
  readonly pattern: RegExp;
  readonly code: BelayError["code"];
  message(login: string): string;
  next(login: string): string;
}

/** What ssh says, the first that fits. Its own words are in the message of what fits none. */
const kinds: readonly Kind[] = [
  {
    pattern: /Host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED/i,
    code: "BELAY_SSH_HOST_KEY",
    message: (login) => `ssh does not trust the host key of ${login}: it is not known, or it has changed`,
    next: (login) => `Compare the key with what the machine's owner says, and run \`ssh ${login}\` once by hand to keep it.`,
  },
  {
    pattern: /Permission denied \(|Too many authentication failures|no such identity/i,
    code: "BELAY_SSH_AUTHENTICATION",
    message: (login) => `${login} does not let this user in`,
    next: (login) =>
      `Make \`ssh ${login}\` work first: add your public key to authorized_keys there, and load its key into ssh-agent here.`,
  },
  {
    pattern:
      /Could not resolve hostname|connect to host|Connection timed out|Connection refused|No route to host|kex_exchange|Connection (closed|reset) by|Timeout, server/i,
    code: "BELAY_SSH_UNREACHABLE",
    message: (login) => `${login} cannot be reached by ssh`,
    next: (login) => `Check the name, the port and the network with \`ssh ${login}\`, then try again.`,
  },
];

/** What went wrong on the way to `address`, from what ssh wrote and how it ended. */
export function describeSshFailure(
  address: SshAddress,
  { stderr, ending }: { readonly stderr: string; readonly ending: string },
): BelayError {
  const login = describeLogin(address);
  const port = address.port === undefined ? "" : `, port ${address.port}`;
  const said = lastLinesOf(stderr);
  const words = said === "" ? ending : said;
  const kind = kinds.find(({ pattern }) => pattern.test(stderr));
  const byHand = address.port === undefined ? login : `-p ${address.port} ${login}`;
  if (kind !== undefined) {
    const { code, message, next } = kind;
    return new BelayError({ code, message: `${message(login)}${port} (${words})`, next: next(byHand) });
  }
  return new BelayError({
    code: "BELAY_SSH_FAILED",
    message: `ssh to ${login}${port} failed: ${words}`,
    next: `Find out what \`ssh ${byHand}\` says, then try again.`,
  });
}

/** What the other machine's own shell sees where the API's socket should be. */
export type FarSocket = "absent" | "present" | "forbidden" | "unknown";

/** The connection stands, and nobody answers at its far end. */
export function noBelayThere(address: SshAddress, dataFolder: string, socket: FarSocket): BelayError {
  const login = describeLogin(address);
  if (socket === "present") {
    return new BelayError({
      code: "BELAY_SSH_FORWARDING",
      message: `the Belay in ${dataFolder} on ${login} cannot be reached through ssh: its ssh server forwards no unix sockets, or that Belay was killed`,
      next: "Run `belay status` there; if it answers, let the administrator set `AllowStreamLocalForwarding yes` (OpenSSH's default) in sshd_config.",
    });
  }
  if (socket === "forbidden") {
    return new BelayError({
      code: "BELAY_CLI_NO_PERMISSION",
      message: `this user may not talk to the Belay in ${dataFolder} on ${login}`,
      next: "Log in as the user who ran `belay up` there.",
    });
  }
  return new BelayError({
    code: "BELAY_CLI_NOT_RUNNING",
    message: `no Belay answers in ${dataFolder} on ${login}`,
    next: `Run \`belay up --detach\` there, or name the data folder of one that runs: ssh://${login}/data/folder.`,
  });
}

export function sshMissing(cause: unknown): BelayError {
  return new BelayError({
    code: "BELAY_SSH_MISSING",
    message: "the program ssh is not installed, or not on the PATH",
    next: "Install OpenSSH's client (on Debian: openssh-client), then try again.",
    cause,
  });
}

function lastLinesOf(stderr: string): string {
  const lines = stderr.split("\n").map((line) => line.trim());
  return lines
    .filter((line) => line !== "" && !/^(Warning: Permanently added|@)/.test(line))
    .slice(-2)
    .join("; ")
    .slice(0, 400);
}
