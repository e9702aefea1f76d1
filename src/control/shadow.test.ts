import assert from "node:assert/strict";
import { test } from "node:test";
import { releaseNamed } from "../rollout/rollout.builder.ts";
import type { Plan } from "../rollout/rollout.ts";
import type { FieldCount, ShadowTally } from "../routing/shadow-tallies.ts";
import { LoopWorld } from "./control-loop.fixture.ts";
import { viewRollout } from "./views.ts";

const copied = [{ host: "shop.example.com", path: "/", effects: "none" }] as const;
const steps: Plan["steps"] = [
  { weight: 0, minHoldMs: 1_000, shadow: 2_000 },
  { weight: 500, minHoldMs: 3_600_000 },
];

/** A shop whose release b2 is in the step of its shadow. */
async function copying({
  routes = copied as readonly (typeof copied)[number][] | [],
  own = {} as Partial<Plan>,
} = {}): Promise<LoopWorld> {
  const world = new LoopWorld();
  for (const id of ["a1", "b2"]) {
    const release = releaseNamed(id);
    world.builds.set(release.commit, async () => ({ ...release, routes: routes.length === 0 ? release.routes : routes }));
  }
  await world.serve("a1");
  world.request("b2", { steps, ...own });
  await world.pass(2_500);
  return world;
}

let sequence = 0;

function tell(
  world: LoopWorld,
  counts: { readonly compared: number; readonly pairs: number; readonly fields?: readonly FieldCount[] },
): void {
  sequence += 1;
  const { compared, pairs, fields = [] } = counts;
  const shadow: ShadowTally = {
    service: "shop",
    environment: "production",
    rollout: world.rollout.id,
    release: "b2",
    mirrored: compared + 1,
    differing: fields.reduce((sum, field) => sum + field.shadow, 0),
    dropped: { full: 1, slow: 2, rate: 0, large: 0, stable: 0 },
    routes: [{ route: "shop.example.com/", compared, pairs, fields }],
    untold: 0,
  };
  world.plane.report({
    worker: "proxy-1",
    boot: "x",
    sequence,
    counters: [],
    records: [],
    lostRecords: 0,
    newVisitors: [],
    shadows: [shadow],
  });
}

const price: FieldCount = { field: "body.price", how: "value", shadow: 60, stable: 0, example: "number of 3 digits → text of 3" };

/** Releases that have instances, without what is on its way out. */
async function running(world: LoopWorld): Promise<readonly string[]> {
  return (await world.runtime.list()).map(({ release }) => release).toSorted();
}

test("a shadow is an instance of its own: it gets the copies and nothing else, and goes with its step", async () => {
  const world = await copying();
  assert.deepEqual(await running(world), ["a1", "b2", "b2-shadow"]);
  const [route] = world.plane.table?.services ?? [];
  assert.equal(route?.shadow?.pool.targets.length, 1);
  assert.deepEqual([route?.shadow?.release, route?.shadow?.share, route?.exposure?.weight], ["b2", 2_000, 0]);
  assert.deepEqual([route?.stable.release, route?.exposure?.canary.release], ["a1", "b2"]);
  assert.deepEqual(route?.routes, copied);
  tell(world, { compared: 100, pairs: 25 });
  await world.pass(1_000);
  assert.deepEqual(world.rollout.phase, { name: "progressing", step: 1 });
  assert.equal(world.rollout.earnedBy, "verdict");
  assert.equal(world.plane.table?.services[0]?.shadow, undefined);
  assert.deepEqual(await running(world), ["a1", "b2"]);
});

