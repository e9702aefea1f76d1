import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { silentLog } from "../ports/log.ts";
import { ManualClock } from "../ports/manual-clock.ts";
import { isAlive, readProcess } from "../ports/processes.ts";
import { keeperPaths } from "./command.ts";
import type { ProcessSpec } from "./protocol.ts";
import { Supervisor } from "./supervisor.ts";

// Goal: what is replaced is stopped when its replacement has lived for a second, and not before.
// Method: real processes on a clock that the test moves: however long the machine takes, nothing is due before its time.

function openSupervisor(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "belay-supervisor-"));
  const paths = keeperPaths(folder);
  for (const part of [paths.run, paths.logs, paths.state]) mkdirSync(part, { recursive: true });
  const clock = new ManualClock();
  const supervisor = new Supervisor({ paths, listeners: [], openEnvironment: () => ({}), clock, log: silentLog });
  supervisor.open();
  /** A step of time, and what follows from it. */
  const step = async (durationMs: number) => {
    clock.advance(durationMs);
    await turn();
  };
  t.after(async () => {
    let isOver = false;
    const stopped = supervisor.stopAll().finally(() => {
      isOver = true;
    });
    while (!isOver) await step(20);
    await stopped;
    rmSync(folder, { recursive: true });
  });
  const running = () => {
    const pid = supervisor.list()[0]?.pid ?? 0;
    return { pid, startedAtTicks: readProcess(pid)?.startedAtTicks ?? 0 };
  };
  return { supervisor, step, running };
}

function sleeper(seconds: string): ProcessSpec {
  const rest = { cwd: "/", env: {}, sockets: [], keys: {}, memoryBytesMax: null, graceMs: 60_000 };
  return { name: "worker", argv: ["/bin/sleep", seconds], ...rest };
}

test("the process before is stopped when its replacement has lived for a second, and not before", async (t) => {
  const { supervisor, step, running } = openSupervisor(t);
  supervisor.run(sleeper("1000"));
  const before = running();
  supervisor.run(sleeper("2000"));
  const next = running();
  assert.notEqual(next.pid, before.pid);
  for (let livedMs = 50; livedMs < 1_000; livedMs += 50) await step(50);
  // Had it been told to end, its end would be seen before that of what is started later.
  await once(spawn("/bin/true"), "exit");
  assert.ok(isAlive(before.pid, before.startedAtTicks));
  await step(50);
  while (isAlive(before.pid, before.startedAtTicks)) await step(20);
  assert.ok(isAlive(next.pid, next.startedAtTicks));
  assert.deepEqual(running(), next);
});
