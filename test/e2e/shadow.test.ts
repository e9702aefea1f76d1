import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { jsonOf } from "./belay-command.ts";
import { getPage } from "./get-page.ts";
import { openScene, type Scene } from "./scene.ts";
import { createRepository } from "./shop-repository.ts";
import { waitFor } from "./wait.ts";

// Goal: with real processes, a release meets copies of live traffic before any visitor meets it; what it answers otherwise is
// named and holds it, noise does not; no visitor ever gets an answer of the shadow; and it ran as a shadow, not as the release.
// Method: a service whose answers say who gave them, with a time and an id in each, and which notes what it was asked.

const server = `const { appendFileSync } = require("node:fs");
const { randomUUID } = require("node:crypto");
const { notes, price } = require("./mode.json");
const { BELAY_SHADOW = "", BELAY_RELEASE, MAIL, PORT, HOST } = process.env;
require("node:http").createServer((request, response) => {
  if (request.url === "/up") return response.end();
  if (BELAY_SHADOW !== "") appendFileSync(notes, [BELAY_SHADOW, MAIL, request.method, request.headers.cookie, request.headers["belay-shadow"]].join(" ") + "\\n");
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ name: "tea", price, at: new Date().toISOString(), id: randomUUID(), from: BELAY_RELEASE }));
}).listen(PORT, HOST);
`;

const manifest = `version: 1
service: tea
run: { command: node server.js, health: /up }
config: { MAIL: { default: "on" } }
shadow: { config: { MAIL: "off" }, ignore: [body.from] }
environments:
  production: { routes: [{ host: tea.example.com, effects: writes }] }
rollout: { steps: [{ shadow: 100%, minHold: 100ms }, { weight: 50%, minHold: 100ms }], maxHold: 5m, onInconclusive: hold, bake: 1s }
`;

/** Visitors who look at every answer. */
function visit(url: string): { readonly seen: Set<string>; stop(): Promise<void> } {
  const seen = new Set<string>();
  let isOver = false;
  const loop = async (): Promise<void> => {
    while (!isOver) {
      const { status, text } = await getPage(url, "tea.example.com");
      assert.equal(status, 200);
      seen.add((JSON.parse(text) as { readonly from: string }).from);
    }
  };
  const loops = Promise.all([loop(), loop(), loop()]);
  return {
    seen,
    stop: async () => {
      isOver = true;
      await loops;
    },
  };
}

function waitForStep(scene: Scene, what: string, isReached: (phase: string, step: number | null) => boolean) {
  const ask = async () => {
    const { rollout } = await scene.serviceStatus("tea");
    if (rollout === null) return undefined;
    assert.ok(!["aborted", "refused"].includes(rollout.phase.name), rollout.reason);
    return isReached(rollout.phase.name, "step" in rollout.phase ? rollout.phase.step : null) ? rollout : undefined;
  };
  return waitFor(what, ask, { deadlineMs: 120_000, everyMs: 300 });
}

test("a shadow gets copies, visitors get none of it, noise passes, and a changed field holds the release", async (t) => {
  const scene = openScene(t);
  const notes = join(scene.place.folder, "notes");
  const repository = await createRepository(join(scene.place.folder, "tea"));
  const commit = (price: unknown, words: string) => repository.commitFile("mode.json", JSON.stringify({ notes, price, words }));
  await repository.commitFile("server.js", server);
  await repository.commitFile("belay.yml", manifest);
  await commit(300, "first");
  await scene.up();
  assert.equal((await scene.deploy(repository)).outcome, "promoted");
  const visitors = visit(await scene.baseUrl());
  t.after(() => visitors.stop());

  await commit(300, "the same answers");
  await scene.expectBelay(["deploy", "--no-follow"], { cwd: repository.folder });
  const first = await waitForStep(scene, "the shadow's step is over", (phase, step) => phase === "progressing" && step === 1);
  const [ended] = (await scene.facts(first.rollout)).flatMap((fact) => (fact.kind === "step-ended" ? [fact] : []));
  assert.equal(ended?.why, "shadow", JSON.stringify(ended));
  assert.match(ended?.words ?? "", /no field differs beyond noise \(2 fields in which stable differs from itself are left out\)/);
  assert.ok(existsSync(notes));
  const asked = new Set(readFileSync(notes, "utf8").trim().split("\n"));
  assert.deepEqual([...asked], ["1 off GET  1"], "BELAY_SHADOW, MAIL, method, cookie, the header of a copy");
  await scene.expectBelay(["promote", "tea", "--skip-analysis"]);
  await waitForStep(scene, "it is promoted", (phase) => phase === "promoted");

  await commit("300", "the price is a text");
  await scene.expectBelay(["deploy", "--no-follow"], { cwd: repository.folder });
  const held = await waitForStep(scene, "the difference holds it", (phase) => phase === "held");
  assert.match(held.reason, /body\.price on tea\.example\.com\/ \(type: number of 3 digits → text of 3\)/);
  assert.equal(held.evidence?.shadow?.fieldCount, 1);
  assert.equal(held.canaryRequests, 0, "no visitor met it");
  const explained = await scene.expectBelay(["explain", "tea"]);
  assert.match(explained.stdout, /answers of the shadow differ, in 1 field:\n.*body\.price/);
  assert.match((await scene.expectBelay(["status"])).stdout, /shadow 100%.*compared, differing in 1 field/);
  const entries = jsonOf(await scene.expectBelay(["history", "--json", "--rollout", held.rollout]));
  assert.ok(!JSON.stringify(entries).includes('"300"'), "a value stands in the ledger");
  await scene.expectBelay(["abort", "tea"], { code: 0 });
  await visitors.stop();
  assert.ok(visitors.seen.size >= 2, "both releases that served were met");
  for (const from of visitors.seen) assert.doesNotMatch(from, /shadow/);
});
