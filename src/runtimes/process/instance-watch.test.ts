import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { ProbeAnswer } from "../../ports/http-probe.ts";
import { ManualClock } from "../../ports/manual-clock.ts";
import type { ListeningSocket } from "../../ports/processes.ts";
import type { InstanceRecord } from "./instance-record.ts";
import { InstanceWatch } from "./instance-watch.ts";

const loopback: ListeningSocket = { host: "127.0.0.1", port: 20_001, isLoopback: true };

/** A watch on an instance that answers what `answers.now` says, on a clock that the test moves. */
function openWatch(changes: Partial<InstanceRecord> = {}) {
  const clock = new ManualClock();
  const record: InstanceRecord = {
    id: "shop.production.r1.0",
    service: "shop",
    environment: "production",
    release: "r1",
    port: 20_001,
    health: "/up",
    startTimeoutMs: 10_000,
    wasReady: false,
    ...changes,
  };
  const world: { answer: ProbeAnswer; sockets: ListeningSocket[]; asked: number; firstReady: number } = {
    answer: { failure: "connection refused" },
    sockets: [loopback],
    asked: 0,
    firstReady: 0,
  };
  const watch = new InstanceWatch({
    record,
    past: { exits: 0, lastExit: "" },
    clock,
    probe: {
      health: async () => {
        world.asked += 1;
        return world.answer;
      },
      listening: () => world.sockets,
    },
    kept: async () => ({
      name: record.id,
      pid: 1,
      state: "running",
      exits: 0,
      lastExit: "",
      isEndUnseen: false,
      ranMs: 0,
      logFile: "",
      env: {},
    }),
    onFirstReady: () => {
      world.firstReady += 1;
    },
  });
  const pass = async (durationMs: number) => {
    for (let passedMs = 0; passedMs < durationMs; passedMs += 100) {
      clock.advance(100);
      await turn();
    }
  };
  return { watch, world, pass };
}

test("it is asked each 100 ms until it answers, then each 2 s", async () => {
  const { watch, world, pass } = openWatch();
  await pass(1_000);
  assert.ok(world.asked >= 9 && world.asked <= 11, `asked ${world.asked} times`);
  assert.deepEqual(watch.standing, { state: "starting", reason: "GET /up on port 20001: connection refused" });
  world.answer = { status: 204 };
  await pass(200);
  assert.deepEqual(watch.standing, { state: "ready", reason: "" });
  const before = world.asked;
  await pass(10_000);
  assert.ok(world.asked - before >= 4 && world.asked - before <= 5, `asked ${world.asked - before} times`);
  assert.equal(world.firstReady, 1);
  watch.close();
});

test("two failures in a row are forgiven, three are not, and one answer makes it ready again", async () => {
  const { watch, world, pass } = openWatch();
  world.answer = { status: 200 };
  await pass(200);
  world.answer = { status: 503 };
  await pass(4_000);
  world.answer = { status: 200 };
  await pass(2_000);
  assert.equal(watch.standing.state, "ready");
  world.answer = { status: 503 };
  await pass(5_500);
  assert.equal(watch.standing.state, "ready");
  await pass(1_000);
  assert.deepEqual(watch.standing, { state: "unready", reason: "GET /up on port 20001: answered 503, not 2xx" });
  world.answer = { status: 200 };
  await pass(200);
  assert.equal(watch.standing.state, "ready");
  watch.close();
});

test("its start timeout over, it has failed for good, but once it was ready it never fails for being slow", async () => {
  const never = openWatch();
  await never.pass(10_200);
  assert.equal(never.watch.standing.state, "failed");
  assert.match(never.watch.standing.reason, /not ready within 10 s: GET \/up .*connection refused/);
  never.world.answer = { status: 200 };
  await never.pass(1_000);
  assert.equal(never.watch.standing.state, "failed");
  const before = openWatch({ wasReady: true });
  await before.pass(60_000);
  assert.equal(before.watch.standing.state, "unready");
  before.watch.close();
});

test("three exits before it was ready are a failure, any number afterwards are not", async () => {
  const { watch, world, pass } = openWatch();
  await pass(100);
  watch.noteExits(2, "exit code 1");
  assert.equal(watch.standing.state, "starting");
  world.answer = { status: 200 };
  await pass(200);
  watch.noteExits(7, "exit code 1");
  assert.equal(watch.standing.state, "unready");
  const other = openWatch();
  other.watch.noteExits(3, "exit code 1");
  assert.deepEqual(other.watch.standing, {
    state: "failed",
    reason: "ended 3 times before it was ready, the last time with exit code 1",
  });
  watch.close();
});

test("an answer on its port from another program does not make it ready", async () => {
  const { watch, world, pass } = openWatch();
  world.answer = { status: 200 };
  world.sockets = [{ ...loopback, port: 9_999 }];
  await pass(200);
  assert.match(watch.standing.reason, /another program answers/);
  assert.equal(watch.standing.state, "starting");
  watch.close();
});

test("listening on every address is a failure in production and a warning in staging", async () => {
  const sockets = [{ host: "0.0.0.0", port: 20_001, isLoopback: false }];
  for (const [environment, state] of [
    ["production", "failed"],
    ["staging", "ready"],
  ] as const) {
    const { watch, world, pass } = openWatch({ environment });
    world.answer = { status: 200 };
    world.sockets = sockets;
    await pass(200);
    assert.equal(watch.standing.state, state);
    assert.match(watch.standing.reason, /0\.0\.0\.0:20001.*process\.env\.HOST/);
    watch.close();
  }
});

test("one that listens on another port than its own is told so when its time to start is over", async () => {
  const { watch, world, pass } = openWatch();
  world.sockets = [{ host: "::", port: 3_000, isLoopback: false }];
  await pass(10_500);
  assert.equal(watch.standing.state, "failed");
  assert.match(watch.standing.reason, /connection refused; it listens on \[::\]:3000 instead: .*PORT/);
  watch.close();
});
