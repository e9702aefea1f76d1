import assert from "node:assert/strict";
import { test } from "node:test";
import { ann } from "../rollout/rollout.builder.ts";
import { LoopWorld } from "./control-loop.fixture.ts";

// Goal: a window that closes in the middle of a rollout stops what would bring more visitors, and nothing else.
// Method: the clock of the fixture stands at midnight of 2026-01-01, a Thursday, UTC; releases get through their steps without evidence.

const plan = {
  onInconclusive: "continue",
  maxHoldMs: 2_000,
  bakeMs: 1_000,
  steps: [
    { weight: 500, minHoldMs: 1_000 },
    { weight: 2_500, minHoldMs: 1_000 },
  ],
} as const;

/** Open until so long after midnight. */
function openUntil(to: string) {
  return {
    windows: [],
    freezes: [{ name: "night", from: `2026-01-01T00:${to}Z`, to: "2026-01-01T00:01:00Z", reason: "people sleep" }],
  };
}

const request = { service: "shop", environment: "production" };

test("between two steps it waits at its weight, says why, and goes on when the window opens", async () => {
  const world = new LoopWorld();
  await world.serve("a1");
  const rollout = world.request("b2", { ...plan, calendar: openUntil("00:04") });
  await world.pass(20_000);
  assert.deepEqual(world.rollout.phase, { name: "progressing", step: 1 });
  const { verdict } = await world.commands.rollout(rollout);
  assert.match(
    verdict,
    /^no step further now: the freeze "night" holds .*: people sleep; the next is possible at 2026-01-01 00:01 \(UTC\)/,
  );
  await world.pass(55_000);
  assert.equal(world.service.stable, "b2");
});

test("while it is closed a person may not bring more visitors, and may pause and abort", async () => {
  const world = new LoopWorld();
  await world.serve("a1");
  world.request("b2", { ...plan, calendar: openUntil("00:04") });
  await world.pass(10_000);
  const promote = world.commands.promote({ ...request, isFull: false, skipsAnalysis: false }, ann);
  await assert.rejects(promote, {
    code: "BELAY_WINDOW_CLOSED",
    next: /at 2026-01-01 00:01 \(UTC\), or ask somebody else .* `belay abort shop` is always allowed/,
  });
  await world.commands.pause({ ...request, reason: "a look" }, ann);
  await assert.rejects(world.commands.resume(request, ann), { code: "BELAY_WINDOW_CLOSED" });
  await world.commands.abort({ ...request, reason: "enough" }, ann);
  await world.pass(1_000);
  assert.equal(world.rollout.phase.name, "aborted");
});

test("a release that is ready when it is closed meets nobody until it opens", async () => {
  const world = new LoopWorld();
  await world.serve("a1");
  world.request("b2", { ...plan, calendar: openUntil("00:00") });
  await world.pass(10_000);
  assert.equal(world.rollout.phase.name, "pending");
  await world.pass(60_000);
  assert.equal(world.service.stable, "b2");
});

test("a rollback asks no window", async () => {
  const world = new LoopWorld();
  await world.serve("a1");
  await world.serve("b2", { calendar: { windows: [{ days: [4], from: "00:00", to: "00:01", zone: "UTC" }], freezes: [] } });
  await world.pass(120_000);
  await world.commands.rollback({ ...request, target: null, reason: "it is bad" }, ann);
  await world.pass(1_000);
  assert.equal(world.service.stable, "a1");
});
