import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { RolloutView } from "../../src/control/rollout-view.ts";
import { processTree, readProcess, sendSignal } from "../../src/ports/processes.ts";
import type { Crowd } from "../visitors/visitors.ts";
import { jsonOf } from "./belay-command.ts";
import { findProcesses, kill, pidListeningOn, pidsOf } from "./belay-processes.ts";
import { assertOnlyInFlightFailed, assertUnnoticed } from "./crowd-checks.ts";
import { openShopScene, type Scene, type ShopScene } from "./scene.ts";
import { waitFor } from "./wait.ts";

/** Longer than a control plane may be held up on a loaded machine, which is no loss of it. */
const leaseMs = 5000;
const longStep = "[{ weight: 25%, minHold: 10m }]";

/** The shop with a canary at 25 % that stays there, under visitors. */
async function openExposedShop(
  t: TestContext,
  lease = "60s",
): Promise<ShopScene & { readonly crowd: Crowd; readonly canary: string }> {
  const { scene, repository } = await openShopScene(t, { steps: longStep, lease });
  const crowd = await scene.openVisitors({ members: 4 });
  await repository.commitRelease("good");
  const following = new AbortController();
  const deploying = scene.belay(["deploy"], { cwd: repository.folder, signal: following.signal });
  const rollout = await scene.waitForRollout("the canary has its weight", ({ weight }) => weight === 2500);
  // The rollout goes on without its spectator.
  following.abort();
  await deploying.catch((cause: Error) => assert.equal(cause.name, "AbortError"));
  return { scene, repository, crowd, canary: rollout.release ?? "" };
}

interface Killing {
  readonly scene: Scene;
  readonly crowd: Crowd;
  readonly pids: readonly number[];
  /** Whether everything is as before again. */
  readonly isBack: () => Promise<boolean> | boolean;
}

/** Kills, waits until it is back, lets visitors come for another second, and returns what they met since just before. */
async function killUnderLoad({ crowd, pids, isBack }: Killing) {
  await crowd.lap();
  const dying = await kill(pids);
  await waitFor("what was killed is back", isBack);
  const backAfterMs = performance.now() - dying.fromMs;
  await sleep(1000);
  return { report: await crowd.lap(), dying, backAfterMs };
}

/** A new process has the role, and the old ones are gone. */
function isReplaced(scene: Scene, role: string, pids: readonly number[]): boolean {
  const now = findProcesses(scene.place.dataFolder).filter((found) => found.role === role);
  return now.length >= pids.length && now.every(({ pid }) => !pids.includes(pid));
}

test("SIGKILL of any process of Belay under load fails no request but those in flight in what was killed", async (t) => {
  const { scene, repository, crowd, canary } = await openExposedShop(t);
  const { dataFolder } = scene.place;

  await t.test("the control plane", async (t) => {
    const pids = pidsOf(dataFolder, "control");
    assert.ok(readdirSync(join(dataFolder, "run/compile-cache")).length > 0, "the next one has not to compile everything anew");
    const isBack = async () => isReplaced(scene, "control", pids) && (await scene.belay(["status"])).code === 0;
    const { report, backAfterMs } = await killUnderLoad({ scene, crowd, pids, isBack });
    t.diagnostic(`answers again after ${backAfterMs.toFixed(0)} ms`);
    assertUnnoticed(report);
    const { rollout } = await scene.shopStatus();
    assert.equal(rollout?.phase.name, "progressing");
    assert.equal(rollout?.weight, 2500);
  });

  await t.test("the control plane with its whole process tree", async () => {
    const [pid = 0] = pidsOf(dataFolder, "control");
    const startedAtTicks = readProcess(pid)?.startedAtTicks ?? 0;
    const pids = [pid, ...processTree({ pid, startedAtTicks }).filter((member) => member !== pid)];
    const isBack = async () => isReplaced(scene, "control", [pid]) && (await scene.belay(["status"])).code === 0;
    const { report } = await killUnderLoad({ scene, crowd, pids, isBack });
    assertUnnoticed(report);
    assert.equal((await scene.shopStatus()).rollout?.weight, 2500);
  });

  await t.test("one worker", async (t) => {
    const [pid = 0] = pidsOf(dataFolder, "proxy");
    const isBack = async () =>
      findProcesses(dataFolder).every((found) => found.pid !== pid) &&
      (await scene.status()).workers.every(({ isConnected }) => isConnected);
    const { report, dying } = await killUnderLoad({ scene, crowd, pids: [pid], isBack });
    t.diagnostic(`${report.failed} requests were in flight`);
    assertOnlyInFlightFailed(report, dying);
  });

  await t.test("one instance of stable", async (t) => {
    const before = await scene.shopStatus();
    const victim = before.instances.find(({ release, state }) => release === before.stable?.id && state === "ready");
    const pid = pidListeningOn(dataFolder, victim?.port ?? 0);
    const isBack = async () => (await scene.shopStatus()).instances.every(({ state }) => state === "ready");
    const { report, dying } = await killUnderLoad({ scene, crowd, pids: [pid], isBack });
    t.diagnostic(`${report.failed} requests were in flight`);
    assertOnlyInFlightFailed(report, dying);
  });

  for (const role of ["keeper", "proxy", "holder", "proxy"]) {
    await t.test(`${role === "proxy" ? "then a worker" : `the ${role}`}`, async () => {
      const pids = pidsOf(dataFolder, role).slice(0, 1);
      const count = findProcesses(dataFolder).filter((found) => found.role === role).length;
      const isBack = () => {
        const now = findProcesses(dataFolder).filter((found) => found.role === role);
        return now.length === count && now.every(({ pid }) => !pids.includes(pid));
      };
      const { report, dying } = await killUnderLoad({ scene, crowd, pids, isBack });
      if (role === "proxy") assertOnlyInFlightFailed(report, dying);
      else assertUnnoticed(report);
    });
  }

  await t.test("after all of it the rollout stands where it stood, and ends as it would have", async () => {
    assert.equal((await scene.shopStatus()).rollout?.weight, 2500);
    await scene.expectBelay(["promote", "shop", "--skip-analysis"]);
    await scene.waitForRollout("promoted", ({ outcome }) => outcome === "promoted");
    await crowd.lap();
    await sleep(1000);
    const report = await crowd.stop();
    assertUnnoticed(report);
    assert.deepEqual(Object.keys(report.byRelease), [canary]);
    assert.equal((await scene.belay(["status"], { cwd: repository.folder })).code, 0);
  });

  // A worker that is stopped (SIGSTOP) keeps its connections and acknowledges nothing.
  await t.test("an abort does not wait for a worker that hangs: the worker is replaced", async (t) => {
    await repository.commitRelease("bake-bug");
    await scene.expectBelay(["deploy", "--no-follow"], { cwd: repository.folder });
    const { rollout } = await scene.waitForRollout("the canary has its weight", ({ weight }) => weight === 2500);
    const [hung = 0] = pidsOf(dataFolder, "proxy");
    sendSignal(hung, "SIGSTOP");
    const ended = jsonOf(await scene.expectBelay(["abort", "shop", "--json"])) as RolloutView;
    assert.deepEqual(
      { rollout: ended.rollout, outcome: ended.outcome, by: ended.by },
      { rollout, outcome: "aborted", by: "person" },
    );
    const tookMs = (await scene.facts(rollout)).flatMap((fact) => (fact.kind === "routing-acknowledged" ? [fact.tookMs] : []));
    t.diagnostic(`every worker that runs had acknowledged after ${tookMs.at(-1)} ms`);
    await waitFor("it is replaced", async () => {
      const { workers } = await scene.status();
      return !pidsOf(dataFolder, "proxy").includes(hung) && workers.filter(({ isConnected }) => isConnected).length === 2;
    });
  });
});

