import assert from "node:assert/strict";
import { test } from "node:test";
import { BelayError } from "../errors.ts";
import type { BackgroundProcess } from "../rollout/background.ts";
import { releaseNamed } from "../rollout/rollout.builder.ts";
import { LoopWorld } from "./control-loop.fixture.ts";

const worker = (command = "node worker.js"): BackgroundProcess => ({
  kind: "worker",
  name: "worker",
  command,
  memoryBytesMax: null,
  aliveAfterMs: 10_000,
});

/** A world in which each release has these processes; others have none. */
function worldOf(processes: Readonly<Record<string, readonly BackgroundProcess[]>>): LoopWorld {
  const world = new LoopWorld();
  for (const [id, own] of Object.entries(processes)) {
    const release = { ...releaseNamed(id), processes: own };
    world.builds.set(release.commit, async () => release);
  }
  return world;
}

const toBake = { kind: "promote-requested", isFull: true, skipsAnalysis: false } as const;

async function runningOf(world: LoopWorld): Promise<readonly string[]> {
  return (await world.runtime.workers.list()).map(({ release }) => release);
}

test("the old release's worker runs until the bake; then it ends, and only after that the new one's starts", async () => {
  const world = worldOf({ a1: [worker()], b2: [worker()] });
  await world.serve("a1");
  await world.pass(300);
  world.request("b2");
  await world.pass(1_000);
  assert.equal(world.rollout.phase.name, "progressing");
  assert.deepEqual(await runningOf(world), ["a1"]);
  const ending = Promise.withResolvers<void>();
  world.runtime.workers.ending = () => ending.promise;
  world.tell(toBake);
  await world.pass(1_000);
  assert.equal(world.rollout.phase.name, "baking");
  assert.deepEqual(world.runtime.workers.done, ["start a1 worker"], "nothing is started while the old one has not ended");
  ending.resolve();
  await world.pass(500);
  assert.deepEqual(world.runtime.workers.done, ["start a1 worker", "stop a1 worker", "start b2 worker"]);
  world.tell({ kind: "abort-requested", reason: "no" });
  await world.pass(500);
  assert.deepEqual(world.runtime.workers.done.slice(3), ["stop b2 worker", "start a1 worker"]);
});

test("a control plane that is killed while the old worker ends starts no second one", async () => {
  const world = worldOf({ a1: [worker()], b2: [worker()] });
  await world.serve("a1");
  await world.pass(300);
  world.request("b2");
  await world.pass(1_000);
  const ending = Promise.withResolvers<void>();
  world.runtime.workers.ending = () => ending.promise;
  world.tell(toBake);
  await world.pass(300);
  world.restart();
  await world.pass(500);
  assert.deepEqual(await runningOf(world), ["a1"]);
  ending.resolve();
  await world.pass(500);
  assert.deepEqual(await runningOf(world), ["b2"]);
  assert.equal(world.service.processOwner, "b2");
});

test("a worker that a list leaves out is told to end all the same before another release's starts", async () => {
  const world = worldOf({ a1: [worker()], b2: [worker()] });
  await world.serve("a1");
  await world.pass(300);
  const truth = world.runtime.workers.list.bind(world.runtime.workers);
  world.runtime.workers.list = async () => (await truth()).filter(({ release }) => release !== "a1");
  await world.serve("b2");
  await world.pass(500);
  assert.deepEqual(world.runtime.workers.done.slice(-2), ["stop a1 worker", "start b2 worker"]);
});

test("while a stop cannot be asked for, nothing else is started", async () => {
  const world = worldOf({ a1: [worker()], b2: [worker()] });
  await world.serve("a1");
  await world.pass(300);
  world.runtime.workers.before = (call) => {
    if (call === "stop") throw new BelayError({ code: "BELAY_KEEPER_UNREACHABLE", message: "no keeper", next: "Wait." });
  };
  await world.serve("b2");
  await world.pass(500);
  assert.deepEqual(await runningOf(world), ["a1"]);
  world.runtime.workers.before = () => {};
  await world.pass(500);
  assert.deepEqual(await runningOf(world), ["b2"]);
});

test("a release without workers ends those of the release before it", async () => {
  const world = worldOf({ a1: [worker()] });
  await world.serve("a1");
  await world.pass(300);
  await world.serve("b2");
  await world.pass(500);
  assert.deepEqual(await runningOf(world), []);
  assert.equal(world.service.processOwner, "b2");
});

test("services without processes write no entry about them", async () => {
  const world = worldOf({});
  await world.serve("a1");
  await world.serve("b2");
  await world.pass(500);
  assert.ok(world.disk.rows.every((row) => !JSON.stringify(row).includes("processes-moved")));
});

test("a worker that crashes again and again in the bake ends the rollout by health, and the old one is back", async () => {
  const world = worldOf({ a1: [worker()], b2: [worker("crash")] });
  await world.serve("a1");
  await world.pass(300);
  world.request("b2", { bakeMs: 60_000 });
  await world.pass(1_000);
  world.tell(toBake);
  await world.pass(2_000);
  const { phase } = world.rollout;
  assert.equal(phase.name, "aborted");
  assert.ok(phase.name === "aborted" && phase.by === "health");
  assert.match(phase.reason, /its worker worker ended by itself 5 times in a row; it ended last with signal SIGKILL/);
  assert.deepEqual(await runningOf(world), ["a1"]);
});

test("a worker that crashes again and again after the promotion starts a rollback while the old release is warm", async () => {
  const world = worldOf({ a1: [worker()], b2: [worker("crash")] });
  await world.serve("a1");
  await world.pass(300);
  await world.serve("b2", { keepWarmMs: 3_600_000 });
  await world.pass(3_000);
  assert.equal(world.service.stable, "a1");
  assert.equal(world.rollout.kind, "rollback");
  const { phase } = world.rollout;
  assert.ok(phase.name === "promoted" && phase.by === "health");
  assert.deepEqual(await runningOf(world), ["a1"]);
  const requested = world.disk.rows.map((row) => JSON.stringify(row)).filter((row) => row.includes("after its promotion"));
  assert.equal(requested.length, 1);
});

test("a few ends, each after the worker was well, are no crash loop", async () => {
  const world = worldOf({ a1: [worker()], b2: [worker()] });
  await world.serve("a1");
  await world.serve("b2", { keepWarmMs: 3_600_000 });
  await world.pass(500);
  for (let ends = 0; ends < 8; ends += 1) {
    const [run] = await world.runtime.workers.list();
    world.runtime.workers.crash(run?.id ?? "");
    await world.pass(10_300);
  }
  assert.equal(world.service.stable, "b2");
});
