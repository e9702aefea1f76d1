import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findFreePort } from "../../src/ports/free-port.ts";
import { createSystemRandom } from "../../src/ports/random.ts";
import type { Engine, RunningEngine } from "./engine.ts";

/** Debian's nginx, with as little configuration as passes on requests and keeps connections. */
export const nginx: Engine = {
  name: "nginx",
  start: (upstreamPort) =>
    startProgram((folder, port) => ({
      command: "/usr/sbin/nginx",
      argv: ["-p", folder, "-c", "conf", "-e", join(folder, "errors")],
      files: {
        conf: `daemon off; master_process off; worker_processes 1; pid ${folder}/pid; events {}
http {
  access_log off;
  client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p; fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  upstream app { server 127.0.0.1:${upstreamPort}; keepalive 32; }
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host; proxy_request_buffering off; }
  }
}`,
      },
    })),
};

/** Debian's HAProxy, likewise. */
export const haproxy: Engine = {
  name: "HAProxy",
  start: (upstreamPort) =>
    startProgram((folder, port) => ({
      command: "/usr/sbin/haproxy",
      argv: ["-db", "-f", join(folder, "conf")],
      files: {
        conf: `global
  maxconn 2000
defaults
  mode http
  timeout connect 1s
  timeout client 30s
  timeout server 30s
listen all
  bind 127.0.0.1:${port}
  server app 127.0.0.1:${upstreamPort}
`,
      },
    })),
};

interface Program {
  readonly command: string;
  readonly argv: readonly string[];
  readonly files: Readonly<Record<string, string>>;
}

async function startProgram(describe: (folder: string, port: number) => Program): Promise<RunningEngine> {
  const folder = mkdtempSync(join(tmpdir(), "belay-conformance-"));
  const port = await findFreePort({ host: "127.0.0.1", taken: new Set(), random: createSystemRandom() });
  const { command, argv, files } = describe(folder, port);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const child = spawn(command, argv, { stdio: ["ignore", "ignore", "inherit"] });
  await untilItListens(port, child);
  return {
    port,
    stop: async () => {
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
      rmSync(folder, { recursive: true });
    },
  };
}

async function untilItListens(port: number, child: ChildProcess): Promise<void> {
  for (let left = 3_000; left > 0; left -= 1) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode} before it listened`);
    const isUp = await new Promise<boolean>((resolve) => {
      const socket = net.connect(port, "127.0.0.1");
      socket.on("connect", () => resolve(true)).on("error", () => resolve(false));
      socket.on("connect", () => socket.destroy());
    });
    if (isUp) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("it does not listen after a minute");
}
