import assert from "node:assert/strict";
import { cp } from "node:fs/promises";
import { test } from "node:test";
import type { RolloutView } from "../../src/control/rollout-view.ts";
import { jsonOf } from "./belay-command.ts";
import { assertUnnoticed } from "./crowd-checks.ts";
import { openShopScene } from "./scene.ts";
import { waitFor } from "./wait.ts";

const colour = (accent: string) => ({ name: accent, accent, giftNote: true, faults: null });

test("one rollout at a time: a second is refused, or supersedes the first; a rollback pre-empts both", async (t) => {
  const { scene, repository } = await openShopScene(t, { steps: "[{ weight: 25%, minHold: 10m }]", instances: 1 });
  const first = (await scene.shopStatus()).stable?.id ?? "";
  const crowd = await scene.openVisitors({ members: 4 });
  const stillRuns = async (release: string | null) =>
    (await scene.shopStatus()).instances.some((instance) => instance.release === release);
  const deployments: Promise<RolloutView>[] = [];

  await repository.commitRelease(colour("#222222"));
  const second = scene.deploy(repository);
  await scene.waitForRollout("the second release has its weight", ({ weight }) => weight === 2500);
  await scene.expectBelay(["promote", "shop", "--skip-analysis"]);
  assert.equal((await second).outcome, "promoted");

  await t.test("of two deploys at the same moment one goes on and the other is refused", async () => {
    const folders = [repository.folder, `${repository.folder}-of-a-colleague`] as const;
    await repository.commitRelease(colour("#333333"));
    await cp(folders[0], folders[1], { recursive: true });
    await repository.commitRelease(colour("#343434"));
    const results = await Promise.all(folders.map((cwd) => scene.belay(["deploy", "--no-follow"], { cwd })));
    assert.deepEqual(results.map(({ code }) => code).sort(), [0, 1], results.map(({ stderr }) => stderr).join("\n"));
    const [refused] = results.filter(({ code }) => code === 1);
    assert.match(refused?.stderr ?? "", /BELAY_ROLLOUT_RUNNING/);
    assert.match(refused?.stderr ?? "", /--supersede/);
  });

  await t.test("--supersede ends the running rollout in favour of the new one", async () => {
    const { rollout: running = null } = await scene.shopStatus();
    await repository.commitRelease(colour("#444444"));
    deployments.push(scene.deploy(repository, { words: ["--supersede"], code: 3 }));
    const next = await scene.waitForRollout(
      "the superseding release has its weight",
      ({ rollout, weight }) => rollout !== running?.rollout && weight === 2500,
    );
    const facts = await scene.facts(running?.rollout ?? "");
    assert.deepEqual(facts.at(-1), { kind: "superseded", by: next.rollout });
    await waitFor("the superseded release is stopped", async () => !(await stillRuns(running?.release ?? null)));
  });

  await t.test("rollback --to an older release ends the rollout, and everyone is on it at once", async (t) => {
    const { rollout: running, instances } = await scene.shopStatus();
    const before = instances.filter(({ release }) => release === first).map(({ id }) => id);
    const result = await scene.expectBelay(["rollback", "shop", "--to", first, "--reason", "the colours", "--json"]);
    const rollback = jsonOf(result) as RolloutView;
    t.diagnostic(`the command took ${result.durationMs.toFixed(0)} ms`);
    assert.deepEqual(
      { kind: rollback.kind, release: rollback.release, outcome: rollback.outcome, by: rollback.by },
      { kind: "rollback", release: first, outcome: "promoted", by: "person" },
    );
    const superseded = await deployments[0];
    assert.equal(superseded?.rollout, running?.rollout);
    assert.equal(superseded?.outcome, "superseded");
    const after = await scene.shopStatus();
    assert.equal(after.stable?.id, first);
    const now = after.instances.filter(({ release }) => release === first).map(({ id }) => id);
    assert.deepEqual(now, before, "the warm instances took over");
    await crowd.lap();
    await waitFor("visitors came since", () => crowd.report().requests > 20);
    assert.deepEqual(Object.keys(crowd.report().byRelease), [first]);
    await waitFor("the abandoned release is stopped", async () => !(await stillRuns(running?.release ?? null)));
  });

  assertUnnoticed(await crowd.stop());
});
