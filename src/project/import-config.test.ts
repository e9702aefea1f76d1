import assert from "node:assert/strict";
import { test } from "node:test";
import { BelayError } from "../errors.ts";
import { importConfig } from "./import-config.ts";
import { filesOf } from "./memory-files.fixture.ts";

test("Kamal's hosts, health path and command are taken over; roles, accessories and secrets are named", () => {
  const part = importConfig(
    "kamal",
    filesOf({
      "config/deploy.yml": `
service: blog
image: acme/blog
servers:
  web: { hosts: [1.2.3.4], cmd: bin/serve -b 0.0.0.0 }
  job: { hosts: [1.2.3.4], cmd: bin/jobs }
proxy: { host: blog.example.com, ssl: true, app_port: 3000, healthcheck: { path: /alive } }
env: { clear: { TZ: UTC }, secret: [DB_PASSWORD] }
accessories: { db: { image: postgres } }
`,
    }),
    undefined,
  );
  assert.equal(part.service, "blog");
  assert.equal(part.command, "bin/serve -b $HOST");
  assert.equal(part.health, "/alive");
  assert.deepEqual(part.hosts, ["blog.example.com"]);
  assert.match(part.toCheck?.join("\n") ?? "", /TZ, DB_PASSWORD/);
  const leftOut = part.leftOut?.join("\n") ?? "";
  for (const word of ["job", "db", "ssl", "image"]) assert.match(leftOut, new RegExp(word));
});

const compose = `
services:
  db: { image: postgres, volumes: [data:/data] }
  web:
    build: .
    command: ["node", "server.js", "--flag=a b"]
    ports: ["8080:3000"]
    environment: { API_KEY: x }
    healthcheck: { test: ["CMD", "curl", "-f", "http://localhost:3000/ready"] }
    labels: ["traefik.http.routers.web.rule=Host(\`Shop.example.com\`) || Host(\`www.example.com\`)"]
    depends_on: [db]
`;

test("the compose service that is built here and has a port is taken over", () => {
  const part = importConfig("compose", filesOf({ "compose.yaml": compose }), undefined);
  assert.equal(part.service, "web");
  assert.equal(part.command, "node server.js '--flag=a b'");
  assert.equal(part.health, "/ready");
  assert.deepEqual(part.hosts, ["shop.example.com", "www.example.com"]);
  assert.match(part.leftOut?.join("\n") ?? "", /db[\s\S]*depends_on/);
});

test("a service that the file does not have, a missing file and broken YAML are told", () => {
  const codeOf = (act: () => unknown) => {
    try {
      act();
      return "none";
    } catch (cause) {
      return cause instanceof BelayError ? cause.code : String(cause);
    }
  };
  assert.equal(
    codeOf(() => importConfig("compose", filesOf({ "compose.yaml": compose }), "x")),
    "BELAY_INIT_SERVICE_UNKNOWN",
  );
  assert.equal(
    codeOf(() => importConfig("kamal", filesOf({}), undefined)),
    "BELAY_INIT_IMPORT_MISSING",
  );
  assert.equal(
    codeOf(() => importConfig("compose", filesOf({ "compose.yml": "a: [" }), undefined)),
    "BELAY_INIT_IMPORT_UNREADABLE",
  );
});