// Method: the keeper is stopped (SIGSTOP), so that nothing starts the control plane anew until the lease has run out.
test("a control plane that stays away longer than the lease costs the canary its traffic, and the rollout is paused", async (t) => {
  const { scene, crowd, canary } = await openExposedShop(t, `${leaseMs}ms`);
  const { dataFolder } = scene.place;
  const [keeper = 0] = pidsOf(dataFolder, "keeper");
  sendSignal(keeper, "SIGSTOP");
  await assertLeaseEnds(t, { crowd, canary, pids: pidsOf(dataFolder, "control") });
  sendSignal(keeper, "SIGCONT");
  const rollout = await scene.waitForRollout("it is paused", ({ phase }) => phase.name === "paused");
  assert.equal(rollout.weight, 0);
  assert.match((await scene.expectBelay(["status"])).stdout, /paused/);

  await assertResumes(scene, crowd, canary);
  assertUnnoticed(await crowd.lap());

  await t.test(
    "and so does the loss of keeper, holder and control plane together, until `belay up` brings all of it back",
    async (t) => {
      const address = (await scene.status()).addresses["http"] ?? "";
      const workers = pidsOf(dataFolder, "proxy");
      const pids = ["keeper", "holder", "control"].flatMap((role) => pidsOf(dataFolder, role));
      await assertLeaseEnds(t, { crowd, canary, pids });
      // Until here the workers have been alone. `up` replaces them: their sockets are in nobody's hands but theirs.
      assertUnnoticed(await crowd.stop());
      assert.deepEqual(pidsOf(dataFolder, "proxy"), workers);
      assert.match((await scene.expectBelay(["status"], { code: 1 })).stderr, /belay up/);

      await scene.expectBelay(["up", "--listen", address, "--detach"]);
      const rollout = await scene.waitForRollout("it is paused", ({ phase }) => phase.name === "paused");
      assert.equal(rollout.weight, 0);
      assert.match((await scene.expectBelay(["status"])).stdout, /paused[\s\S]*belay resume/);
      const returning = await scene.openVisitors({ members: 4 });
      await assertResumes(scene, returning, canary);
      assertUnnoticed(await returning.stop());
    },
  );
});

/** Kills, and sees that no visitor notices and that no request reaches the canary after the lease, which a worker counts from when it hears of it. */
async function assertLeaseEnds(
  t: Pick<TestContext, "diagnostic">,
  { crowd, canary, pids }: { readonly crowd: Crowd; readonly canary: string; readonly pids: readonly number[] },
): Promise<void> {
  await crowd.lap();
  const { fromMs } = await kill(pids);
  await sleep(leaseMs + 4000);
  const report = await crowd.lap();
  const lastMs = (report.byRelease[canary]?.lastStartedAtMs ?? 0) - fromMs;
  t.diagnostic(`last request to the canary ${lastMs.toFixed(0)} ms after the kill`);
  assert.ok(lastMs > 0, "the canary had requests until then");
  assert.ok(lastMs <= leaseMs + 3000);
  assertUnnoticed(report);
}

async function assertResumes(scene: Scene, crowd: Crowd, canary: string): Promise<void> {
  await scene.expectBelay(["resume", "shop"]);
  await scene.waitForRollout("the canary has its weight again", ({ weight }) => weight === 2500);
  await waitFor("the canary answers", () => crowd.report().byRelease[canary]);
}
