import assert from "node:assert/strict";
import { constants, cpSync, mkdtempSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { placeIn, projectFolder } from "./belay-command.ts";
import { findProcesses, killAll } from "./belay-processes.ts";
import { getPage } from "./get-page.ts";
import { openShopScene, Scene } from "./scene.ts";
import { shopHost } from "./shop-repository.ts";
import { waitFor } from "./wait.ts";

const leaseMs = 6_000;
const notOfTheProgram = new Set([".git", ".belay", "test", "docs", "bench", ".cache"]);

function copyProgram(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "belay-checkout-")));
  const filter = (source: string) => !notOfTheProgram.has(basename(source)) || source.includes("node_modules");
  cpSync(projectFolder, folder, { recursive: true, filter, verbatimSymlinks: true, mode: constants.COPYFILE_FICLONE });
  return folder;
}

/** The same Belay, commanded with the program that `belay up` has installed in its data folder. */
function withInstalledProgram({ place: { folder, dataFolder } }: Scene): Scene {
  const [version = ""] = readdirSync(join(dataFolder, "program"));
  return new Scene(placeIn(folder, join(dataFolder, "program", version)));
}

test("the checkout and its node_modules are deleted while Belay runs", async (t) => {
  const checkout = copyProgram();
  t.after(() => rmSync(checkout, { recursive: true, force: true }));
  const plan = { steps: "[{ weight: 50%, minHold: 10m }]", lease: `${leaseMs}ms` };
  const { scene: fromCheckout, repository } = await openShopScene(t, plan, checkout);
  rmSync(checkout, { recursive: true });
  const scene = withInstalledProgram(fromCheckout);
  const { dataFolder } = scene.place;
  const first = (await scene.shopStatus()).stable?.id;

  await t.test("the installed program deploys and goes back", async () => {
    await repository.commitRelease("good");
    const deploying = scene.deploy(repository);
    await scene.waitForRollout("the canary has its weight", ({ weight }) => weight === 5000);
    await scene.expectBelay(["promote", "shop", "--skip-analysis"]);
    assert.equal((await deploying).outcome, "promoted");
    assert.notEqual((await scene.shopStatus()).stable?.id, first);
    await scene.expectBelay(["rollback", "shop"]);
    assert.equal((await scene.shopStatus()).stable?.id, first);
  });

  await t.test("killed whole and started cold, the promoted release serves, then the ledger's state is reached", async () => {
    await scene.expectBelay(["deploy", "--no-follow"], { cwd: repository.folder });
    const { release } = await scene.waitForRollout("the canary has its weight", ({ weight }) => weight === 5000);
    const before = await scene.shopStatus();
    killAll(dataFolder);
    assert.deepEqual(findProcesses(dataFolder), []);
    await sleep(leaseMs);

    await scene.up();
    const answer = await getPage(await scene.baseUrl(), shopHost);
    assert.equal(answer.status, 200);
    assert.match(answer.text, /The Rope Shop/);
    assert.equal(answer.headers["belay-release"], first);
    const rollout = await scene.waitForRollout("what was under way is paused", ({ phase }) => phase.name === "paused");
    assert.deepEqual({ release: rollout.release, weight: rollout.weight }, { release, weight: 0 });
    const isWhole = async () => {
      const { instances, stable } = await scene.shopStatus();
      const ready = instances.filter(({ state }) => state === "ready");
      return ready.length === before.instances.length && stable?.id === first;
    };
    await waitFor("all instances are ready", isWhole);
  });
});
