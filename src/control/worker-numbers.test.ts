import assert from "node:assert/strict";
import { test } from "node:test";
import type { Tally } from "../routing/tallies.ts";
import { WorkerNumbers } from "./worker-numbers.ts";

const tally: Tally = {
  service: "shop",
  environment: "production",
  release: "r-1",
  arm: "stable",
  answers: [{ outcome: "ok", status: "2xx", isShielded: false, count: 3 }],
  heads: [],
  headsSumMs: 0,
  ejections: 0,
};

function report(boot: string, count: number, lostRecords = 0) {
  const answers = [{ outcome: "ok", status: "2xx", isShielded: false, count } as const];
  return { worker: "proxy-1", boot, tallies: [{ ...tally, answers }], newVisitors: [], lostRecords };
}

const process = (boot: string, isConnected = true) => ({ worker: "proxy-1", boot, isConnected });
const countsOf = (numbers: WorkerNumbers, boots: readonly ReturnType<typeof process>[]) =>
  numbers.of(boots).map(({ tallies }) => tallies[0]?.answers[0]?.count);

test("a worker's numbers are its newest report's, and one without changes takes nothing away", () => {
  const numbers = new WorkerNumbers();
  numbers.absorb(report("a", 3));
  numbers.absorb(report("a", 5));
  numbers.absorb({ worker: "proxy-1", boot: "a", tallies: [], newVisitors: [], lostRecords: 2 });
  assert.deepEqual(countsOf(numbers, [process("a")]), [5]);
  assert.equal(numbers.of([process("a")])[0]?.lostRecords, 2);
});

test("a report of a worker from before metrics is taken", () => {
  const numbers = new WorkerNumbers();
  numbers.absorb({ worker: "proxy-1", boot: "a", newVisitors: [], lostRecords: 0 });
  assert.deepEqual(numbers.of([process("a")]), [
    { worker: "proxy-1", tallies: [], shadows: [], paths: [], newVisitors: [], previewRefusals: [], lostRecords: 0 },
  ]);
});

test("while a worker is replaced there is one series of its name, and it does not fall back when the old one ends", () => {
  const numbers = new WorkerNumbers();
  numbers.absorb(report("old", 100));
  numbers.absorb(report("new", 1));
  numbers.absorb(report("old", 101));
  assert.deepEqual(countsOf(numbers, [process("old"), process("new")]), [1]);
  assert.deepEqual(countsOf(numbers, [process("new"), process("old", false)]), [1]);
  assert.deepEqual(countsOf(numbers, [process("new")]), [1]);
});

test("what workers that end again and again have counted is not kept for ever", () => {
  const numbers = new WorkerNumbers();
  for (let boot = 0; boot < 500; boot += 1) numbers.absorb(report(`b${boot}`, 1));
  assert.deepEqual(countsOf(numbers, [process("b1")]), []);
  assert.deepEqual(countsOf(numbers, [process("b499")]), [1]);
});
