import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { countDescriptors, findProcesses } from "./belay-processes.ts";
import { assertUnnoticed } from "./crowd-checks.ts";
import { describeDescriptors } from "./descriptors.ts";
import { measureHeld } from "./heap.ts";
import { openShopScene, type Scene, type ShopScene } from "./scene.ts";
import { waitFor } from "./wait.ts";

const deploys = 20;
/** Compiled code and caches have settled by then. */
const settledAfter = 8;

async function deployAtOnce({ scene, repository }: ShopScene, number: number): Promise<void> {
  await repository.commitRelease({ name: `release ${number}`, accent: "#333", giftNote: true, faults: null });
  const promote = async () => (await scene.belay(["promote", "shop", "--skip-analysis"])).code === 0;
  const [rollout] = await Promise.all([scene.deploy(repository), waitFor("the rollout takes promote", promote)]);
  assert.equal(rollout.outcome, "promoted", JSON.stringify(rollout));
}

/** A row of deploys under visitors, who have left when it returns: their connections are no descriptors of Belay's. */
async function deployUnnoticed(
  t: Pick<TestContext, "diagnostic">,
  shop: ShopScene,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<void> {
  const crowd = await shop.scene.openVisitors({ members: 4 });
  for (let number = from; number <= to; number += 1) await deployAtOnce(shop, number);
  const report = await crowd.stop();
  t.diagnostic(`${report.requests} requests`);
  assertUnnoticed(report);
}

interface Size {
  readonly heapMegabytes: number;
  readonly residentMegabytes: number;
  readonly descriptors: number;
}

/** What Belay's own processes hold, by name. */
async function measure(scene: Scene): Promise<Sizes> {
  const sizes: Record<string, Size> = {};
  for (const { pid, role, name } of findProcesses(scene.place.dataFolder)) {
    if (role === "other") continue;
    const { heapBytes, residentBytes } = await measureHeld(pid);
    sizes[role === "proxy" ? name : role] = {
      heapMegabytes: Math.round(heapBytes / 1e5) / 10,
      residentMegabytes: Math.round(residentBytes / 1e6),
      descriptors: countDescriptors(pid),
    };
  }
  return sizes;
}

test("20 deploys under load fail no request, and memory and descriptors stay level", async (t) => {
  const shop = await openShopScene(t, { steps: "[{ weight: 50%, minHold: 0s }]", bake: "0s", keepWarm: "0s", instances: 1 });
  await deployUnnoticed(t, shop, { from: 1, to: settledAfter });
  const before = await measure(shop.scene);
  await deployUnnoticed(t, shop, { from: settledAfter + 1, to: deploys });
  // What is kept is what stays: the last deploy's instances and connections may still be on their way out.
  await waitFor("memory and descriptors are level", async () => assertLevel(t, before, await measure(shop.scene)), {
    everyMs: 1_000,
  });
  const isLetGo = () =>
    findProcesses(shop.scene.place.dataFolder).every(({ pid, role }) => {
      const kinds = role === "proxy" ? [...describeDescriptors(pid).keys()] : [];
      return !kinds.some((kind) => kind.startsWith("to nobody who listens"));
    });
  await waitFor("the workers hold no connection to an instance that has ended", async () => isLetGo());
  await waitFor("the instances of earlier releases are gone", async () => (await shop.scene.shopStatus()).instances.length <= 2);
});

type Sizes = Readonly<Record<string, Size>>;

/** Throws with what has grown; true when nothing has. */
function assertLevel(t: Pick<TestContext, "diagnostic">, before: Sizes, after: Sizes): true {
  t.diagnostic(JSON.stringify({ before, after }));
  assert.deepEqual(Object.keys(after).sort(), ["control", "holder", "keeper", "proxy-1", "proxy-2"]);
  for (const [name, now] of Object.entries(after)) {
    const start = before[name];
    assert.ok(start !== undefined, `${name} was replaced under another name`);
    assert.ok(now.descriptors <= start.descriptors + 12, `${name}: ${start.descriptors} descriptors grew to ${now.descriptors}`);
    assert.ok(
      now.heapMegabytes <= start.heapMegabytes + 4,
      `${name}: ${start.heapMegabytes} MB of heap grew to ${now.heapMegabytes}`,
    );
    const residentMax = start.residentMegabytes * 1.2 + 20;
    assert.ok(now.residentMegabytes <= residentMax, `${name}: ${start.residentMegabytes} MB grew to ${now.residentMegabytes}`);
  }
  return true;
}
