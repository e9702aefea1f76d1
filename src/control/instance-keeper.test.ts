import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLog } from "../ports/log.ts";
import { ManualClock } from "../ports/manual-clock.ts";
import { Story } from "../rollout/rollout.builder.ts";
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
