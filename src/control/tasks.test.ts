import assert from "node:assert/strict";
import { test } from "node:test";
import { BelayError } from "../errors.ts";
import { ann, releaseNamed } from "../rollout/rollout.builder.ts";
import type { ReleaseTask } from "../rollout/rollout.ts";
import type { TaskEnd } from "../runtimes/task-runner.ts";
import { LoopWorld } from "./control-loop.fixture.ts";

// Goal: a task runs once before its release, whoever is killed meanwhile, and its end decides what becomes of the rollout.

const migrate: ReleaseTask = { name: "migrate", command: "node migrate.js", timeoutMs: 5_000 };
const shop = { service: "shop", environment: "production" };
const lost: TaskEnd = { kind: "killed", how: "signal SIGKILL" };

/** A service whose stable release is `a1`, and a deploy of `b2`, which has tasks. */
async function openWith(
  options: { readonly runsMs?: number | null; readonly code?: number; readonly tasks?: readonly ReleaseTask[] } = {},
) {
  const { runsMs = 300, code = 0, tasks = [migrate] } = options;
  const behaviour = { runsMs, code };
  const world = new LoopWorld({ taskBehaviourOf: () => behaviour });
  await world.serve("a1");
  const deploy = (id: string) => {
    world.builds.set(releaseNamed(id).commit, async () => ({ ...releaseNamed(id), tasks }));
    return world.request(id);
  };
  deploy("b2");
  return { world, deploy, behaviour };
}

function started({ runtime }: LoopWorld): readonly string[] {
  return runtime.tasks.starts.map(({ id }) => id);
}

function kinds({ disk }: LoopWorld): readonly string[] {
  return disk.rows
    .map(({ text }) => JSON.parse(text).fact.kind)
    .filter((kind: string) => kind.startsWith("task-") || kind === "candidate-ready");
}

const firstRun = "shop.production.b2.task-migrate.1";

test("a task runs after the build and before the first instance, is recorded before and after, and is forgotten by the engine", async () => {
  const { world } = await openWith();
  await world.pass(200);
  assert.deepEqual(started(world), [firstRun]);
  assert.deepEqual(world.runtime.tasks.starts[0]?.command, "node migrate.js");
  assert.ok(world.runtime.instances().every(({ release }) => release === "a1"));
  await world.pass(1_000);
  assert.equal(world.rollout.phase.name, "progressing");
  assert.deepEqual(kinds(world).slice(-3), ["task-started", "task-ended", "candidate-ready"]);
  assert.equal((await world.commands.rollout(world.rollout.id)).lastLines, "", "what went well is not told of as a failure");
  assert.deepEqual(await world.runtime.tasks.list(), []);
});

test("tasks run one after the other, in their order", async () => {
  const { world } = await openWith({ tasks: [migrate, { ...migrate, name: "index" }] });
  await world.pass(400);
  assert.deepEqual(started(world), [firstRun]);
  await world.pass(1_000);
  assert.deepEqual(started(world), [firstRun, "shop.production.b2.task-index.2"]);
});

test("a task that fails refuses the rollout with its last lines; stable is not touched and no instance was started", async () => {
  const { world } = await openWith({ code: 1 });
  const before = world.runtime.instances();
  await world.pass(2_000);
  const view = await world.commands.rollout(world.rollout.id);
  assert.deepEqual([view.outcome, view.lastLines], ["refused", "the task's last lines"]);
  assert.match(view.reason, /migrate failed after 0 s: exit code 1/);
  assert.equal(world.service.stable, "a1");
  assert.deepEqual(world.runtime.instances(), before);
});

test("a task whose time is over is ended, and refuses the rollout", async () => {
  const { world } = await openWith({ runsMs: null });
  await world.pass(4_900);
  assert.equal(world.rollout.phase.name, "pending");
  await world.pass(1_000);
  const { phase } = await world.commands.rollout(world.rollout.id);
  assert.equal(phase.name === "refused" ? phase.code : phase.name, "BELAY_TASK_TIMED_OUT");
  assert.deepEqual(await world.runtime.tasks.list(), []);
});

test("a control plane that is killed before, in the middle of or after a task finds it, and nothing runs twice", async () => {
  for (let beforeMs = 0; beforeMs <= 1_000; beforeMs += 100) {
    const { world } = await openWith();
    await world.pass(beforeMs);
    world.restart();
    await world.pass(1_500);
    assert.deepEqual(started(world), [firstRun], `killed after ${beforeMs} ms`);
    assert.equal(world.rollout.phase.name, "progressing");
  }
});

test("what is recorded and was never started, because the control plane was killed between, is started by the next", async () => {
  const { world } = await openWith();
  const away = new BelayError({ code: "BELAY_KEEPER_UNREACHABLE", message: "away", next: "Wait." });
  world.runtime.tasks.before = (call) => {
    if (call === "start") throw away;
  };
  await world.pass(500);
  assert.deepEqual([kinds(world).at(-1), started(world)], ["task-started", []]);
  world.runtime.tasks.before = () => {};
  world.restart();
  await world.pass(1_500);
  assert.deepEqual(started(world), [firstRun]);
  assert.equal(world.rollout.phase.name, "progressing");
});

