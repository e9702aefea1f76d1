import assert from "node:assert/strict";
import { test } from "node:test";
import type { WorkerProcess } from "../rollout/background.ts";
import type { InstanceId, Release } from "../rollout/rollout.ts";
import type { RunId } from "../rollout/task.ts";
import type { Instance, Runtime } from "./runtime.ts";
import type { TaskRun, TaskSpec } from "./task-runner.ts";
import type { WorkerRun } from "./worker-runner.ts";

/** What a release of the tests does: answers; never answers; ends at its start; answers, but listens on every address. */
export type TestBehaviour = "good" | "silent" | "crashing" | "exposed";

/** One runtime under test, and what a test needs around it. */
export interface RuntimeHarness {
  readonly runtime: () => Runtime;
  /** A release that lies ready to be started. */
  release(behaviour: TestBehaviour, environment?: string): Promise<Release>;
  /** Lets the start timeout of an instance of the release pass, once it has said what it says. */
  outlastStart(id: InstanceId, release: Release): Promise<void>;
  /** Ends the process of an instance, a task or a worker as a crash does. */
  crash(id: InstanceId | RunId): Promise<void>;
  /** The control plane starts anew: `runtime()` is another object over the same engine. */
  reopen(): Promise<void>;
  /** Lets time pass, a little at a time. */
  wait(): Promise<void>;
  /** How often `until` may wait before it gives up. */
  readonly waitsMax: number;
  close(): Promise<void>;
}

