import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { apiSocketPath } from "../api/serve-api.ts";
import { probeHttp } from "../ports/http-probe.ts";
import { askAboutSocket, failureOf, findDataFolder, keepTail, type SshOptions, sshWords } from "./ssh-command.ts";
import { noBelayThere } from "./ssh-failure.ts";

/** A local socket that leads to the API of another machine. */
export interface Tunnel {
  /** Opens at the first call, and again when ssh has ended meanwhile. Throws `BELAY_SSH_…` or `BELAY_CLI_NOT_RUNNING`. */
  socketPath(): Promise<string>;
  /** The far data folder, in full. Throws as `socketPath` does. */
  dataFolder(): Promise<string>;
  /** Ends ssh; idempotent. */
  close(): Promise<void>;
}

/** Long enough to type a passphrase; ssh's own limits are shorter. */
const openWithinMs = 120_000;
const pollMs = 20;
/**
 * Runs ssh for as long as this script's standard input is open: it closes with the command that opened it, also when that is
 * killed, so that neither ssh nor the folder of its socket is ever left behind. Nothing but ssh itself may be missing for that to
 * work, hence `read`, which is the shell's own. 127 is what a shell ends with when it does not find a command.
 */
const whileInputIsOpen = `
command -v ssh >/dev/null || exit 127
exec 3<&0 </dev/null
folder=$1
shift
ssh "$@" 3<&- &
ssh=$!
{ while read -r _ <&3; do :; done; kill "$ssh"; rm -rf "$folder"; } 2>/dev/null &
exec 3<&-
wait "$ssh"
`;

export function createTunnel(options: SshOptions): Tunnel {
  let opening: Promise<OpenTunnel> | undefined;
  let folder: Promise<string> | undefined;
  const findFolder = () => {
    folder ??= findDataFolder(options).catch((cause: unknown) => {
      folder = undefined;
      throw cause;
    });
    return folder;
  };
  const open = async () => {
    const present = await opening?.catch(() => undefined);
    if (present !== undefined && present.ssh.exitCode === null && present.ssh.signalCode === null) return present;
    await present?.close();
    return openTunnel(options, await findFolder());
  };
  return {
    socketPath: async () => {
      opening = open();
      return (await opening).socketPath;
    },
    dataFolder: findFolder,
    close: async () => {
      await (await opening?.catch(() => undefined))?.close();
    },
  };
}

interface OpenTunnel {
  readonly ssh: ChildProcess;
  readonly socketPath: string;
  close(): Promise<void>;
}

async function openTunnel(options: SshOptions, dataFolder: string): Promise<OpenTunnel> {
  const { address, clock, signal } = options;
  // Paths of unix sockets end at 107 bytes.
  const folder = await mkdtemp(join(tmpdir().length < 80 ? tmpdir() : "/tmp", "belay-ssh-"));
  const socketPath = join(folder, "api.sock");
  const words = [...sshWords(options), "-N", "-L", `${socketPath}:${apiSocketPath(dataFolder)}`, "--", address.host];
  const ssh = spawn("/bin/sh", ["-c", whileInputIsOpen, "belay-ssh", folder, ...words], {
    env: { ...options.env },
    stdio: ["pipe", "ignore", "pipe"],
  });
  const stderr = keepTail(ssh.stderr);
  const ended = new Promise<string>((resolve) => {
    ssh.once("error", (cause) => resolve(cause.message));
    ssh.once("close", (code) => resolve(`ssh ended with exit code ${code}`));
  });
  const close = async () => {
    ssh.stdin.end();
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const deadlineMs = clock.monotonicMs() + openWithinMs;
    while (!existsSync(socketPath)) {
      if (ssh.exitCode !== null) throw failureOf(address, stderr, await ended);
      if (clock.monotonicMs() >= deadlineMs) throw failureOf(address, stderr, `it was not ready after ${openWithinMs / 1000} s`);
      await clock.sleep(pollMs, signal);
    }
    const answer = await probeHttp({ socketPath, path: "/api/v1/health", timeoutMs: 10_000 });
    if ("status" in answer) return { ssh, socketPath, close };
    throw noBelayThere(address, dataFolder, await askAboutSocket(options, apiSocketPath(dataFolder)));
  } catch (cause) {
    await close();
    throw cause;
  }
}
