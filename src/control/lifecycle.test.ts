import assert from "node:assert/strict";
import { test } from "node:test";
import { ann } from "../rollout/rollout.builder.ts";
import { noFaults } from "../runtimes/memory-runtime.ts";
import { LoopWorld } from "./control-loop.fixture.ts";

// Goal: the courses that a rollout takes seldom, from its request to its instances' end.

const request = { service: "shop", environment: "production", target: null, reason: "it is bad" };

/** Releases of which instances run, each once. */
function runningIn(world: LoopWorld): readonly string[] {
  return [...new Set(world.runtime.instances().map(({ release }) => release))].sort();
}

test("the warm release deployed again is a deploy like any other, and the release between becomes the warm one", async () => {
  const world = new LoopWorld();
  await world.serve("a1");
  await world.serve("b2");
  await world.serve("a1");
  assert.equal(world.service.stable, "a1");
  assert.equal(world.service.warm?.release, "b2");
  await world.commands.rollback(request, ann);
  await world.pass(300);
  assert.equal(world.service.stable, "b2");
});

test("a rollback to a release that is not warm any more starts it first", async () => {
  const world = new LoopWorld();
  await world.serve("a1");
  await world.serve("b2", { keepWarmMs: 0 });
  await world.pass(2_000);
  assert.deepEqual(runningIn(world), ["b2"]);
  await world.commands.rollback(request, ann);
  assert.equal(world.rollout.phase.name, "pending");
  await world.pass(1_000);
  assert.equal(world.service.stable, "a1");
  assert.deepEqual(runningIn(world), ["a1"]);
});

test("a rollback to a release that cannot be started any more ends, and who served goes on serving", async () => {
  const world = new LoopWorld({
    behaviourOf: ({ id }) => ({
      readyAfterMs: world?.clock.monotonicMs() > 60_000 && id === "a1" ? null : 100,
      crashes: false,
      isExposed: false,
      drainMs: 0,
    }),
  });
  await world.serve("a1");
  await world.serve("b2", { keepWarmMs: 0 });
  await world.pass(60_000);
  await world.commands.rollback(request, ann);
  await world.pass(31_000);
  assert.equal(world.rollout.phase.name, "aborted");
  assert.equal(world.service.stable, "b2");
  await world.pass(2_000);
  assert.deepEqual(runningIn(world), ["b2"]);
});

test("a rollout that is given up while it is built stops its build and leaves nothing running", async () => {
  const world = new LoopWorld();
  await world.serve("a1");
  const seen: AbortSignal[] = [];
  world.changes.build = ({ signal }) => {
    seen.push(signal);
    return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  };
  world.restart();
  world.request("b2");
  await world.pass(300);
  assert.equal(seen.length, 1);
  world.tell({ kind: "abort-requested", reason: "wrong branch" });
  await world.pass(300);
  assert.ok(seen[0]?.aborted);
  assert.equal(world.rollout.phase.name, "aborted");
  assert.deepEqual(runningIn(world), ["a1"]);
});

test("the candidate of a superseded rollout is stopped, and the next one is the first release", async () => {
  const world = new LoopWorld();
  world.plane.acknowledge(false);
  const first = world.request("a1");
  await world.pass(1_000);
  assert.equal(world.rollout.phase.name, "promoting");
  world.tell({ kind: "superseded", by: "the next one" });
  const second = world.request("b2");
  world.plane.acknowledge(true);
  await world.pass(2_000);
  assert.equal(world.loop.journal.deployments.rollout(first)?.phase.name, "superseded");
  assert.equal(world.loop.journal.deployments.rollout(second)?.phase.name, "promoted");
  assert.deepEqual(runningIn(world), ["b2"]);
});

test("a control plane that is killed while it waits finds the rollout where it was", async () => {
  for (const phase of ["pending", "progressing", "promoting", "aborting"] as const) {
    const world = new LoopWorld();
    await world.serve("a1");
    world.request("b2");
    if (phase !== "pending") await world.pass(1_000);
    world.plane.acknowledge(false);
    if (phase === "promoting") world.tell({ kind: "promote-requested", isFull: true, skipsAnalysis: true });
    if (phase === "aborting") world.tell({ kind: "abort-requested", reason: "no" });
    assert.equal(world.rollout.phase.name, phase);
    world.restart();
    assert.equal(world.rollout.phase.name, phase);
    world.plane.acknowledge(true);
    await world.pass(1_000);
    const then = { pending: "progressing", progressing: "progressing", promoting: "promoted", aborting: "aborted" } as const;
    assert.equal(world.rollout.phase.name, then[phase]);
  }
});

test("a runtime that does not answer for a while changes nothing", async () => {
  const world = new LoopWorld();
  await world.serve("a1");
  const before = world.loop.journal.position;
  world.runtime.faults = { ...noFaults, lie: () => [] };
  await world.pass(200);
  world.runtime.faults = noFaults;
  await world.pass(300);
  assert.equal(world.plane.table?.services[0]?.stable.targets.length, 1);
  assert.ok(world.loop.journal.position - before <= 2);
});
