import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLog } from "../ports/log.ts";
import { ManualClock } from "../ports/manual-clock.ts";
import { releaseNamed, Story } from "../rollout/rollout.builder.ts";
import type { Service } from "../rollout/service.ts";
import type { Instance } from "../runtimes/runtime.ts";
import { InstanceKeeper } from "./instance-keeper.ts";
import type { World } from "./world.ts";

/** A runtime that shows what the test puts into `shown`. */
function keeperShown(shown: Instance[]): { readonly clock: ManualClock; lookAt(service: Service): Promise<readonly unknown[]> } {
  const clock = new ManualClock();
  const runtime = { name: "process", start: async () => {}, stop: async () => {}, list: async () => [...shown] } as const;
  const keeper = new InstanceKeeper({ clock, log: silentLog, runtime } as unknown as World);
  return {
    clock,
    lookAt: async (service) => {
      await keeper.observe();
      return keeper.differences([service]).map(({ fact }) => ("isGone" in fact ? [fact.kind, fact.isGone] : [fact.kind]));
    },
  };
}

test("an instance of stable that one list leaves out is not ready, and not yet gone", async () => {
  const story = new Story().withStable("a1");
  const { clock, lookAt } = keeperShown([]);
  assert.deepEqual(await lookAt(story.service), [["instance-lost", false]]);
  story.tell({ kind: "instance-lost", instance: "shop.a1.1", release: "a1", isGone: false, reason: "not listed" });
  clock.advance(9_000);
  assert.deepEqual(await lookAt(story.service), []);
  clock.advance(2_000);
  assert.deepEqual(await lookAt(story.service), [["instance-lost", true]]);
});

test("an instance that is listed again starts its patience anew", async () => {
  const story = new Story().withStable("a1");
  const known = Object.values(story.service.instances)[0];
  assert.ok(known !== undefined);
  const shown: Instance[] = [];
  const { clock, lookAt } = keeperShown(shown);
  await lookAt(story.service);
  clock.advance(9_000);
  const { id, release, host, port } = known;
  shown.push({ id, service: "shop", environment: "production", release, host, port, state: "ready", exits: 0, reason: "" });
  assert.deepEqual(await lookAt(story.service), []);
  shown.pop();
  clock.advance(2_000);
  assert.deepEqual(await lookAt(story.service), [["instance-lost", false]]);
});

test("an instance of a release that nobody wants is gone as soon as it is not listed", async () => {
  const story = new Story()
    .exposed("b2")
    .tell({ kind: "abort-requested", reason: "no" }, { kind: "routing-acknowledged", epoch: 1, tookMs: 1, evidence: null });
  const { lookAt } = keeperShown([]);
  assert.deepEqual(await lookAt(story.service), [
    ["instance-lost", false],
    ["instance-lost", true],
  ]);
});

// Goal: what is known of a release ends with its last instance. Otherwise it grows with each release, and one that comes up once more finds the
// time to drain of its first life used up.
test("a release that shows itself again after it was gone gets its whole time to drain", async () => {
  const { service } = new Story().withStable("a1");
  const clock = new ManualClock();
  const own = { service: "shop", environment: "production", host: "127.0.0.1", port: 1, exits: 0, reason: "" } as const;
  let shown: Instance[] = [];
  const stopped: number[] = [];
  const stop = async (_: string, graceMs: number) => void stopped.push(graceMs);
  const runtime = { name: "process", start: async () => {}, stop, list: async () => shown } as const;
  const keeper = new InstanceKeeper({ clock, log: silentLog, runtime } as unknown as World);
  const old = { ...releaseNamed("old"), run: { ...releaseNamed("old").run, drainTimeoutMs: 20_000 } };
  const known: Service = { ...service, releases: { ...service.releases, old } };
  const look = async (inFlight: number) => {
    await keeper.observe();
    keeper.reconcile([known], { trafficOf: () => ({ isRouted: false, inFlight }), record: () => true });
  };
  const instance: Instance = { ...own, id: "shop.old.1", release: "old", state: "ready" };
  shown = [instance];
  await look(1);
  clock.advance(20_000);
  await look(1);
  assert.deepEqual(stopped, [1_000]);
  shown = [];
  await look(0);
  shown = [instance];
  await look(1);
  clock.advance(19_000);
  await look(1);
  assert.deepEqual(stopped, [1_000], "a request is still answered");
  clock.advance(1_000);
  await look(1);
  assert.deepEqual(stopped, [1_000, 1_000]);
});
