import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { findProcesses, kill, killAll, pidsOf } from "./belay-processes.ts";
import { assertOnlyInFlightFailed, assertUnnoticed } from "./crowd-checks.ts";
import { createScene, type Scene, setUpShop } from "./scene.ts";
import { waitFor } from "./wait.ts";

const megabyte = 1024 * 1024;
/** Program, releases and ledger need about half of it. */
const diskMegabytes = 400;

/** Puts the data folder on a disk of its own. False where only root may, or a container forbids it. */
function mountDisk(folder: string): boolean {
  mkdirSync(folder, { recursive: true });
  return spawnSync("mount", ["-t", "tmpfs", "-o", `size=${diskMegabytes}m,mode=700`, "belay-e2e", folder]).status === 0;
}

/** Writes until nothing more fits, down to the last page. Returns how to make room again. */
function fill(folder: string): () => void {
  const file = join(folder, "filling");
  writeFileSync(file, "");
  for (let bytes = 8 * megabyte; bytes >= 1; bytes = Math.floor(bytes / 2)) {
    try {
      for (;;) appendFileSync(file, Buffer.alloc(bytes));
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "ENOSPC") throw cause;
    }
  }
  return () => rmSync(file);
}

/** Everything that the ledger holds, as it was said. */
async function ledgerOf(scene: Scene): Promise<readonly string[]> {
  const { stdout } = await scene.expectBelay(["history", "--json"]);
  return (JSON.parse(stdout) as readonly object[]).map((entry) => JSON.stringify(entry));
}

const cannotMount = "no small disk can be mounted here: run the tests as root, and not in a container that forbids mount";

function canMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), "belay-mount-"));
  const isMounted = mountDisk(folder);
  if (isMounted) execFileSync("umount", [folder]);
  rmSync(folder, { recursive: true });
  return isMounted;
}

// Method: the data folder is a small tmpfs, filled while a canary serves a quarter of the visitors.
test("a full disk takes the canary to weight 0 and is shown; nothing is lost, and with room again the rollout can go on", {
  skip: canMount() ? false : cannotMount,
}, async (t) => {
  const scene = createScene();
  const { dataFolder } = scene.place;
  assert.ok(mountDisk(dataFolder));
  t.after(async () => {
    killAll(dataFolder);
    execFileSync("umount", [dataFolder]);
    await scene[Symbol.asyncDispose]();
  });
  const { repository } = await setUpShop(scene, { steps: "[{ weight: 25%, minHold: 10m }]", instances: 1 });
  const crowd = await scene.openVisitors({ members: 4 });
  await repository.commitRelease("good");
  await scene.expectBelay(["deploy", "--no-follow"], { cwd: repository.folder });
  const rollout = await scene.waitForRollout("the canary has its weight", ({ weight }) => weight === 2500);
  const canary = rollout.release ?? "";
  await waitFor("the canary has answered", () => (crowd.report().byRelease[canary]?.requests ?? 0) > 20);
  const before = await ledgerOf(scene);

  const makeRoom = fill(dataFolder);
  await t.test("weight 0, shown, and nothing that cannot be written down is done", async () => {
    const { trouble } = await waitFor("status shows the trouble", async () => {
      const status = await scene.status();
      return status.trouble.length > 0 ? status : undefined;
    });
    assert.match(trouble.join(), /no space|full/i);
    assert.match((await scene.expectBelay(["status"])).stdout, /Trouble: /);
    // What status shows, the workers know a moment later, or by the end of the lease.
    const laps = [await crowd.lap()];
    const isSpared = async () => {
      const lap = await crowd.lap();
      laps.push(lap);
      return lap.requests > 0 && lap.byRelease[canary] === undefined;
    };
    await waitFor("a while without a request to the canary", isSpared, { deadlineMs: 30_000, everyMs: 500 });
    for (const lap of laps) assertUnnoticed(lap);
    await waitFor("visitors come", () => crowd.report().requests > 60);
    const during = await crowd.lap();
    assert.equal(during.byRelease[canary], undefined, "no request goes to the canary");
    assertUnnoticed(during);
    const refused = await scene.expectBelay(["promote", "shop", "--skip-analysis"], { code: 1 });
    assert.match(refused.stderr, /BELAY_LEDGER_UNWRITABLE/);
    const { rollout: same, stable } = await scene.shopStatus();
    assert.equal(same?.rollout, rollout.rollout);
    assert.notEqual(stable?.id, canary);
    assert.deepEqual(await ledgerOf(scene), before);
  });

  await t.test(
    "a worker that ends meanwhile is started anew, and nothing else ends because it cannot write to its log",
    async () => {
      const others = () =>
        findProcesses(dataFolder)
          .filter(({ role }) => role !== "proxy")
          .map(({ pid }) => pid)
          .sort();
      const before = others();
      const workers = pidsOf(dataFolder, "proxy");
      const dying = await kill(workers.slice(0, 1));
      await waitFor("it is replaced", async () => {
        const { workers: views } = await scene.status();
        return (
          !pidsOf(dataFolder, "proxy").includes(workers[0] ?? 0) &&
          views.filter(({ isConnected }) => isConnected).length === workers.length
        );
      });
      assert.deepEqual(others(), before);
      assertOnlyInFlightFailed(await crowd.lap(), dying);
    },
  );

  await t.test("a control plane that is started anew meanwhile comes up, and shows it again", async () => {
    await kill(pidsOf(dataFolder, "control"));
    const status = await waitFor("status shows the trouble", async () => {
      const status = await scene.status();
      return status.trouble.length > 0 ? status : undefined;
    });
    assert.equal(status.services[0]?.rollout?.rollout, rollout.rollout);
    assert.deepEqual(await ledgerOf(scene), before);
    assertUnnoticed(await crowd.lap());
  });

  makeRoom();
  await t.test("with room again it is written down, and the rollout is paused", async () => {
    const paused = await scene.waitForRollout("it is paused", ({ phase }) => phase.name === "paused");
    assert.equal(paused.rollout, rollout.rollout);
    assert.equal(paused.weight, 0);
    assert.deepEqual((await scene.status()).trouble, []);
    const after = await ledgerOf(scene);
    assert.deepEqual(after.slice(0, before.length), before);
    const recovered = after.slice(before.length).map((text) => JSON.parse(text).entry.fact);
    assert.equal(recovered[0]?.kind, "ledger-recovered");
    assert.ok(recovered[0]?.unwritableMs > 0);
    assert.match((await scene.expectBelay(["history", "--verify"])).stdout, /consistent/);
  });

  await t.test("resumed, it goes on with all its evidence", async () => {
    assertUnnoticed(await crowd.lap());
    await scene.expectBelay(["resume", "shop"]);
    await waitFor("the canary answers again", () => (crowd.report().byRelease[canary]?.requests ?? 0) > 20);
    const { canaryRequests } = await scene.waitForRollout("its weight is back", ({ weight }) => weight === 2500);
    assert.ok(canaryRequests > 20);
    await scene.expectBelay(["promote", "shop", "--skip-analysis"]);
    await scene.waitForRollout("promoted", ({ outcome }) => outcome === "promoted");
    assertUnnoticed(await crowd.stop());
    assert.match((await scene.expectBelay(["history", "--verify"])).stdout, /consistent/);
  });
});