test("what differs holds the rollout once, with the field by name, and a person lets it go on", async () => {
  const world = await copying();
  tell(world, { compared: 60, pairs: 15, fields: [price] });
  assert.equal(world.rollout.phase.name, "held");
  assert.match(
    world.rollout.phase.name === "held" ? world.rollout.phase.reason : "",
    /body\.price on shop\.example\.com\/ .* in 60 of 60/,
  );
  assert.deepEqual(world.rollout.alarms, ["shadow"]);
  const { shadow } = world.rollout.evidence ?? {};
  assert.deepEqual([shadow?.compared, shadow?.fieldCount, shadow?.dropped, shadow?.fields[0]?.field], [60, 1, 3, "body.price"]);
  world.tell({ kind: "promote-requested", isFull: false, skipsAnalysis: false });
  await world.pass(500);
  assert.deepEqual(world.rollout.phase, { name: "progressing", step: 1 });
});

test("with onFail it takes the release back, or is put on record only", async () => {
  const strict = await copying({ own: { onFail: { shadow: "rollback" } } });
  tell(strict, { compared: 60, pairs: 15, fields: [price] });
  await strict.pass(500);
  assert.deepEqual([strict.rollout.phase.name, await running(strict)], ["aborted", ["a1"]]);
  const lenient = await copying({ own: { onFail: { shadow: "notify" } } });
  tell(lenient, { compared: 120, pairs: 30, fields: [price] });
  await lenient.pass(500);
  assert.deepEqual([lenient.rollout.phase, lenient.rollout.alarms], [{ name: "progressing", step: 1 }, ["shadow"]]);
});

test("where nothing can be compared the step ends at once, and says why", async () => {
  const world = await copying({ routes: [] });
  assert.equal(world.rollout.phase.name, "held");
  assert.match(world.rollout.phase.name === "held" ? world.rollout.phase.reason : "", /no route is declared free of effects/);
});

test("a person is asked at once, however long the step is to be held, and a plan that goes on keeps its hold and says why", async () => {
  const long = [{ weight: 0, minHoldMs: 60_000, shadow: 2_000 }, ...steps.slice(1)];
  const held = await copying({ routes: [], own: { steps: long, onInconclusive: "hold" } });
  assert.equal(held.rollout.phase.name, "held");
  const going = await copying({ routes: [], own: { steps: long, onInconclusive: "continue" } });
  assert.deepEqual(going.rollout.phase, { name: "progressing", step: 0 });
  assert.match(viewRollout(going.rollout, going.loop, going.clock).verdict, /^no route is declared free of effects by stable/);
  await going.pass(60_000);
  assert.deepEqual(going.rollout.phase, { name: "progressing", step: 1 });
});

test("too few copies are waited for until the longest hold", async () => {
  const world = await copying({ own: { maxHoldMs: 5_000, onInconclusive: "continue" } });
  tell(world, { compared: 30, pairs: 8 });
  await world.pass(1_000);
  assert.deepEqual(world.rollout.phase, { name: "progressing", step: 0 });
  await world.pass(4_000);
  assert.deepEqual(world.rollout.phase, { name: "progressing", step: 1 });
  assert.equal(world.rollout.earnedBy, "plan");
});

test("what was compared outlives the control plane, and a report that comes twice counts once", async () => {
  const world = await copying();
  tell(world, { compared: 60, pairs: 15 });
  await world.pass(1_500);
  world.restart();
  await world.pass(200);
  tell(world, { compared: 99, pairs: 25 });
  tell(world, { compared: 99, pairs: 25 });
  await world.pass(1_000);
  assert.deepEqual(world.rollout.phase, { name: "progressing", step: 0 });
  assert.equal(world.loop.evidence.traffic.rollout(world.rollout.id).shadow?.routes[0]?.compared, 99);
});

test("a pause ends the copies and their instance, and going on begins them anew", async () => {
  const world = await copying();
  world.tell({ kind: "pause-requested", reason: "lunch" });
  await world.pass(1_000);
  assert.deepEqual(await running(world), ["a1", "b2"]);
  assert.equal(world.plane.table?.services[0]?.shadow, undefined);
  world.tell({ kind: "resume-requested" });
  await world.pass(1_000);
  assert.deepEqual(await running(world), ["a1", "b2", "b2-shadow"]);
});
