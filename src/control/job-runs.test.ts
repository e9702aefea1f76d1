import assert from "node:assert/strict";
import { test } from "node:test";
import { BelayError } from "../errors.ts";
import type { BackgroundProcess } from "../rollout/background.ts";
import type { Fact } from "../rollout/entry.ts";
import { releaseNamed } from "../rollout/rollout.builder.ts";
import { LoopWorld } from "./control-loop.fixture.ts";

const job = (command = "quick", periodMs = 1_000): BackgroundProcess => ({
  kind: "job",
  name: "nightly",
  command,
  memoryBytesMax: null,
  schedule: { kind: "period", periodMs },
  timeoutMs: 5_000,
});

/** A world whose releases have this job; it starts at a whole second. `quick` runs 200 ms, `slow` 2.5 s, `endless` for ever. */
function worldOf(jobs: Readonly<Record<string, BackgroundProcess>>): LoopWorld {
  const runsMs: Readonly<Record<string, number | null>> = { quick: 200, slow: 2_500, endless: null };
  const world = new LoopWorld({
    taskBehaviourOf: ({ command }) => ({ runsMs: runsMs[String(command)] ?? null, code: command === "slow" ? 3 : 0 }),
  });
  for (const [id, process_] of Object.entries(jobs)) {
    const release = { ...releaseNamed(id), processes: [process_] };
    world.builds.set(release.commit, async () => release);
  }
  return world;
}

function factsOf<Kind extends Fact["kind"]>(world: LoopWorld, kind: Kind): readonly Extract<Fact, { kind: Kind }>[] {
  return world.disk.rows
    .map(({ text }) => JSON.parse(text).fact as Fact)
    .filter((fact): fact is Extract<Fact, { kind: Kind }> => fact.kind === kind);
}

function duesOf(world: LoopWorld): readonly string[] {
  return factsOf(world, "job-started").map(({ due }) => due);
}

function assertNoneTwice(world: LoopWorld): void {
  const dues = duesOf(world);
  assert.equal(new Set(dues).size, dues.length, dues.join(" "));
  assert.equal(world.runtime.tasks.starts.length, dues.length);
}

test("a job runs once at each of its times, and how it ended is known", async () => {
  const world = worldOf({ a1: job() });
  await world.serve("a1");
  await world.pass(5_000);
  const dues = duesOf(world);
  assert.deepEqual(dues.slice(0, 3), ["2026-01-01T00:00:01Z", "2026-01-01T00:00:02Z", "2026-01-01T00:00:03Z"]);
  assertNoneTwice(world);
  const book = world.service.jobs["nightly"];
  assert.deepEqual([book?.missed.count, book?.skipped.count], [0, 0]);
  assert.deepEqual([book?.last?.outcome, book?.last?.exitCode, book?.last?.how], ["ended", 0, "exit code 0"]);
  assert.equal(book?.last?.durationMs, 200);
  assert.deepEqual(world.runtime.tasks.starts[0]?.kind, "job");
});

test("while a run is going its times are skipped, and that is said", async () => {
  const world = worldOf({ a1: job("slow") });
  await world.serve("a1");
  await world.pass(4_500);
  const [skipped] = factsOf(world, "job-skipped");
  assert.deepEqual(skipped, {
    kind: "job-skipped",
    job: "nightly",
    first: "2026-01-01T00:00:02Z",
    due: "2026-01-01T00:00:03Z",
    count: 2,
  });
  assert.equal(factsOf(world, "job-ended")[0]?.exitCode, 3);
  assertNoneTwice(world);
});

test("a control plane that was killed goes on where the ledger is: no time twice, and what passed meanwhile is missed", async () => {
  const world = worldOf({ a1: job() });
  await world.serve("a1");
  await world.pass(2_100);
  world.clock.advance(3_400);
  world.restart();
  await world.pass(3_000);
  const [missed] = factsOf(world, "job-missed");
  assert.equal(missed?.count, 3);
  assertNoneTwice(world);
  assert.equal(world.service.jobs["nightly"]?.missed.count, 3);
});

// Goal: no due time is run twice, wherever the control plane is killed.
// Method: kill it after each single tick of a few seconds in turn.
test("killed after any tick, no time is run twice", async () => {
  for (let killAfterMs = 100; killAfterMs <= 2_500; killAfterMs += 100) {
    const world = worldOf({ a1: job() });
    await world.serve("a1");
    await world.pass(killAfterMs);
    world.restart();
    await world.pass(3_000);
    assertNoneTwice(world);
    assert.deepEqual(factsOf(world, "job-missed"), []);
  }
});

test("a run that was written down and never seen is unknown, and not repeated", async () => {
  const world = worldOf({ a1: job("quick", 60_000) });
  await world.serve("a1");
  world.runtime.tasks.before = (call) => {
    if (call === "start") throw new BelayError({ code: "BELAY_KEEPER_UNREACHABLE", message: "no keeper", next: "Wait." });
  };
  await world.pass(60_000);
  world.runtime.tasks.before = () => {};
  await world.pass(10_000);
  assert.deepEqual(
    factsOf(world, "job-ended").map(({ outcome, exitCode }) => [outcome, exitCode]),
    [["unknown", null]],
  );
  assert.equal(duesOf(world).length, 1);
  assert.deepEqual(world.runtime.tasks.starts, []);
});

test("a run that takes longer than its timeout is stopped", async () => {
  const world = worldOf({ a1: job("endless", 60_000) });
  await world.serve("a1");
  await world.pass(70_000);
  assert.deepEqual(await world.runtime.tasks.list(), []);
  assert.match(factsOf(world, "job-ended")[0]?.how ?? "", /longer than 5 s/);
});

test("after a promotion the next run is the new release's, and the one that is going ends undisturbed", async () => {
  const world = worldOf({ a1: job("slow"), b2: job("quick") });
  await world.serve("a1");
  await world.pass(1_500);
  world.request("b2");
  await world.pass(300);
  world.tell({ kind: "promote-requested", isFull: true, skipsAnalysis: true });
  await world.pass(6_000);
  const started = factsOf(world, "job-started").map(({ release }) => release);
  assert.deepEqual([started[0], new Set(started.slice(1))], ["a1", new Set(["b2"])]);
  assert.equal(factsOf(world, "job-ended")[0]?.how, "exit code 3");
  assertNoneTwice(world);
});

test("a clock that was set back runs nothing again", async () => {
  const world = worldOf({ a1: job() });
  await world.serve("a1");
  await world.pass(3_000);
  world.clock.stepWall(-2_000);
  await world.pass(4_000);
  assertNoneTwice(world);
});
