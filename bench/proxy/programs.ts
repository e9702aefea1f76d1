import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { makeCertificate } from "../../src/proxy/loopback-world.ts";

/** A server that runs for one measurement, in a folder of its own. */
export interface Running {
  readonly pid: number;
  /** On 127.0.0.1; `tls` is 0 where there is none. */
  readonly ports: Ports;
  stop(): Promise<void>;
}

export interface Ports {
  readonly plain: number;
  readonly tls: number;
}

export interface Setting {
  readonly folder: string;
  readonly ports: Ports;
  /**
   * Signed by itself, in PEM: `fullchain.pem`, `privkey.pem`, and both in `both.pem`. For another host than the one that is asked for,
   * or Belay would send plain HTTP over to HTTPS.
   */
  readonly certificateFolder: string;
}

export interface Program {
  readonly command: string;
  readonly argv: readonly string[];
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts what `describe` says and resolves once it listens on both ports. */
export async function start(describe: (setting: Setting) => Program): Promise<Running> {
  const folder = mkdtempSync(join(tmpdir(), "belay-bench-"));
  const ports = { plain: await freePort(), tls: await freePort() };
  makeCertificate(join(folder, "certificates"), "bench", "other.test");
  const certificateFolder = join(folder, "certificates", "bench");
  const pem = (name: string) => readFileSync(join(certificateFolder, name), "utf8");
  writeFileSync(join(certificateFolder, "both.pem"), pem("fullchain.pem") + pem("privkey.pem"));
  const { command, argv, files = {}, env = {} } = describe({ folder, ports, certificateFolder });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const complaints = join(folder, "complaints");
  const output = openSync(complaints, "w");
  const child = spawn(command, argv, { stdio: ["ignore", "ignore", output], env: { ...process.env, ...env } });
  closeSync(output);
  await untilItListens(child, ports).catch((cause: unknown) => {
    throw new Error(`${command} does not listen: ${readFileSync(complaints, "utf8")}`, { cause });
  });
  return {
    pid: child.pid ?? 0,
    ports,
    stop: async () => {
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
      rmSync(folder, { recursive: true });
    },
  };
}

/** What all threads of a process have spent on a processor, in seconds, as the kernel's scheduler counts it. */
export function cpuSeconds(pid: number): number {
  let nanoseconds = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]);
  }
  return nanoseconds / 1e9;
}

async function freePort(): Promise<number> {
  const server = net.createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function untilItListens(child: ChildProcess, ports: Ports): Promise<void> {
  for (let left = 500; left > 0; left -= 1) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
    if ((await listens(ports.plain)) && (await listens(ports.tls))) return;
    await sleep(20);
  }
  throw new Error("10 s are over");
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1");
    socket.on("error", () => resolve(false));
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
  });
}
