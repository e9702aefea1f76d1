import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { assertUnnoticed } from "./crowd-checks.ts";
import { openShopScene } from "./scene.ts";
import { waitFor } from "./wait.ts";

test("a release that answers 500 to everything is aborted by verdict at its first step, nobody who only looks sees it, and then it gets no request", async (t) => {
  const { scene, repository } = await openShopScene(t, { instances: 1 });
  const crowd = await scene.openVisitors();
  await repository.commitRelease("broken");
  const rollout = await scene.deploy(repository, { code: 3 });
  const during = await crowd.lap();
  await sleep(1500);
  const after = await crowd.lap();
  await crowd.stop();
  assert.equal(rollout.outcome, "aborted", JSON.stringify(rollout));
  assert.equal(rollout.by, "verdict");
  t.diagnostic(
    `${rollout.canaryErrors} failed canary requests, ${rollout.shielded} shielded, ${rollout.harmedVisitors} visitors harmed, ${rollout.seconds} s`,
  );
  const canary = rollout.release ?? "";
  assert.equal(during.byRelease[canary]?.failed ?? 0, during.failed);
  // The shop's pages are shielded, its forms are not.
  assert.deepEqual(
    during.failures.filter(({ method }) => method === "GET"),
    [],
  );
  // How many of the few that met the canary were forms, and so were seen, is chance; shield.test.ts has them all.
  assert.ok(rollout.harmed <= during.failed, `${rollout.harmed} counted as harmed, ${during.failed} seen`);
  assert.equal(after.byRelease[canary], undefined);
  assertUnnoticed(after);
  const facts = await scene.facts(rollout.rollout);
  // Which of the two tests speaks first depends on who the first failing visitors are; both are the evidence's.
  assert.ok(facts.some((fact) => fact.kind === "verdict-failed"));
  assert.ok(facts.some((fact) => fact.kind === "routing-acknowledged"));
});

test("a rollback to the warm release starts nothing and no visitor notices", async (t) => {
  const { scene, repository } = await openShopScene(t, { instances: 1 });
  const crowd = await scene.openVisitors();
  await repository.commitRelease("good");
  const deploying = scene.deploy(repository);
  await waitFor("the rollout takes promote", async () => (await scene.belay(["promote", "shop", "--skip-analysis"])).code === 0);
  const promoted = await deploying;
  assert.equal(promoted.outcome, "promoted");
  const before = await scene.shopStatus();
  await crowd.lap();
  const result = await scene.expectBelay(["rollback", "shop"]);
  await sleep(500);
  const report = await crowd.lap();
  await crowd.stop();
  const after = await scene.shopStatus();
  assert.equal(after.stable?.id, before.warm?.id);
  assert.equal(after.rollout?.kind, "rollback");
  assert.equal(after.rollout?.by, "person");
  const oldInstances = before.instances.filter(({ release }) => release === before.warm?.id).map(({ id }) => id);
  const newInstances = after.instances.filter(({ release }) => release === before.warm?.id).map(({ id }) => id);
  assert.deepEqual(newInstances, oldInstances);
  assertUnnoticed(report);
  const facts = await scene.facts(after.rollout?.rollout ?? "");
  const tookMs = facts.flatMap((fact) => (fact.kind === "routing-acknowledged" ? [fact.tookMs] : []));
  t.diagnostic(`acknowledged by all workers after ${tookMs.join(", ")} ms; command ${result.durationMs.toFixed(0)} ms`);
  assert.equal(tookMs.length, 1);
});
