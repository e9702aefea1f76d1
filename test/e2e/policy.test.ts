import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { RolloutView } from "../../src/control/rollout-view.ts";
import { briefQuestions } from "../../src/rollout/brief.ts";
import { jsonOf } from "./belay-command.ts";
import { openScene } from "./scene.ts";
import { createRepository } from "./shop-repository.ts";

const server = `require("node:http").createServer((_, response) => response.end("ok")).listen(process.env.PORT, process.env.HOST)`;

const manifest = ({ harm = "0.2%", waivers = "", more = "" }) => `version: 1
service: hello
run: { command: node server.js, health: / }
environments: { production: { routes: [{ host: hello.example.com }] } }
rollout: { steps: [{ weight: 50%, minHold: 100ms }], harm: ${harm}, onInconclusive: continue, maxHold: 200ms, bake: 100ms }
checks: { custom: [{ name: picky, run: "! grep -q here flaw" }]${waivers} }
${more}`;

const waiver = ", waivers: [{ check: picky, reason: it is known, by: ann, until: 2099-12-31 }]";

// Goal: a release that makes its own rules laxer is judged by yesterday's, the next one by the new ones, and none by less than is pinned.
// Method: real releases, one after the other, on one service; each asks for something else.
test("a release is judged by yesterday's rules, and the next one by today's", async (t) => {
  const scene = openScene(t);
  await scene.up();
  const repository = await createRepository(join(scene.place.folder, "hello"));
  await repository.commitFile("server.js", server);
  await repository.commitFile("belay.yml", manifest({}));
  await scene.deploy(repository);
  const fieldsOf = ({ judgement }: RolloutView) => judgement?.loosenings.map(({ field }) => field);

  await t.test("what it loosens is told, and does not count for it", async () => {
    await repository.commitFile("belay.yml", manifest({ harm: "5%", waivers: waiver }));
    const dry = await scene.expectBelay(["deploy", "--dry-run"], { cwd: repository.folder });
    assert.match(dry.stdout, /Not loosened: rollout\.harm: 0\.2 ?% still counts, and 5 ?% from the next rollout on/);
    // With the flaw that it waives, it does not get past preflight.
    await repository.commitFile("flaw", "here");
    const stopped = await scene.deploy(repository, { code: 4 });
    assert.ok(stopped.phase.name === "refused" && stopped.phase.code === "BELAY_PREFLIGHT_FAILED");
    assert.deepEqual(fieldsOf(stopped), ["rollout.harm", "checks.waivers"]);
    await repository.commitFile("flaw", "mended");
    const passed = await scene.deploy(repository);
    assert.equal(passed.plan.harm, 0.002);
    assert.deepEqual(fieldsOf(passed), ["rollout.harm", "checks.waivers"]);
    assert.match(passed.forecast, /nobody else here could approve what it loosens/);
    const { stdout } = await scene.expectBelay(["explain", passed.rollout]);
    assert.match(stdout, /Not loosened: checks\.waivers: none still counts, and picky until 2099-12-31 from the next rollout on/);
    const [first] = await scene.facts(passed.rollout);
    assert.ok(first?.kind === "rollout-requested" && first.rolloutKind === "deploy");
    assert.equal(first.judgement?.loosenings.length, 2);
  });

  await t.test("the release behind it is judged by the new rules", async () => {
    await repository.commitFile("flaw", "here");
    const next = await scene.deploy(repository);
    assert.equal(next.outcome, "promoted");
    assert.equal(next.plan.harm, 0.05);
    assert.deepEqual(fieldsOf(next), []);
  });

  await t.test("what is pinned on the server holds against every belay.yml", async () => {
    const file = join(scene.place.folder, "rules.yml");
    writeFileSync(file, "rollout: { harm: 90% }\n");
    const wrong = await scene.expectBelay(["policy", "set", file], { code: 1 });
    assert.match(wrong.stderr, /rules\.yml:1:18 rollout\.harm/);
    writeFileSync(file, "rollout: { harm: 0.1% }\n");
    await scene.expectBelay(["policy", "set", file, "--environment", "production"]);
    await repository.commitFile("server.js", `${server} // again`);
    const pinned = await scene.deploy(repository);
    assert.equal(pinned.plan.harm, 0.001);
    assert.deepEqual(fieldsOf(pinned), ["rollout.harm"]);
    const shown = await scene.expectBelay(["policy", "show"], { cwd: repository.folder });
    assert.match(shown.stdout, /rollout\.harm +0\.1 ?% +pinned for every service in production/);
    assert.match(shown.stdout, /rollout\.bake +\S+ ?\S* +belay\.yml of /);
    await scene.expectBelay(["policy", "clear", "--environment", "production"]);
    await scene.expectBelay(["policy", "clear", "--environment", "production"], { code: 1 });
  });

  await t.test("a loosening waits for a second person where there is one, and a brief is asked for", async () => {
    await scene.person("dave", "viewer", "--email", "team@shop.example.com");
    const bob = await scene.person("bob", "approver", "--email", "bob@shop.example.com");
    await repository.commitFile("belay.yml", manifest({ harm: "9%", waivers: waiver, more: "brief: always\n" }));
    const refused = await scene.expectBelay(["deploy"], { cwd: repository.folder, code: 4 });
    assert.match(refused.stderr, /a release brief is needed: belay\.yml of hello asks for one.*belay brief > brief\.md/s);
    const file = join(scene.place.folder, "brief.md");
    const answers = (owner: string) =>
      briefQuestions.map(({ key, heading }) => `## ${heading}\n${key === "owner" ? owner : "As before."}\n`).join("\n");
    writeFileSync(file, answers(`Ann, with ghp_${"a1B2".repeat(9)}`));
    const secret = await scene.expectBelay(["deploy", "--brief", file], { cwd: repository.folder, code: 4 });
    assert.match(secret.stderr, /the answer to "Who looks after it\?" holds a token of GitHub/);
    assert.doesNotMatch(secret.stderr, /a1B2a1B2/);
    writeFileSync(file, answers("Ann of the shop team."));
    const waits = await scene.deploy(repository, { code: 5, words: ["--brief", file] });
    assert.match(waits.reason, /it loosens its own rules \(rollout\.harm\), from the next rollout on/);
    const shown = await scene.expectBelay(["approve", "hello"], { env: bob });
    assert.match(shown.stdout, /Ann of the shop team\./);
    assert.match(shown.stdout, /Not loosened: rollout\.harm/);
    await scene.expectBelay(["approve", "hello", "--yes"], { env: bob });
    const ended = await scene.expectBelay(["explain", waits.rollout, "--json"]);
    const { rollout } = jsonOf(ended) as { readonly rollout: RolloutView };
    assert.equal(rollout.plan.harm, 0.05);
    assert.equal(rollout.judgement?.brief?.owner, "Ann of the shop team.");
  });
});
