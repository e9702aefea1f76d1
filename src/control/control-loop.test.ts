import assert from "node:assert/strict";
import { test } from "node:test";
import { ann, releaseNamed } from "../rollout/rollout.builder.ts";
import { LoopWorld } from "./control-loop.fixture.ts";

const production = { service: "shop", environment: "production" };
const commitOf = (id: string) => releaseNamed(id).commit;

test("one release in two environments is two sets of instances", async () => {
  const world = new LoopWorld();
  await world.serve("a1");
  world.request("a1", {}, "staging");
  await world.pass(1_000);
  assert.equal(world.serviceIn("staging").rollout?.phase.name, "promoted");
  assert.deepEqual(
    world.runtime.instances().map(({ environment, state }) => [environment, state]),
    [
      ["production", "ready"],
      ["staging", "ready"],
    ],
  );
});

test("what a rollout would change for everyone changes nothing before it is exposed, nor when it was given up", async () => {
  const world = new LoopWorld();
  await world.serve("a1", { responseDeadlineMs: 30_000 });
  const deadline = () => world.plane.table?.services[0]?.responseDeadlineMs;
  world.builds.set(commitOf("b2"), () => new Promise(() => {}));
  world.request("b2", { responseDeadlineMs: 100 });
  await world.pass(300);
  assert.equal(deadline(), 30_000);
  world.tell({ kind: "abort-requested", reason: "too slow" });
  await world.pass(300);
  assert.equal(deadline(), 30_000);
});

test("a deploy that comes to nothing does not end the watch over the release that was promoted before it", async () => {
  const world = new LoopWorld();
  await world.serve("a1");
  await world.serve("b2", { keepWarmMs: 3_600_000 });
  const watched = world.rollout.id;
  assert.equal(world.plane.table?.services[0]?.watch?.rollout, watched);
  world.request("c3");
  await world.pass(100);
  world.tell({ kind: "abort-requested", reason: "wrong branch" });
  await world.pass(300);
  assert.equal(world.plane.table?.services[0]?.watch?.rollout, watched);
  const [serving] = world.runtime.instances().filter(({ release }) => release === "b2");
  world.runtime.setAnswering(serving?.id ?? "", false);
  await world.pass(7_000);
  assert.equal(world.service.stable, "a1");
});

test("a rollback that failed is not begun again by itself", async () => {
  const world = new LoopWorld();
  await world.serve("a1");
  await world.serve("b2", { keepWarmMs: 3_600_000 });
  const [serving] = world.runtime.instances().filter(({ release }) => release === "b2");
  world.runtime.setAnswering(serving?.id ?? "", false);
  await world.pass(4_900);
  world.plane.acknowledge(false);
  await world.pass(500);
  assert.equal(world.rollout.kind, "rollback");
  world.tell({ kind: "abort-requested", reason: "I know better" });
  world.plane.acknowledge(true);
  await world.pass(7_000);
  assert.equal(world.rollout.phase.name, "aborted");
  assert.equal(world.service.stable, "b2");
});

test("a person who asks twice to go back goes back", async () => {
  const world = new LoopWorld();
  await world.serve("a1");
  await world.serve("b2");
  world.plane.acknowledge(false);
  const request = { ...production, target: null, reason: "it is bad" };
  const first = await world.commands.rollback(request, ann);
  const second = await world.commands.rollback(request, ann);
  assert.equal(second.rollout, first.rollout);
  const third = await world.commands.rollback({ ...request, target: "a1" }, ann);
  assert.equal(third.rollout, first.rollout);
  assert.equal(world.rollout.phase.name, "promoting");
});

test("nobody is sent to a canary that has no ready instance because time was up", async () => {
  const world = new LoopWorld();
  await world.serve("a1");
  world.request("b2", { steps: [], bakeMs: 2_000 });
  await world.pass(1_000);
  assert.equal(world.rollout.phase.name, "baking");
  const [canary] = world.runtime.instances().filter(({ release }) => release === "b2");
  world.runtime.setAnswering(canary?.id ?? "", false);
  await world.pass(5_000);
  assert.equal(world.rollout.phase.name, "baking");
  await world.pass(6_500);
  assert.equal(world.rollout.phase.name, "aborted");
});

test("a canary whose instances are gone for good is given up", async () => {
  const world = new LoopWorld();
  await world.serve("a1");
  world.request("b2", { steps: [], bakeMs: 60_000 });
  await world.pass(1_000);
  world.runtime.faults = { ...world.runtime.faults, lie: (truth) => truth.filter(({ release }) => release !== "b2") };
  await world.pass(21_000);
  assert.equal(world.rollout.phase.name, "aborted");
});

