import assert from "node:assert/strict";
import { test } from "node:test";
import { desired } from "./desired.ts";
import type { Fact } from "./entry.ts";
import { acknowledged, plan, releaseNamed, Story } from "./rollout.builder.ts";
import type { ReleaseTask } from "./rollout.ts";
import { neededTask, openAttempt } from "./task.ts";

const migrate: ReleaseTask = { name: "migrate", command: "node migrate.js", timeoutMs: 60_000 };
const index: ReleaseTask = { name: "index", command: "node index.js", timeoutMs: 60_000 };

/** A service with a stable release, and a deploy of `b2` that is built and has two tasks. */
function built(id = "b2"): Story {
  return new Story()
    .withStable()
    .tell(requested(id), { kind: "release-built", release: { ...releaseNamed(id), tasks: [migrate, index] } });
}

function requested(id: string): Fact {
  const { commit } = releaseNamed(id);
  return { kind: "rollout-requested", rolloutKind: "deploy", commit, root: "", isDirty: false, plan, forecast: "" };
}

function started(run: string, task = "migrate", release = "b2"): Fact {
  return { kind: "task-started", run, task, release, digest: releaseNamed(release).digest };
}

function ended(run: string, end: "succeeded" | "failed" | "timed-out", task = "migrate", release = "b2"): Fact {
  return { kind: "task-ended", run, task, release, end, how: end === "succeeded" ? "exit code 0" : "exit code 1", ranMs: 2_000 };
}

const lost: Fact = { kind: "task-unknown", run: "1", task: "migrate", release: "b2", reason: "signal SIGKILL" };

test("a release's tasks are wanted one after the other, and no instance of it before all of them are done", () => {
  const story = built();
  assert.deepEqual(desired(story.service).task, { task: migrate, release: "b2" });
  assert.deepEqual(desired(story.service).running, ["a1"]);
  story.tell(started("1"), ended("1", "succeeded"));
  assert.deepEqual(desired(story.service).task, { task: index, release: "b2" });
  assert.deepEqual(desired(story.service).running, ["a1"]);
  story.tell(started("2", "index"), ended("2", "succeeded", "index"));
  assert.equal(desired(story.service).task, null);
  assert.deepEqual(desired(story.service).running, ["a1", "b2"]);
});

test("a task that failed or whose time was over refuses the rollout before any traffic, and says where to look", () => {
  for (const [end, code] of [
    ["failed", "BELAY_TASK_FAILED"],
    ["timed-out", "BELAY_TASK_TIMED_OUT"],
  ] as const) {
    const { phase } = built().tell(started("1"), ended("1", end)).rollout;
    assert.equal(phase.name, "refused");
    assert.ok(phase.name === "refused" && phase.code === code);
    assert.match(phase.next, /belay logs shop --task migrate/);
  }
});

test("a task that failed runs again with the next deploy of the same files; one that succeeded does not", () => {
  const story = built().tell(started("1"), ended("1", "succeeded"), started("2", "index"), ended("2", "failed", "index"));
  story.tell(requested("b2"), { kind: "release-built", release: { ...releaseNamed("b2"), tasks: [migrate, index] } });
  assert.deepEqual(neededTask(story.service), index);
});

test("another command on the same files is another task", () => {
  const story = built().tell(started("1"), ended("1", "succeeded"), started("2", "index"), ended("2", "succeeded", "index"));
  const changed = { ...migrate, command: "node migrate.js --again" };
  story.tell(requested("b2"), { kind: "release-built", release: { ...releaseNamed("b2"), tasks: [changed, index] } });
  assert.deepEqual(neededTask(story.service), changed);
});

test("a rollback wants no task, also when the files it goes back to have one that never ran", () => {
  const story = new Story().withStable().request("b2").tell({ kind: "candidate-ready" });
  story.tell({ kind: "promote-requested", isFull: true, skipsAnalysis: true }, acknowledged);
  const release = { ...releaseNamed("a1"), tasks: [migrate] };
  story.service = { ...story.service, releases: { ...story.service.releases, a1: release } };
  story.tell({ kind: "rollout-requested", rolloutKind: "rollback", target: "a1", plan, by: "person", reason: "" });
  assert.equal(desired(story.service).task, null);
  assert.deepEqual(desired(story.service).running, ["b2", "a1"]);
});

test("a release with the same files and another configuration wants no task, also when one of them never ran", () => {
  const story = new Story().withStable().tell({ ...requested("a1"), config: "0123456789ab", revisionOf: "a1" } as Fact);
  const release = { ...releaseNamed("a1"), id: "a1-012345", config: "0123456789ab", tasks: [migrate] };
  story.tell({ kind: "release-built", release });
  assert.equal(neededTask(story.service), null);
  assert.deepEqual([desired(story.service).task, desired(story.service).running], [null, ["a1", "a1-012345"]]);
});

test("an interrupted task is open until a person says what became of it: done is not run again, retry is", () => {
  const done = built().tell(started("1"), lost);
  assert.equal(openAttempt(done.service)?.state, "unknown");
  assert.equal(done.rollout.phase.name, "pending");
  done.tell({ kind: "task-resolved", run: "1", task: "migrate", as: "done" });
  assert.deepEqual([openAttempt(done.service), neededTask(done.service)], [null, index]);
  const retry = built().tell(started("1"), lost, { kind: "task-resolved", run: "1", task: "migrate", as: "retry" });
  assert.deepEqual([openAttempt(retry.service), neededTask(retry.service)], [null, migrate]);
});

test("giving up a rollout leaves its task open, starts no instance, and its end still counts", () => {
  const story = built().tell(started("1"), { kind: "abort-requested", reason: "" });
  assert.equal(story.rollout.phase.name, "aborting");
  assert.deepEqual([desired(story.service).running, desired(story.service).task], [["a1"], null]);
  story.tell(acknowledged);
  assert.equal(openAttempt(story.service)?.run, "1");
  story.tell(ended("1", "succeeded"));
  assert.equal(story.rollout.phase.name, "aborted");
  assert.equal(openAttempt(story.service), null);
  story.tell(requested("b2"), { kind: "release-built", release: { ...releaseNamed("b2"), tasks: [migrate] } });
  assert.equal(neededTask(story.service), null);
});

test("a fact about an attempt that is not open changes nothing", () => {
  const { service } = built().tell(started("1"), ended("1", "succeeded"));
  const story = built().tell(started("1"), ended("1", "succeeded"), lost, {
    kind: "task-resolved",
    run: "1",
    task: "migrate",
    as: "retry",
  });
  assert.deepEqual(story.service.tasks, service.tasks);
});

test("of the commands that people run once, all that run and the last twenty that ended are known", () => {
  const story = new Story().withStable();
  const begin = (run: string): Fact => ({ kind: "run-started", run, release: "a1", command: ["ls", "-l"], reason: "to look" });
  story.tell(begin("kept"));
  for (let run = 0; run < 30; run += 1)
    story.tell(begin(`${run}`), { kind: "run-ended", run: `${run}`, exitCode: run, how: `exit code ${run}`, ranMs: 5 });
  const { started: count, runs } = story.service.oneOffs;
  assert.equal(count, 31);
  assert.deepEqual(
    runs.map(({ run }) => run),
    ["kept", ...Array.from({ length: 20 }, (_, index_) => `${index_ + 10}`)],
  );
  assert.deepEqual(runs.at(-1)?.end, { exitCode: 29, how: "exit code 29", ranMs: 5 });
});
