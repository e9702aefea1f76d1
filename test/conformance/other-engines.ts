import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findFreePort } from "../../src/ports/free-port.ts";
import { createSystemRandom } from "../../src/ports/random.ts";
import { makeCertificate } from "../../src/proxy/loopback-world.ts";
import type { Engine, EngineOptions, RunningEngine } from "./engine.ts";

/** Debian's nginx, with as little configuration as passes on requests and keeps connections. */
export const nginx: Engine = {
  name: "nginx",
  start: (upstreamPort, options) =>
    startProgram(options, ({ folder, port, tlsPort }) => ({
      command: "/usr/sbin/nginx",
      argv: ["-p", folder, "-c", "conf", "-e", join(folder, "errors")],
      files: {
        conf: `daemon off; master_process off; worker_processes 1; pid ${folder}/pid; events {}
http {
  access_log off;
  client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p; fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  upstream app { server 127.0.0.1:${upstreamPort}; keepalive 32; }
  server {
    listen 127.0.0.1:${port};${
      tlsPort === 0
        ? ""
        : `
    listen 127.0.0.1:${tlsPort} ssl http2; ssl_certificate shop/fullchain.pem; ssl_certificate_key shop/privkey.pem;`
    }
    location / { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host; proxy_request_buffering off; }
  }
}`,
      },
    })),
};

/** Debian's HAProxy, likewise. */
export const haproxy: Engine = {
  name: "HAProxy",
  start: (upstreamPort, options) =>
    startProgram(options, ({ folder, port, tlsPort }) => ({
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
  bind 127.0.0.1:${port}${
    tlsPort === 0
      ? ""
      : `
  bind 127.0.0.1:${tlsPort} ssl crt ${folder}/shop/both.pem alpn h2,http/1.1`
  }
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

interface Place {
  readonly folder: string;
  readonly port: number;
  /** 0 when it is not to speak TLS. */
  readonly tlsPort: number;
}

async function startProgram(
  { withTls = false }: EngineOptions = {},
  describe: (place: Place) => Program,
): Promise<RunningEngine> {
  const folder = mkdtempSync(join(tmpdir(), "belay-conformance-"));
  const taken = new Set<number>();
  const random = createSystemRandom();
  const port = await findFreePort({ host: "127.0.0.1", taken, random });
  taken.add(port);
  const tlsPort = withTls ? await findFreePort({ host: "127.0.0.1", taken, random }) : 0;
  if (withTls) {
    makeCertificate(folder, "shop", "shop.test");
    const [chain, key] = ["fullchain.pem", "privkey.pem"].map((name) => readFileSync(join(folder, "shop", name)));
    // HAProxy wants both in one.
    writeFileSync(join(folder, "shop", "both.pem"), `${chain}${key}`);
  }
  const { command, argv, files } = describe({ folder, port, tlsPort });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const child = spawn(command, argv, { stdio: ["ignore", "ignore", "inherit"] });
  await untilItListens(port, child);
  return {
    port,
    tlsPort,
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
