import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { RolloutView } from "../../src/control/rollout-view.ts";
import { jsonOf } from "./belay-command.ts";
import { getPage } from "./get-page.ts";
import { openScene, type Scene } from "./scene.ts";
import { createRepository } from "./shop-repository.ts";

const server = (words: string, health = "200") => `
const { appendFileSync } = require("node:fs");
require("node:http").createServer((request, response) => {
  response.statusCode = request.url === "/healthz" && process.env.BELAY_ENVIRONMENT === "staging" ? ${health} : 200;
  response.end(process.env.BELAY_ENVIRONMENT + " ${words}");
}).listen(process.env.PORT, process.env.HOST);
`;

/** Each build leaves a line beside the repository. */
const manifest = (builds: string, staging: string) => `version: 1
service: two
run: { command: node server.js, startTimeout: 10s }
release: { build: echo built >> ${builds} }
environments:
  staging: ${staging}
  production: { routes: [{ host: two.example.com }] }
rollout: { steps: [{ weight: 50%, minHold: 100ms }], bake: 100ms, maxHold: 200ms, onInconclusive: continue }
`;

async function openTwo(t: Parameters<typeof openScene>[0], staging = "{ routes: [{ host: staging.example.com }] }") {
  const scene = openScene(t);
  const repository = await createRepository(join(scene.place.folder, "two"));
  const builds = join(scene.place.folder, "builds");
  await repository.commitFile("belay.yml", manifest(builds, staging));
  await repository.commitFile("server.js", server("one"));
  await scene.up();
  return { scene, repository, builds };
}

async function serviceIn(scene: Scene, environment: string) {
  return (await scene.status()).services.find((service) => service.environment === environment);
}

test("production gets the bundle that staging ran, built once, and a bundle that staging passed is not staged again", async (t) => {
  const { scene, repository, builds } = await openTwo(t);
  const first = await scene.deploy(repository);
  assert.equal(first.outcome, "promoted", JSON.stringify(first));
  assert.equal(first.staging?.state, "passed");
  const staging = await serviceIn(scene, "staging");
  const production = await serviceIn(scene, "production");
  assert.equal(staging?.stable?.digest, production?.stable?.digest);
  assert.equal(readFileSync(builds, "utf8"), "built\n");
  const url = await scene.baseUrl();
  assert.equal((await getPage(url, "staging.example.com")).text, "staging one");
  assert.equal((await getPage(url, "two.example.com")).text, "production one");
  const attested = (await scene.facts(staging?.rollout?.rollout ?? "")).flatMap((fact) =>
    fact.kind === "attested" ? [fact] : [],
  );
  assert.deepEqual(
    attested.map(({ digest, checked }) => ({ digest, checked })),
    [{ digest: staging?.stable?.digest, checked: ["1 of 1 instances answered GET /healthz"] }],
  );
  assert.match((await scene.expectBelay(["explain", "two"])).stdout, /Staging: passed .* answered GET \/healthz/);
  assert.match((await scene.expectBelay(["releases", "two"])).stdout, /staging/i);

  // Staged by hand, as CI would, then taken to production: the same bundle, no second time in staging.
  await repository.commitFile("server.js", server("two"));
  const words = ["deploy", "--until", "staging", "--json"];
  const staged = jsonOf(await scene.expectBelay(words, { cwd: repository.folder })) as RolloutView;
  assert.equal(staged.environment, "staging");
  assert.equal((await getPage(url, "staging.example.com")).text, "staging two");
  assert.equal((await getPage(url, "two.example.com")).text, "production one");
  const again = jsonOf(await scene.expectBelay(words, { cwd: repository.folder })) as RolloutView;
  assert.equal(again.rollout, staged.rollout, "what passed and still serves there is not run again");
  const second = await scene.deploy(repository);
  assert.equal(second.outcome, "promoted", JSON.stringify(second));
  assert.equal(second.staging?.rollout, staged.rollout);
  assert.equal(readFileSync(builds, "utf8"), "built\nbuilt\n");
});

test("a release that fails in staging is refused before anything of it runs in production", async (t) => {
  const { scene, repository, builds } = await openTwo(t, "{}");
  await scene.deploy(repository);
  const stable = (await serviceIn(scene, "production"))?.stable?.id;
  await repository.commitFile("server.js", server("bad", "500"));
  const refused = await scene.deploy(repository, { code: 4 });
  assert.equal(refused.outcome, "refused", JSON.stringify(refused));
  assert.equal(refused.phase.name === "refused" ? refused.phase.code : "", "BELAY_STAGING_FAILED");
  assert.match(refused.reason, /staging/);
  const facts = await scene.facts(refused.rollout);
  assert.deepEqual(
    facts.map(({ kind }) => kind),
    ["rollout-requested", "rollout-refused"],
  );
  assert.equal((await serviceIn(scene, "production"))?.stable?.id, stable);
  assert.equal((await serviceIn(scene, "staging"))?.stable?.id, stable, "an environment without routes has instances too");
  assert.equal((await getPage(await scene.baseUrl(), "two.example.com")).text, "production one");
  assert.equal(readFileSync(builds, "utf8"), "built\nbuilt\n");
});