/** Every runtime passes these tests, and so does the fake in the simulator: that is what makes it worth trusting. */
export function testRuntimeContract(name: string, open: () => Promise<RuntimeHarness>): void {
  const check = (sentence: string, body: (harness: RuntimeHarness) => Promise<void>) => {
    test(`${name} runtime: ${sentence}`, async () => {
      const harness = await open();
      try {
        await body(harness);
      } finally {
        await harness.close();
      }
    });
  };

  check("instances that were asked for become ready, each with an id and a port of its own", async (harness) => {
    const release = await harness.release("good");
    await harness.runtime().start(release, 2);
    const instances = await until(harness, "both are ready", (all) => all.length === 2 && all.every(isReady));
    assert.equal(new Set(instances.map(({ id }) => id)).size, 2);
    assert.equal(new Set(instances.map(({ port }) => port)).size, 2);
    for (const { service, environment, release: id, host, reason, exits } of instances) {
      assert.deepEqual(
        { service, environment, id, host, reason, exits },
        { service: release.service, environment: release.environment, id: release.id, host: "127.0.0.1", reason: "", exits: 0 },
      );
    }
  });

  check("start adds what is missing and touches nothing else", async (harness) => {
    const release = await harness.release("good");
    await harness.runtime().start(release, 1);
    const [first] = await until(harness, "it is ready", (all) => all.length === 1 && all.every(isReady));
    await harness.runtime().start(release, 1);
    await harness.runtime().start(release, 2);
    await harness.runtime().start(release, 1);
    const both = await until(harness, "both are ready", (all) => all.length === 2 && all.every(isReady));
    assert.deepEqual(
      both.find(({ id }) => id === first?.id),
      first,
    );
  });

  check("a stopped instance is gone, and stopping it again or stopping what never was is no error", async (harness) => {
    const release = await harness.release("good");
    await harness.runtime().start(release, 2);
    const [first, second] = await until(harness, "both are ready", (all) => all.length === 2 && all.every(isReady));
    await harness.runtime().stop(first?.id ?? "", 1_000);
    await harness.runtime().stop(first?.id ?? "", 1_000);
    await harness.runtime().stop("never.was.here.0", 1_000);
    assert.deepEqual(
      (await harness.runtime().list()).map(({ id }) => id),
      [second?.id],
    );
  });

  check(
    "an instance that crashes is counted, comes back under its id and on its port, and says how it ended",
    async (harness) => {
      const release = await harness.release("good");
      await harness.runtime().start(release, 1);
      const [before] = await until(harness, "it is ready", (all) => all.every(isReady) && all.length === 1);
      await harness.crash(before?.id ?? "");
      const [after] = await until(harness, "it is ready again", ([one]) => one?.exits === 1 && isReady(one));
      assert.deepEqual({ ...after, exits: 0, reason: "" }, before);
      assert.match(after?.reason ?? "", /ended last with/);
    },
  );

  check("an instance that never answers is starting, then failed, with its last lines", async (harness) => {
    const release = await harness.release("silent");
    await harness.runtime().start(release, 1);
    const [starting] = await harness.runtime().list();
    assert.equal(starting?.state, "starting");
    await harness.outlastStart(starting.id, release);
    const [failed] = await until(harness, "it has failed", ([one]) => one?.state === "failed");
    assert.match(failed?.reason ?? "", /within \d+ s[\s\S]*last lines/);
  });

  check(
    "an instance that ends at each start has failed before its start timeout is over, with its last lines",
    async (harness) => {
      const release = await harness.release("crashing");
      await harness.runtime().start(release, 1);
      const [failed] = await until(harness, "it has failed", ([one]) => one?.state === "failed");
      assert.ok((failed?.exits ?? 0) >= 3);
      assert.match(failed?.reason ?? "", /ended \d times[\s\S]*last lines/);
    },
  );

  check(
    "an instance that listens on every address has failed in production, with the fix; elsewhere it is a warning",
    async (harness) => {
      const production = await harness.release("exposed", "production");
      const staging = await harness.release("exposed", "staging");
      await harness.runtime().start(production, 1);
      await harness.runtime().start(staging, 1);
      const settled = await until(
        harness,
        "both are judged",
        (all) => all.length === 2 && all.every(({ state }) => state !== "starting"),
      );
      assert.deepEqual(settled.map(({ environment, state }) => [environment, state]).toSorted(), [
        ["production", "failed"],
        ["staging", "ready"],
      ]);
      for (const { reason } of settled) assert.match(reason, /0\.0\.0\.0[\s\S]*process\.env\.HOST/);
    },
  );

  check("after the control plane started anew, everything is found as it was, at the first look", async (harness) => {
    const release = await harness.release("good");
    await harness.runtime().start(release, 2);
    const before = await until(harness, "both are ready", (all) => all.length === 2 && all.every(isReady));
    await harness.reopen();
    assert.deepEqual(await harness.runtime().list(), before);
    await harness.runtime().start(release, 2);
    assert.deepEqual(await harness.runtime().list(), before);
  });

  check("releases and environments are kept apart", async (harness) => {
    const first = await harness.release("good");
    const second = await harness.release("good");
    await harness.runtime().start(first, 1);
    await harness.runtime().start(second, 1);
    const both = await until(harness, "both are ready", (all) => all.length === 2 && all.every(isReady));
    await harness.runtime().stop(both.find(({ release }) => release === first.id)?.id ?? "", 1_000);
    assert.deepEqual(
      (await harness.runtime().list()).map(({ release }) => release),
      [second.id],
    );
  });

  check("a task runs once, however often it is asked for, and how it ended is known until it is forgotten", async (harness) => {
    const task = await taskOf(harness, "exit 3");
    await harness.runtime().tasks.start(task);
    await harness.runtime().tasks.start(task);
    const [ended] = await untilTasks(harness, "it has ended", ([one]) => one !== undefined && one.end !== null);
    assert.deepEqual(ended?.end, { kind: "exited", code: 3 });
    await harness.reopen();
    await harness.runtime().tasks.start(task);
    assert.deepEqual(await harness.runtime().tasks.list(), [ended]);
    assert.deepEqual(await harness.runtime().list(), [], "a task is no instance");
    await harness.runtime().tasks.forget(task.id, 1_000);
    await harness.runtime().tasks.forget(task.id, 1_000);
    assert.deepEqual(await harness.runtime().tasks.list(), []);
  });

  check("a running task is found by the next control plane; forgetting it ends it", async (harness) => {
    const task = await taskOf(harness, "sleep 1000");
    await harness.runtime().tasks.start(task);
    await harness.reopen();
    const [running] = await harness.runtime().tasks.list();
    const { service, environment, id: release } = task.release;
    assert.deepEqual(
      { ...running, ranMs: 0 },
      { id: task.id, kind: "task", name: "migrate", service, environment, release, end: null, ranMs: 0, lastLines: "" },
    );
    await harness.runtime().tasks.forget(task.id, 1_000);
    assert.deepEqual(await harness.runtime().tasks.list(), []);
  });

  check("a task that is killed is known as killed, and not started again", async (harness) => {
    const task = await taskOf(harness, "sleep 1000");
    await harness.runtime().tasks.start(task);
    await harness.crash(task.id);
    const [killed] = await untilTasks(harness, "its end is known", ([one]) => one !== undefined && one.end !== null);
    assert.deepEqual(killed?.end, { kind: "killed", how: "signal SIGKILL" });
  });

  check("a worker runs until it is stopped, is no instance, and is found by the next control plane", async (harness) => {
    const release = await harness.release("good");
    await harness.runtime().workers.start(release, sleeper);
    await harness.runtime().workers.start(release, sleeper);
    await harness.reopen();
    await harness.runtime().workers.start(release, sleeper);
    const [one, ...others] = await untilWorkers(harness, "it runs", ([first]) => first?.state === "running");
    const { service, environment, id } = release;
    const rest = { name: "worker", state: "running", exits: 0, reason: "" };
    assert.deepEqual({ ...one, ranMs: 0 }, { id: one?.id, service, environment, release: id, ranMs: 0, ...rest });
    assert.deepEqual(others, []);
    assert.deepEqual(await harness.runtime().list(), [], "a worker is no instance");
    assert.deepEqual(await harness.runtime().tasks.list(), [], "a worker is no task");
    await harness.runtime().workers.stop(release, "worker", 1_000);
    await harness.runtime().workers.stop(release, "worker", 1_000);
    await harness.runtime().workers.stop(release, "never-was", 1_000);
    assert.deepEqual(await harness.runtime().workers.list(), []);
  });

  check("a worker that crashes is counted, is started again, and says how it ended", async (harness) => {
    const release = await harness.release("good");
    await harness.runtime().workers.start(release, sleeper);
    const [before] = await untilWorkers(harness, "it runs", ([first]) => first?.state === "running");
    await harness.crash(before?.id ?? "");
    const isBack = (all: readonly WorkerRun[]) => all[0]?.exits === 1 && all[0].state === "running";
    const [after] = await untilWorkers(harness, "it runs again", isBack);
    assert.equal(after?.id, before?.id);
    assert.match(after?.reason ?? "", /ended last with signal SIGKILL/);
    await harness.runtime().workers.stop(release, "worker", 1_000);
  });
}

