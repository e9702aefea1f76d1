import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { findFreePort } from "../../src/ports/free-port.ts";
import { createSystemRandom } from "../../src/ports/random.ts";
import { waitFor } from "./wait.ts";

const sshd = ["/usr/sbin/sshd", "/usr/local/sbin/sshd"].find((path) => existsSync(path)) ?? "sshd";

export interface SshServerOptions {
  /** Lines of sshd_config that come first, so that they win. */
  readonly settings?: readonly string[];
}

/** A real ssh server on loopback with keys of its own, and the `ssh` of a user who may log in. */
export interface SshServer {
  readonly port: number;
  /** `user@host` */
  readonly login: string;
  /** Environment for a command line whose `ssh` has the key and knows the host. */
  readonly env: Readonly<Record<string, string>>;
  /** The same with another file of known hosts, or another key. */
  envWith(changes: { readonly knownHosts?: string; readonly key?: string }): Readonly<Record<string, string>>;
  /** Ends every session; the server goes on. */
  dropSessions(): void;
}

/** Starts it in `folder`; it is stopped when the test ends. */
export async function openSshServer(
  t: Pick<TestContext, "after">,
  folder: string,
  options: SshServerOptions = {},
): Promise<SshServer> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const name of ["host", "user", "stranger"]) makeKey(join(folder, name));
  const port = await findFreePort({ host: "127.0.0.1", taken: new Set(), random: createSystemRandom() });
  const config = join(folder, "sshd_config");
  const authorized = join(folder, "authorized_keys");
  writeFileSync(authorized, readFileSync(join(folder, "user.pub")), { mode: 0o600 });
  const lines = [
    ...(options.settings ?? []),
    `Port ${port}`,
    "ListenAddress 127.0.0.1",
    `HostKey ${join(folder, "host")}`,
    `AuthorizedKeysFile ${authorized}`,
    `PidFile ${join(folder, "sshd.pid")}`,
    // The folder lies below /tmp, which everybody may write.
    "StrictModes no",
    "UsePAM no",
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "PermitRootLogin prohibit-password",
  ];
  writeFileSync(config, `${lines.join("\n")}\n`);
  // Debian's sshd wants it when it is run by root; the service makes it at boot.
  if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
  const server = spawn(sshd, ["-D", "-e", "-f", config], { stdio: ["ignore", "ignore", "pipe"] });
  // Not in a file: the folder goes before the server's last words have come.
  let log = "";
  server.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    log += chunk;
  });
  t.after(() => stop(server));
  await waitFor("sshd listens", () => /Server listening/.test(log), { everyMs: 50 });
  const knownHosts = join(folder, "known_hosts");
  writeFileSync(knownHosts, `[127.0.0.1]:${port} ${readFileSync(join(folder, "host.pub"), "utf8")}`);
  const envWith: SshServer["envWith"] = (changes) => useSsh({ folder, knownHosts, key: join(folder, "user"), ...changes });
  return {
    port,
    login: `${userInfo().username}@127.0.0.1`,
    env: envWith({}),
    envWith,
    dropSessions: () => {
      for (const pid of childrenOf(server.pid ?? -1)) process.kill(pid, "SIGKILL");
    },
  };
}

/** OpenSSH takes a home from the system's list of users, whatever HOME says; so an `ssh` of our own brings another configuration. */
function useSsh(options: { readonly folder: string; readonly knownHosts: string; readonly key: string }): Record<string, string> {
  const { folder, knownHosts, key } = options;
  const name = `bin-${Buffer.from(`${knownHosts} ${key}`).toString("base64url").slice(-24)}`;
  const bin = join(folder, name);
  mkdirSync(bin, { recursive: true });
  const config = join(bin, "ssh_config");
  const lines = [
    `IdentityFile ${key}`,
    "IdentitiesOnly yes",
    "IdentityAgent none",
    `UserKnownHostsFile ${knownHosts}`,
    "GlobalKnownHostsFile /dev/null",
    "StrictHostKeyChecking ask",
  ];
  writeFileSync(config, `${lines.join("\n")}\n`);
  writeFileSync(join(bin, "ssh"), `#!/bin/sh\nexec /usr/bin/ssh -F '${config}' "$@"\n`);
  chmodSync(join(bin, "ssh"), 0o755);
  return { PATH: `${bin}:${process.env["PATH"]}` };
}

function makeKey(path: string): void {
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", path]);
}

async function stop(server: ChildProcess): Promise<void> {
  for (const pid of childrenOf(server.pid ?? -1)) process.kill(pid, "SIGKILL");
  server.kill("SIGKILL");
  if (server.exitCode === null && server.signalCode === null) await once(server, "exit");
}

function childrenOf(pid: number): readonly number[] {
  const path = `/proc/${pid}/task/${pid}/children`;
  return existsSync(path)
    ? readFileSync(path, "utf8")
        .split(" ")
        .filter((text) => text.trim() !== "")
        .map(Number)
    : [];
}
