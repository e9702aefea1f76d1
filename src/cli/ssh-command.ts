import { spawn } from "node:child_process";
import { BelayError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import { parseServerAddress, type SshAddress } from "./server-address.ts";
import { describeSshFailure, type FarSocket, sshMissing } from "./ssh-failure.ts";

export interface SshOptions {
  readonly address: SshAddress;
  readonly clock: Pick<Clock, "monotonicMs" | "sleep">;
  /** ssh finds its agent, its terminal and its configuration by it. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** With somebody at a terminal ssh may ask for a passphrase or about a host key. */
  readonly isInteractive: boolean;
  readonly signal: AbortSignal;
}

/**
 * What ssh's configuration may not change: a connection of its own (with a shared one the forward would outlive this command), a
 * forward and nothing else. Its other settings (user, keys, jump hosts, proxies) stay the user's.
 */
const fixedOptions = [
  "ControlMaster=no",
  "ControlPath=none",
  "ExitOnForwardFailure=no",
  "PermitLocalCommand=no",
  "RemoteCommand=none",
  "RequestTTY=no",
  "ForwardX11=no",
  "ForwardAgent=no",
  "ConnectTimeout=10",
  "ServerAliveInterval=5",
  "ServerAliveCountMax=3",
  "LogLevel=INFO",
];

/** Prints the data folder that `belay` would use there. Quoted for the shell of any user. */
const whereIsData = `d=$BELAY_DATA; if [ -z "$d" ]; then if [ "$(id -u)" = 0 ]; then d=/var/lib/belay; else d=\${XDG_STATE_HOME:-$HOME/.local/state}/belay; fi; fi; echo "belay-data=$d"`;

/** The folder of the address, or what the far side's environment says. */
export async function findDataFolder(options: SshOptions): Promise<string> {
  const { address } = options;
  if (address.dataFolder !== undefined) return address.dataFolder;
  const found = /^belay-data=(.*)$/m.exec(await runThere(options, whereIsData))?.[1];
  const parsed = parseServerAddress(`ssh://${address.host.includes(":") ? "h" : address.host}${found ?? ""}`);
  if (parsed.kind === "ssh" && parsed.dataFolder !== undefined) return parsed.dataFolder;
  throw new BelayError({
    code: "BELAY_SSH_DATA_FOLDER",
    message: `${address.host} did not say where its Belay keeps its data`,
    next: `Name the data folder in the address: ssh://${address.host}/data/folder.`,
  });
}

/** What is at the API's socket there. OpenSSH itself does not say why it could not connect to it. */
export async function askAboutSocket(options: SshOptions, path: string): Promise<FarSocket> {
  const script = `if [ ! -S ${path} ]; then echo belay-socket=absent; elif [ -w ${path} ]; then echo belay-socket=present; else echo belay-socket=forbidden; fi`;
  try {
    const answer = /^belay-socket=(absent|present|forbidden)$/m.exec(await runThere(options, script))?.[1];
    return (answer as FarSocket | undefined) ?? "unknown";
  } catch (cause) {
    if (cause instanceof BelayError) return "unknown";
    throw cause;
  }
}

/** Standard output of a shell script on the other machine, in which there is no single quote. */
async function runThere(options: SshOptions, script: string): Promise<string> {
  const { address, env, signal } = options;
  const words = [...sshWords(options), "--", address.host, `exec sh -c '${script}'`];
  // In this command's own process group: ssh asks for a passphrase in its terminal.
  const ssh = spawn("ssh", words, { env: { ...env }, stdio: ["ignore", "pipe", "pipe"], signal });
  const stdout = keepTail(ssh.stdout);
  const stderr = keepTail(ssh.stderr);
  const code = await new Promise<number | null>((resolve, reject) => {
    ssh.once("error", (cause: NodeJS.ErrnoException) => reject(cause.code === "ENOENT" ? sshMissing(cause) : cause));
    ssh.once("close", resolve);
  });
  if (code !== 0) throw failureOf(address, stderr, `it ended with exit code ${code}`);
  return stdout();
}

/** Everything before the host. */
export function sshWords({ address: { user, port }, isInteractive }: SshOptions): readonly string[] {
  const settings = [...fixedOptions, ...(isInteractive ? [] : ["BatchMode=yes"])];
  return [
    ...settings.flatMap((setting) => ["-o", setting]),
    ...(user === undefined ? [] : ["-l", user]),
    ...(port === undefined ? [] : ["-p", String(port)]),
  ];
}

export function failureOf(address: SshAddress, stderr: () => string, ending: string): BelayError {
  // The shell's own code for a command that it does not find.
  if (/exit code 127$/.test(ending)) return sshMissing(new Error(stderr()));
  return describeSshFailure(address, { stderr: stderr(), ending });
}

/** The end of what a stream carried, as text. */
export function keepTail(stream: NodeJS.ReadableStream): () => string {
  let tail = "";
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    tail = (tail + chunk).slice(-16_384);
  });
  return () => tail;
}
