import assert from "node:assert/strict";
import { test } from "node:test";
import { ann, releaseNamed } from "../rollout/rollout.builder.ts";
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
  assert.deepEqual(listLogs(world.service, { ...place, release: "a1", task: "once" }, places), [], "known, and silent");
  assert.throws(() => releasesOf("zz"), { code: "BELAY_RELEASE_UNKNOWN", message: "shop has no release zz in production" });
});

// Goal: what was written wrongly is told apart from what has written nothing.
test("a process or a task that no release has is refused with those that there are", async () => {
  const world = new LoopWorld();
  await world.serve("a1");
  const mail = { kind: "worker", name: "mail", command: "node mail.js", memoryBytesMax: null, aliveAfterMs: 10_000 } as const;
  const migrate = { name: "migrate", command: "node migrate.js", timeoutMs: 5_000 };
  const service = { ...world.service, releases: { a1: { ...releaseNamed("a1"), processes: [mail], tasks: [migrate] } } };
  const place = { environment: "production", service: "shop" };
  const places = { loop: world.loop, logFileOf: (instance: string) => instance, loggedInstances: () => [] };
  const list = (of: { readonly process?: string; readonly task?: string }) => listLogs(service, { ...place, ...of }, places);
  assert.equal(list({ process: "mail" }).length, 1);
  for (const task of ["migrate", "once"]) assert.deepEqual(list({ task }), [], "known, and silent");
  assert.throws(() => list({ process: "mial" }), {
    code: "BELAY_PROCESS_UNKNOWN",
    message: "shop has no process mial in production",
    next: "Write one of its workers and jobs: mail.",
  });
  assert.throws(() => list({ task: "mirgate" }), {
    code: "BELAY_TASK_UNKNOWN",
    message: "shop has no task mirgate in production",
    next: "Write one of its tasks: migrate; or once, for what people ran with `belay run`.",
  });
  assert.throws(() => listLogs(world.service, { ...place, process: "mail" }, places), {
    next: "Declare one in belay.yml and deploy: it has no workers and jobs.",
  });
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
