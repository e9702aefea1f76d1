import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { ManualClock } from "../ports/manual-clock.ts";
import { backgroundPauseMs } from "./backoff.ts";
import type { ProcessSpec } from "./protocol.ts";
import { SupervisedProcess } from "./supervised-process.ts";

// Goal: the times that a supervised process is started at, and those that are told of it.
// Method: processes that are only promises, under numbers that no process has, on a clock that the test moves.

/** Above the largest pid of Linux. */
const nobodysPid = 2 ** 22 + 1;

function supervise(changes: Partial<ProcessSpec>, finishOutput?: () => Promise<void>) {
  const clock = new ManualClock();
  const ends: ((how: string) => void)[] = [];
  const process_ = new SupervisedProcess({
    spec: { name: "one", argv: ["one"], cwd: "/", env: {}, sockets: [], keys: {}, memoryBytesMax: null, graceMs: 0, ...changes },
    past: { exits: 0, lastExit: "" },
    adopted: null,
    start: () => {
      const { promise, resolve } = Promise.withResolvers<string>();
      ends.push(resolve);
      const rest = finishOutput === undefined ? {} : { finishOutput };
      return { pid: nobodysPid, startedAtTicks: 0, ended: promise, ...rest };
    },
    clock,
    onChange: () => {},
    onExit: () => {},
  });
  const end = async (how: string) => {
    ends.at(-1)?.(how);
    await turn();
  };
  const pass = async (durationMs: number) => {
    clock.advance(durationMs);
    await turn();
  };
  return { end, pass, starts: () => ends.length, status: () => process_.status("") };
}

test("what is in the background is started again only after seconds, each time; anything else at once the first time", async () => {
  const behind = supervise({ isBackground: true });
  for (const times of [1, 2, 3]) {
    await behind.end("exit code 3");
    await behind.pass(backgroundPauseMs - 1);
    assert.deepEqual([behind.starts(), behind.status().exits, behind.status().state], [times, times, "waiting"]);
    await behind.pass(1);
    assert.deepEqual([behind.starts(), behind.status().state], [times + 1, "running"]);
  }
  const among = supervise({});
  await among.end("exit code 3");
  assert.deepEqual([among.starts(), among.status().state], [2, "running"]);
});

test("how long a command ran ends with it, and not with the last of its output, which is waited for", async () => {
  const { promise: hasRest, resolve: restIsWritten } = Promise.withResolvers<void>();
  const once = supervise({ isOnce: true }, () => hasRest);
  await once.pass(70);
  await once.end("exit code 0");
  await once.pass(9_000);
  assert.deepEqual([once.status().state, once.status().ranMs], ["running", 70]);
  restIsWritten();
  await turn();
  assert.deepEqual([once.status().state, once.status().ranMs, once.starts()], ["ended", 70, 1]);
});
