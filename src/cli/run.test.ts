import assert from "node:assert/strict";
import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { aRun } from "../api/fake-run.ts";
import { type Desk, openDesk } from "./cli.fixture.ts";

const ended = aRun({ end: { exitCode: 3, how: "exit code 3", ranMs: 1_200 } });

/** A desk at which a command runs, writes two lines, the last one without its end, and ends. */
async function openRun(t: Parameters<typeof openDesk>[0], end = ended): Promise<Desk> {
  const desk = await openDesk(t);
  desk.inside.runFile = join(desk.folder, "run.log");
  writeFileSync(desk.inside.runFile, "one\nha");
  desk.inside.runs = [aRun(), end];
  desk.onSleep = () => appendFileSync(desk.inside.runFile, "lf");
  return desk;
}

test("a command's words, reason and release are sent as they are, its output comes, and its exit code is passed on", async (t) => {
  const desk = await openRun(t);
  const result = await desk.run(
    "run",
    "shop",
    "--reason",
    "figures",
    "--release",
    "r-2b3c",
    "--",
    "node",
    "-e",
    "a; --json",
    "--",
  );
  assert.deepEqual(result, { code: 3, stdout: "one\nhalf\n", stderr: "" });
  const [{ method, request } = { method: "", request: null }] = desk.inside.asked;
  assert.equal(method, "startRun");
  assert.deepEqual(request, {
    service: "shop",
    environment: "production",
    command: ["node", "-e", "a; --json", "--"],
    release: "r-2b3c",
    reason: "figures",
  });
});

test("with --json the last document is the command and how it ended; its output goes to standard error", async (t) => {
  const desk = await openRun(t);
  const { code, stdout, stderr } = await desk.run("run", "shop", "--json", "--reason", "figures", "--", "ls");
  assert.deepEqual([code, JSON.parse(stdout).end.exitCode, stderr], [3, 3, "one\nhalf\n"]);
});

test("a command that did not end by itself is an error that says how it ended", async (t) => {
  const desk = await openRun(t, aRun({ end: { exitCode: null, how: "signal SIGKILL", ranMs: 5 } }));
  const { code, stderr } = await desk.run("run", "shop", "--reason", "figures", "--", "ls");
  assert.equal(code, 1);
  assert.match(stderr, /signal SIGKILL[\s\S]*BELAY_RUN_INTERRUPTED/);
});

test("without a command, or without a reason, nothing is asked for", async (t) => {
  const desk = await openDesk(t);
  assert.match((await desk.run("run", "shop", "--reason", "figures")).stderr, /BELAY_CLI_NO_COMMAND/);
  assert.match((await desk.run("run", "shop", "--reason", "figures", "--")).stderr, /BELAY_CLI_NO_COMMAND/);
  assert.match((await desk.run("run", "shop", "--reason", " ", "--", "ls")).stderr, /BELAY_CLI_NO_REASON/);
  assert.deepEqual(desk.inside.asked, []);
});

test("a command can be left alone, and ended later", async (t) => {
  const desk = await openDesk(t);
  const { run } = aRun();
  assert.match((await desk.run("run", "shop", "--reason", "figures", "--detach", "--", "ls")).stdout, /recorded as.*--stop/);
  assert.equal((await desk.run("run", "shop", "--stop", run)).code, 0);
  assert.deepEqual(
    desk.inside.asked.map(({ method }) => method),
    ["startRun", "stopRun"],
  );
});

test("Ctrl-C leaves the command running and says how to end it", async (t) => {
  const desk = await openRun(t, aRun());
  desk.onSleep = () => desk.interruption.abort();
  const { code, stdout } = await desk.run("run", "shop", "--reason", "figures", "--", "ls");
  assert.equal(code, 130);
  assert.match(stdout, /goes on.*--stop/);
});

test("resume says what became of an interrupted task, and refuses two answers", async (t) => {
  const desk = await openDesk(t);
  await desk.run("resume", "shop", "--task-done");
  await desk.run("resume", "shop", "--retry-task");
  await desk.run("resume", "shop");
  const of = { service: "shop", environment: "production" };
  assert.deepEqual(
    desk.inside.asked.map(({ request }) => request),
    [{ ...of, task: "done" }, { ...of, task: "retry" }, of],
  );
  assert.match((await desk.run("resume", "shop", "--task-done", "--retry-task")).stderr, /BELAY_CLI_DONE_OR_RETRY/);
});