test("a task that is killed in the middle holds the rollout until a person says that it is done", async () => {
  const { world } = await openWith({ runsMs: null });
  await world.pass(500);
  world.runtime.tasks.kill(firstRun, lost);
  await world.pass(2_000);
  const view = await world.commands.rollout(world.rollout.id);
  assert.deepEqual([view.outcome, view.task, view.phase.name], ["held", { name: "migrate", state: "unknown" }, "pending"]);
  assert.match(view.reason, /signal SIGKILL/);
  assert.match(view.next, /--task-done.*--retry-task/);
  await assert.rejects(world.commands.resume(shop, ann), { code: "BELAY_TASK_INTERRUPTED" });
  world.restart();
  await world.pass(1_000);
  assert.equal(world.rollout.phase.name, "pending");
  await world.commands.resume({ ...shop, task: "done" }, ann);
  await world.pass(1_000);
  assert.equal(world.rollout.phase.name, "progressing");
  assert.deepEqual(started(world), [firstRun]);
  await assert.rejects(world.commands.resume({ ...shop, task: "done" }, ann), { code: "BELAY_TASK_NOT_INTERRUPTED" });
});

test("a person who says that it can run again gets one more attempt, under another id", async () => {
  const { world, behaviour } = await openWith({ runsMs: null });
  await world.pass(500);
  world.runtime.tasks.kill(firstRun, { kind: "unseen", how: "the machine was restarted" });
  await world.pass(500);
  behaviour.runsMs = 100;
  await world.commands.resume({ ...shop, task: "retry" }, ann);
  await world.pass(1_500);
  assert.deepEqual(started(world), [firstRun, "shop.production.b2.task-migrate.2"]);
  assert.equal(world.rollout.phase.name, "progressing");
});

test("a rollback runs no task, and neither does the next deploy of the same files", async () => {
  const { world, deploy } = await openWith();
  await world.pass(1_000);
  world.tell({ kind: "promote-requested", isFull: true, skipsAnalysis: true });
  await world.pass(500);
  await world.commands.rollback({ ...shop, target: null, reason: "" }, ann);
  await world.pass(1_500);
  assert.equal(world.service.stable, "a1");
  deploy("b2");
  await world.pass(1_500);
  assert.equal(world.rollout.phase.name, "progressing");
  assert.deepEqual(started(world), [firstRun]);
});

test("giving up a rollout lets its task end, and the next one waits for it", async () => {
  const { world, deploy } = await openWith({ runsMs: 3_000 });
  await world.pass(500);
  await world.commands.abort({ ...shop, reason: "" }, ann);
  await world.pass(200);
  assert.equal(world.rollout.phase.name, "aborted");
  deploy("c3");
  await world.pass(2_000);
  assert.deepEqual(started(world), [firstRun]);
  await world.pass(1_000);
  assert.deepEqual(started(world), [firstRun, "shop.production.c3.task-migrate.2"]);
  assert.equal(world.service.tasks.attempts[0]?.state, "succeeded");
  assert.ok(world.runtime.instances().every(({ release }) => release === "a1"));
});

test("a person's command runs once with the release that serves, is recorded with who and why, and its exit code is known", async () => {
  const { world } = await openWith({ code: 3 });
  const { run } = await world.commands.startRun(
    { ...shop, command: ["node", "report.js"], release: null, reason: "figures" },
    ann,
  );
  assert.equal(run, "shop.production.a1.run-once.1");
  assert.equal((await world.commands.run({ ...shop, run })).run.end, null);
  world.restart();
  await world.pass(1_000);
  assert.deepEqual(
    world.runtime.tasks.starts.filter(({ kind }) => kind === "run").map(({ release, command }) => [release.id, command]),
    [["a1", ["node", "report.js"]]],
  );
  const { end, by, reason } = (await world.commands.run({ ...shop, run })).run;
  assert.deepEqual([end?.exitCode, by, reason], [3, ann, "figures"]);
  await assert.rejects(world.commands.run({ ...shop, run: "another" }), { code: "BELAY_RUN_UNKNOWN" });
  const asked = { ...shop, command: ["ls"], release: "none", reason: "figures" };
  await assert.rejects(world.commands.startRun(asked, ann), { code: "BELAY_RUN_NO_RELEASE" });
});

test("a person's command can be ended, once", async () => {
  const { world } = await openWith({ runsMs: null });
  const { run } = await world.commands.startRun({ ...shop, command: ["sleep", "1000"], release: null, reason: "why" }, ann);
  await world.pass(500);
  await world.commands.stopRun({ ...shop, run }, ann);
  await world.commands.stopRun({ ...shop, run }, ann);
  await world.pass(500);
  assert.deepEqual(
    (await world.runtime.tasks.list()).map(({ id }) => id),
    [firstRun],
  );
  assert.equal((await world.commands.run({ ...shop, run })).run.end?.how, "stopped by ann");
});