test("a bug in the build of one release refuses it, and takes the steering from nobody", async () => {
  const world = new LoopWorld();
  await world.serve("a1");
  world.builds.set(commitOf("b2"), () => Promise.reject(new TypeError("nobody thought of this")));
  world.request("b2");
  await world.pass(300);
  const { phase } = world.rollout;
  assert.equal(phase.name, "refused");
  assert.match(phase.name === "refused" ? phase.reason : "", /nobody thought of this/);
});

test("evidence that cannot be read pauses what was exposed and does not keep the control plane from starting", async () => {
  for (const damaged of [{ format: 1, workers: 3 }, "no evidence"]) {
    const world = new LoopWorld();
    await world.serve("a1");
    world.request("b2");
    await world.pass(1_500);
    assert.equal(world.rollout.phase.name, "progressing");
    world.stored.evidence = damaged;
    world.restart();
    await world.pass(3_000);
    assert.equal(world.rollout.phase.name, "paused");
  }
});

test("evidence of one rollout that cannot be read pauses what was exposed", async () => {
  const world = new LoopWorld();
  await world.serve("a1");
  world.request("b2");
  await world.pass(1_500);
  const kept = JSON.stringify(world.stored.evidence);
  world.stored.evidence = JSON.parse(kept.replaceAll(/"version":\d+/g, '"version":99'));
  world.restart();
  await world.pass(3_000);
  assert.equal(world.rollout.phase.name, "paused");
});

test("of two first releases that want one route, the second to be built is refused", async () => {
  const world = new LoopWorld();
  world.request("a1");
  world.builds.set(commitOf("b2"), async () => ({ ...releaseNamed("b2"), environment: "staging" }));
  world.request("b2", {}, "staging");
  await world.pass(1_000);
  assert.equal(world.rollout.phase.name, "promoted");
  const { rollout } = world.serviceIn("staging");
  assert.equal(rollout?.phase.name === "refused" && rollout.phase.code, "BELAY_ROUTE_TAKEN");
});

test("a start that takes long keeps nobody waiting", async () => {
  const world = new LoopWorld();
  await world.serve("a1");
  let isWaiting = false;
  world.runtime.faults = {
    ...world.runtime.faults,
    before: (call) => {
      if (call.kind !== "start") return undefined;
      isWaiting = true;
      return new Promise<void>(() => {});
    },
  };
  world.request("b2");
  await world.pass(500);
  assert.ok(isWaiting);
  const [serving] = world.runtime.instances();
  world.runtime.setAnswering(serving?.id ?? "", false);
  await world.pass(300);
  assert.equal(Object.values(world.service.instances)[0]?.isReady, false);
});

test("evidence is kept while nobody can tell which workers and instances run", async () => {
  const world = new LoopWorld();
  await world.serve("a1");
  world.request("b2");
  await world.pass(1_500);
  world.stored.evidence = null;
  world.runtime.faults = {
    ...world.runtime.faults,
    before: (call) => (call.kind === "list" ? new Promise<void>(() => {}) : undefined),
  };
  const hanging = world.loop.tick();
  hanging.catch(() => {});
  world.clock.advance(1_100);
  world.loop.react();
  assert.notEqual(world.stored.evidence, null);
});

test("nobody sends everyone to a release of which no instance answers", async () => {
  const world = new LoopWorld();
  await world.serve("a1");
  world.request("b2", { leaseTtlMs: 60_000 });
  await world.pass(1_000);
  world.tell({ kind: "pause-requested", reason: "lunch" });
  const [canary] = world.runtime.instances().filter(({ release }) => release === "b2");
  world.runtime.setAnswering(canary?.id ?? "", false);
  await world.pass(300);
  const refused = { code: "BELAY_ROLLOUT_CANDIDATE_DOWN", message: /no instance of b2 answers/ };
  await assert.rejects(world.commands.promote({ ...production, isFull: true, skipsAnalysis: true }, ann), refused);
  await assert.rejects(world.commands.resume(production, ann), refused);
  world.runtime.setAnswering(canary?.id ?? "", null);
  await world.pass(300);
  await world.commands.promote({ ...production, isFull: true, skipsAnalysis: true }, ann);
  await world.pass(300);
  assert.equal(world.service.stable, "b2");
});
