import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { jsonOf } from "./belay-command.ts";
import { getPage } from "./get-page.ts";
import { openScene } from "./scene.ts";
import { createRepository } from "./shop-repository.ts";

const server = (pet: string) => `
require("node:http").createServer((request, response) => {
  response.setHeader("content-type", "application/json");
  response.end(request.url === "/pets/1" ? JSON.stringify(${pet}) : "{}");
}).listen(process.env.PORT, process.env.HOST);
`;

const document = `openapi: 3.1.0
info: { title: Pets, version: "1" }
paths:
  /pets/{id}:
    get:
      operationId: getPet
      parameters: [{ name: id, in: path, required: true, schema: { type: integer }, example: 1 }]
      responses:
        "200":
          description: a pet
          content: { application/json: { schema: { type: object, required: [name], properties: { name: { type: string } } } } }
    delete: { responses: { "204": { description: gone } } }
`;

const manifest = `version: 1
service: pets
run: { command: node server.js, startTimeout: 10s, health: / }
environments:
  staging: {}
  production: { routes: [{ host: pets.example.com }] }
rollout: { steps: [{ weight: 50%, minHold: 100ms }], bake: 100ms, maxHold: 200ms, onInconclusive: continue }
checks:
  api:
    openapi: openapi.yaml
    mocks: [getPet.json]
    postman: { run: node run-collection.js }
`;

/** Stands for newman, in whose form it writes: one assertion, on what the instance answers. */
const runner = `
const { writeFileSync } = require("node:fs");
fetch(process.env.BELAY_BASE_URL + "/pets/1").then((response) => response.json()).then(({ name }) => {
  const failures = name === "Rex" ? [] : [{ error: { name: "AssertionError", test: "is Rex", message: "expected " + name }, source: { name: "one pet" } }];
  const count = (total) => ({ total, pending: 0, failed: 0 });
  writeFileSync(process.env.BELAY_REPORT, JSON.stringify({
    collection: { info: { name: "Pets" } },
    run: { stats: { assertions: count(1), requests: count(1) }, failures },
  }));
  process.exit(failures.length);
});
`;

test("production begins when the release has answered in staging as its document and its collection say, and not before", async (t) => {
  const scene = openScene(t);
  await scene.up();
  const repository = await createRepository(join(scene.place.folder, "pets"));
  await repository.commitFile("belay.yml", manifest);
  await repository.commitFile("openapi.yaml", document);
  await repository.commitFile("getPet.json", '{"name":"Bella"}');
  await repository.commitFile("run-collection.js", runner);
  await repository.commitFile("server.js", server('{ name: "Rex" }'));

  const folder = await scene.expectBelay(["check"], { cwd: repository.folder });
  assert.match(folder.stdout, /conformance: runs in staging, before anything of the release runs here/);
  const first = await scene.deploy(repository);
  assert.equal(first.outcome, "promoted", JSON.stringify(first));
  const seen = Object.fromEntries(first.checks.map(({ check, status, summary }) => [check, `${status}: ${summary}`]));
  assert.match(
    seen["conformance"] ?? "",
    /^pass: 1 operations? asked, 1 not covered: DELETE \/pets\/\{id\} has effects \(seen in staging, where it ran\)/,
  );
  assert.match(seen["postman"] ?? "", /^pass: 1 assertions?, 1 requests of Pets \(seen in staging/);
  assert.match(seen["mocks"] ?? "", /^pass: 1 recorded answers?/);
  assert.match((await scene.expectBelay(["explain", "pets"])).stdout, /Staging: passed .*conformance: pass, 1 operation/s);

  const bad = async (pet: string) => {
    await repository.commitFile("server.js", server(pet));
    const refused = await scene.deploy(repository, { code: 4 });
    assert.equal(refused.phase.name === "refused" ? refused.phase.code : refused.phase.name, "BELAY_STAGING_FAILED");
    const facts = await scene.facts(refused.rollout);
    assert.deepEqual(
      facts.map(({ kind }) => kind),
      ["rollout-requested", "rollout-refused"],
    );
    return refused.reason;
  };
  assert.match(
    await bad("{ name: 7 }"),
    /conformance: openapi\.yaml:6 GET \/pets\/\{id\}: in 200: \/name must be string \[body\]/,
  );
  assert.match(await bad('{ name: "Ben" }'), /postman: one pet: is Rex: expected Ben \[assertion\]/);
  assert.equal((await getPage(`${await scene.baseUrl()}/pets/1`, "pets.example.com")).text, '{"name":"Rex"}');
  assert.deepEqual(readdirSync(join(scene.place.dataFolder, "building")), [], "nothing is left where it was asked");

  const until = await scene.belay(["deploy", "--until", "staging", "--json"], { cwd: repository.folder });
  assert.equal(until.code, 4, until.stdout + until.stderr);
  const { phase } = jsonOf(until) as { readonly phase: { readonly code?: string } };
  assert.equal(phase.code, "BELAY_STAGING_CHECKS_FAILED");
});
