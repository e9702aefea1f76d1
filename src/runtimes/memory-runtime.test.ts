import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "../ports/manual-clock.ts";
import type { Release } from "../rollout/rollout.ts";
import { type MemoryBehaviour, MemoryRuntime, noFaults, wellBehaved } from "./memory-runtime.ts";
import { testRuntimeContract } from "./runtime.contract.ts";

const behaviours: Record<string, MemoryBehaviour> = {
  good: wellBehaved,
  silent: { ...wellBehaved, readyAfterMs: null },
  crashing: { ...wellBehaved, crashes: true },
  exposed: { ...wellBehaved, isExposed: true },
};

function someRelease(commit: string, environment: string, count: number): Release {
  const run = { command: "x", instances: 1, health: "/up", startTimeoutMs: 2_000, drainTimeoutMs: 1_000, memoryBytesMax: null };
  const rest = { isDirty: false, digest: "d", fileCount: 1, bytes: 1, run, routes: [], expose: "previews" as const };
  return { id: `r-${count}`, service: "shop", environment, commit, ...rest };
}

function openMemory() {
  const clock = new ManualClock();
  const runtime = new MemoryRuntime({
    clock,
    behaviourOf: ({ commit }) => behaviours[commit] ?? wellBehaved,
    taskBehaviourOf: ({ command }) => (command === "exit 3" ? { runsMs: 100, code: 3 } : { runsMs: null, code: 0 }),
  });
  return { clock, runtime };
}

testRuntimeContract("memory", async () => {
  const { clock, runtime } = openMemory();
  let count = 0;
  return {
    runtime: () => runtime,
    release: async (behaviour, environment = "production") => {
      count += 1;
      return someRelease(behaviour, environment, count);
    },
    outlastStart: async (_, { run }) => clock.advance(run.startTimeoutMs),
    crash: async (id) => {
      runtime.crash(id);
      runtime.workers.crash(id);
      runtime.tasks.kill(id, { kind: "killed", how: "signal SIGKILL" });
    },
    reopen: async () => {},
    wait: async () => clock.advance(50),
    waitsMax: 200,
    close: async () => {},
  };
});

test("a call that never arrives has no effect, and one whose reply is lost has", async () => {
  const { runtime } = openMemory();
  const lost = new Error("lost");
  const fail = () => {
    throw lost;
  };
  runtime.faults = { ...noFaults, before: fail };
  await assert.rejects(runtime.start(someRelease("good", "production", 1), 1), lost);
  assert.equal(runtime.instances().length, 0);
  runtime.faults = { ...noFaults, after: fail };
  await assert.rejects(runtime.start(someRelease("good", "production", 1), 1), lost);
  assert.equal(runtime.instances().length, 1);
});

test("a runtime that lies changes what it says and not what is so", async () => {
  const { runtime } = openMemory();
  await runtime.start(someRelease("good", "production", 1), 1);
  runtime.faults = { ...noFaults, lie: () => [] };
  assert.deepEqual(await runtime.list(), []);
  assert.equal(runtime.instances().length, 1);
});

test("an instance that is told not to answer is unready, and ready again when it is left alone", async () => {
  const { clock, runtime } = openMemory();
  await runtime.start(someRelease("good", "production", 1), 1);
  clock.advance(500);
  const [instance] = await runtime.list();
  runtime.setAnswering(instance?.id ?? "", false);
  assert.equal((await runtime.list())[0]?.state, "unready");
  runtime.setAnswering(instance?.id ?? "", null);
  assert.equal((await runtime.list())[0]?.state, "ready");
});

test("a stop takes as long as the instance drains, at most the grace", async () => {
  const clock = new ManualClock();
  const runtime = new MemoryRuntime({ clock, behaviourOf: () => ({ ...wellBehaved, drainMs: 60_000 }) });
  await runtime.start(someRelease("good", "production", 1), 1);
  const [instance] = await runtime.list();
  const stopped = runtime.stop(instance?.id ?? "", 5_000);
  // The first turn is the call's way to its effect; only then the clock has something to ring.
  await Promise.resolve();
  clock.advance(4_999);
  assert.equal((await runtime.list())[0]?.reason, "is being stopped");
  clock.advance(1);
  await stopped;
  assert.deepEqual(await runtime.list(), []);
});