const sleeper: WorkerProcess = {
  kind: "worker",
  name: "worker",
  command: "sleep 1000",
  memoryBytesMax: null,
  aliveAfterMs: 10_000,
};

async function untilWorkers(
  harness: RuntimeHarness,
  what: string,
  isSo: (all: readonly WorkerRun[]) => boolean,
): Promise<readonly WorkerRun[]> {
  let all = await harness.runtime().workers.list();
  for (let waits = 0; !isSo(all); waits += 1) {
    if (waits >= harness.waitsMax) assert.fail(`it never came true that ${what}: ${JSON.stringify(all)}`);
    await harness.wait();
    all = await harness.runtime().workers.list();
  }
  return all;
}

async function taskOf(harness: RuntimeHarness, command: string): Promise<TaskSpec> {
  const release = await harness.release("good");
  return { id: `shop.production.${release.id}.task-migrate.1`, kind: "task", name: "migrate", release, command };
}

async function untilTasks(
  harness: RuntimeHarness,
  what: string,
  isSo: (all: readonly TaskRun[]) => boolean,
): Promise<readonly TaskRun[]> {
  let all = await harness.runtime().tasks.list();
  for (let waits = 0; !isSo(all); waits += 1) {
    if (waits >= harness.waitsMax) assert.fail(`it never came true that ${what}: ${JSON.stringify(all)}`);
    await harness.wait();
    all = await harness.runtime().tasks.list();
  }
  return all;
}

function isReady({ state }: Instance): boolean {
  return state === "ready";
}

async function until(
  harness: RuntimeHarness,
  what: string,
  isSo: (all: readonly Instance[]) => boolean,
): Promise<readonly Instance[]> {
  let all = await harness.runtime().list();
  for (let waits = 0; !isSo(all); waits += 1) {
    if (waits >= harness.waitsMax) assert.fail(`it never came true that ${what}: ${JSON.stringify(all)}`);
    await harness.wait();
    all = await harness.runtime().list();
  }
  return all;
}
