import assert from "node:assert/strict";
import { test } from "node:test";
import { ann } from "../rollout/rollout.builder.ts";
import { LoopWorld } from "./control-loop.fixture.ts";
import { listLogs } from "./instance-logs.ts";

test("logs of one release are its own, also of a shadow, and a release that is not known is refused", async () => {
  const world = new LoopWorld();
  await world.serve("a1");
  await world.serve("b2");
  const place = { environment: "production", service: "shop" };
  const places = {
    loop: world.loop,
    logFileOf: (instance: string) => `/logs/${instance}`,
    loggedInstances: () => [{ instance: "shop.b2-shadow.0", release: "b2-shadow" }],
  };
  const releasesOf = (release: string | undefined) => [
    ...new Set(listLogs(world.service, { ...place, release }, places).map((log) => log.release)),
  ];
  assert.deepEqual(releasesOf(undefined).toSorted(), ["a1", "b2", "b2-shadow"]);
  assert.deepEqual(releasesOf("b2"), ["b2"]);
  assert.deepEqual(releasesOf("b2-shadow"), ["b2-shadow"]);
  assert.deepEqual(listLogs(world.service, { ...place, release: "a1", task: "migrate" }, places), [], "known, and silent");
  assert.throws(() => releasesOf("zz"), { code: "BELAY_RELEASE_UNKNOWN", message: "shop has no release zz in production" });
});

test("an aborted rollout names itself in what to do next", async () => {
  const world = new LoopWorld();
  await world.serve("a1");
  const rollout = world.request("b2");
  await world.pass(500);
  await world.commands.abort({ environment: "production", service: "shop", reason: "" }, ann);
  await world.pass(1_000);
  const view = await world.commands.rollout(rollout);
  assert.equal(view.outcome, "aborted");
  assert.match(view.next, new RegExp(`belay explain ${rollout}\``));
});
