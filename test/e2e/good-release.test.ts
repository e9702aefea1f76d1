import assert from "node:assert/strict";
import { test } from "node:test";
import { assertUnnoticed } from "./crowd-checks.ts";
import { openShopScene } from "./scene.ts";

// Goal: a good release reaches everyone by evidence alone, and no visitor notices.
// Method: the demo's manifest and traffic; members stay for the whole rollout and would notice a lost session.
test("a good release is promoted by verdict, and no visitor fails, is logged out, misses an asset or changes side twice", async (t) => {
  const { scene, repository } = await openShopScene(t);
  const crowd = await scene.openVisitors({ visitorsPerSecond: 40, members: 8 });
  await repository.commitRelease("good");
  await crowd.lap();
  const rollout = await scene.deploy(repository);
  const report = await crowd.lap();
  await crowd.stop();
  t.diagnostic(`${rollout.seconds} s, ${report.requests} requests, ${rollout.canaryRequests} of them to the canary`);
  assert.equal(rollout.outcome, "promoted", JSON.stringify(rollout));
  assert.equal(rollout.by, "verdict");
  assertUnnoticed(report);
  assert.ok(report.sideChangesMax <= 1, `${report.sideChangesMax} changes of side`);
  const ends = (await scene.facts(rollout.rollout)).flatMap((fact) => (fact.kind === "step-ended" ? [fact.why] : []));
  assert.deepEqual(ends, ["passed", "passed", "passed"]);
});
