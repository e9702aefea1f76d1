import { join } from "node:path";
import { type Running, start } from "./programs.ts";

/** A reverse proxy that is measured: one worker or thread, no access log, connections to the upstream kept. */
export interface MeasuredEngine {
  readonly name: string;
  start(upstreamPort: number): Promise<Running>;
}

const nginx: MeasuredEngine = {
  name: "nginx",
  start: (upstreamPort) =>
    start(({ folder, ports, certificateFolder }) => ({
      command: "/usr/sbin/nginx",
      argv: ["-p", folder, "-c", "conf", "-e", join(folder, "errors")],
      files: {
        conf: `daemon off; master_process off; worker_processes 1; pid ${folder}/pid; events { worker_connections 8192; }
http {
  access_log off;
  keepalive_requests 1000000;
  client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p; fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  upstream app { server 127.0.0.1:${upstreamPort}; keepalive 64; keepalive_requests 1000000; }
  server {
    listen 127.0.0.1:${ports.plain};
    listen 127.0.0.1:${ports.tls} ssl http2;
    ssl_certificate ${certificateFolder}/fullchain.pem; ssl_certificate_key ${certificateFolder}/privkey.pem;
    location / {
      proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }
  }
}`,
      },
    })),
};

const haproxy: MeasuredEngine = {
  name: "HAProxy",
  start: (upstreamPort) =>
    start(({ folder, ports, certificateFolder }) => ({
      command: "/usr/sbin/haproxy",
      argv: ["-db", "-f", join(folder, "conf")],
      files: {
        conf: `global
  maxconn 8192
  nbthread 1
defaults
  mode http
  option forwardfor
  timeout connect 1s
  timeout client 30s
  timeout server 30s
listen all
  bind 127.0.0.1:${ports.plain}
  bind 127.0.0.1:${ports.tls} ssl crt ${certificateFolder}/both.pem alpn h2,http/1.1
  server app 127.0.0.1:${upstreamPort}
`,
      },
    })),
};

const caddy: MeasuredEngine = {
  name: "Caddy",
  start: (upstreamPort) =>
    start(({ folder, ports, certificateFolder }) => ({
      command: "caddy",
      argv: ["run", "--config", join(folder, "Caddyfile")],
      env: { HOME: folder, GOMAXPROCS: "1" },
      files: {
        Caddyfile: `{
  admin off
  auto_https off
  log {
    output discard
  }
}
http://:${ports.plain} {
  bind 127.0.0.1
  reverse_proxy 127.0.0.1:${upstreamPort}
}
https://:${ports.tls} {
  bind 127.0.0.1
  tls ${certificateFolder}/fullchain.pem ${certificateFolder}/privkey.pem
  reverse_proxy 127.0.0.1:${upstreamPort}
}
`,
      },
    })),
};

function belay(name: string, mode: "stable" | "canary"): MeasuredEngine {
  return {
    name,
    start: (upstreamPort) =>
      start(({ folder, ports }) => ({
        command: process.execPath,
        argv: [join(import.meta.dirname, "belay-worker.ts"), folder, `${ports.plain}`, `${ports.tls}`, `${upstreamPort}`, mode],
      })),
  };
}

/** nginx first: the others are compared with it. */
export const engines: readonly MeasuredEngine[] = [
  nginx,
  haproxy,
  caddy,
  belay("Belay", "stable"),
  belay("Belay, all on", "canary"),
];

/** Another nginx, which answers at once: `/small` 13 bytes, `/large` 64 KB, and the same 13 bytes to any POST. */
export async function startUpstream(): Promise<Running> {
  return start(({ folder, ports, certificateFolder }) => ({
    command: "/usr/sbin/nginx",
    argv: ["-p", folder, "-c", "conf", "-e", join(folder, "errors")],
    files: {
      large: "x".repeat(65_536),
      conf: `daemon off; master_process off; worker_processes 1; pid ${folder}/pid; events { worker_connections 8192; }
http {
  access_log off; keepalive_requests 1000000; keepalive_timeout 300s; sendfile on; tcp_nopush on;
  client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p; fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  server {
    listen 127.0.0.1:${ports.plain};
    listen 127.0.0.1:${ports.tls} ssl;
    ssl_certificate ${certificateFolder}/fullchain.pem; ssl_certificate_key ${certificateFolder}/privkey.pem;
    location = /large { root ${folder}; }
    location / { return 200 "Hello, world\\n"; }
  }
}`,
    },
  }));
}
