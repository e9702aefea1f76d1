import assert from "node:assert/strict";
import { test } from "node:test";
import type { RoutingTable } from "../routing/table.ts";
import { LoopWorld } from "./control-loop.fixture.ts";

/** What a direct rollback leaves on disk: the service's route moved, the exposure gone, and a note of it. */
function moveDirectly(world: LoopWorld, release: string): RoutingTable {
  const { table } = world.stored;
  const [route] = table?.services ?? [];
  assert.ok(table !== null && route !== undefined);
  const stable = route.stable.release === release ? route.stable : { release, targets: route.stable.targets };
  const direct = [
    { service: "shop", environment: "production", release, at: "2026-01-01T00:00:00Z", by: "ann", reason: "it burns" },
  ];
  const moved = { ...table, services: [{ ...route, stable, exposure: null, watch: null }], direct };
  world.stored.table = moved;
  return moved;
}

/** Every stable release of the tables that the next control plane publishes. */
function publishedBy(world: LoopWorld): readonly string[] {
  const seen: string[] = [];
  const publish = world.plane.publish.bind(world.plane);
  world.plane.publish = (table) => {
    seen.push(`${table.services[0]?.stable.release} ${table.services[0]?.exposure?.canary.release ?? "-"}`);
    publish(table);
  };
  return seen;
}

function directFacts(world: LoopWorld): number {
  return world.commands
    .history({ afterPosition: 0, limit: 1000 })
    .filter(({ entry }) => entry.fact.kind === "rolled-back-directly").length;
}

test("a rollback that was done directly is recorded before any table is published, and once", async () => {
  const world = new LoopWorld();
  await world.serve("a");
  await world.serve("b");
  assert.equal(world.service.stable, "b");
  const moved = moveDirectly(world, "a");
  const published = publishedBy(world);
  world.restart();
  await world.pass(1_000);
  assert.equal(world.service.stable, "a");
  assert.deepEqual(new Set(published), new Set(["a -"]), "no table of the old belief was ever published");
  assert.equal(world.rollout.kind, "rollback");
  assert.deepEqual(world.rollout.phase, { name: "promoted", by: "person", reason: "it burns" });
  assert.equal(world.rollout.requestedBy.via, "direct");
  assert.ok((world.plane.table?.epoch ?? 0) > moved.epoch, "what is published is newer than what the workers hold");
  assert.equal(world.stored.table?.direct, undefined);
  assert.equal(directFacts(world), 1);

  // Ended between the entries and the table: the note is found again.
  world.stored.table = moved;
  world.restart();
  await world.pass(1_000);
  assert.equal(directFacts(world), 1);
  assert.equal(world.service.stable, "a");
});

test("going back from a running rollout is recorded as its abort by the person", async () => {
  const world = new LoopWorld();
  await world.serve("a");
  world.request("b");
  await world.pass(1_000);
  assert.equal(world.rollout.phase.name, "progressing");
  moveDirectly(world, "a");
  const published = publishedBy(world);
  world.restart();
  await world.pass(1_000);
  assert.deepEqual(new Set(published), new Set(["a -"]));
  assert.equal(world.rollout.phase.name, "aborted");
  assert.equal(directFacts(world), 0);
});

test("a rollout that had begun is superseded by a direct rollback to another release", async () => {
  const world = new LoopWorld();
  await world.serve("a");
  await world.serve("b");
  const running = world.request("c");
  await world.pass(1_000);
  moveDirectly(world, "a");
  world.restart();
  await world.pass(1_000);
  assert.equal(world.service.stable, "a");
  assert.equal(world.loop.journal.deployments.rollout(running)?.phase.name, "superseded");
});
