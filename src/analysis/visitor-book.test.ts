import assert from "node:assert/strict";
import { test } from "node:test";
import type { UnitRecord } from "../routing/wire.ts";
import { record, unitOf } from "./traffic.fixture.ts";
import { type ScoredVisitor, VisitorBook } from "./visitor-book.ts";

const options = { scoreWindowMs: 3_000, responseDeadlineMs: 30_000 };

function openBook(unitsMax?: number): VisitorBook {
  const book = new VisitorBook(unitsMax === undefined ? options : { ...options, unitsMax });
  book.weightChanged({ weight: 500, exposureEpoch: 1, atMs: 0 });
  return book;
}

function scores(book: VisitorBook, nowMs: number, settledUntilMs = nowMs): ScoredVisitor[] {
  const scored: ScoredVisitor[] = [];
  book.score({ nowMs, settledUntilMs, onScore: (visitor) => scored.push(visitor) });
  return scored;
}

const exposed = (number: number, atMs: number, changes: Partial<UnitRecord> = {}) => {
  return record({ kind: "exposed", unit: unitOf(number), atMs, ...changes });
};
const failed = (number: number, atMs: number, changes: Partial<UnitRecord> = {}) => {
  return record({ kind: "failed", unit: unitOf(number), atMs, ...changes });
};

test("a visitor is bad if a request that started within its window failed, and good otherwise", () => {
  const book = openBook();
  book.exposed(exposed(1, 100));
  book.exposed(exposed(2, 100));
  book.failed(failed(1, 3_100));
  book.failed(failed(2, 3_101));
  assert.deepEqual(
    scores(book, 4_000).map(({ isBad }) => isBad),
    [true, false],
  );
});

test("nobody is scored before its window is over and all that started in it is settled", () => {
  const book = openBook();
  book.exposed(exposed(1, 100));
  assert.equal(scores(book, 3_000, 3_000).length, 0);
  assert.equal(scores(book, 9_000, 3_100).length, 0);
  assert.equal(book.watchedCount, 1);
  assert.equal(scores(book, 9_000, 3_101).length, 1);
  assert.equal(book.watchedCount, 0);
});

test("a worker that never settles holds nothing up for longer than the response deadline", () => {
  const book = openBook();
  book.exposed(exposed(1, 100));
  assert.equal(scores(book, 35_099, 0).length, 0);
  assert.equal(scores(book, 35_100, 0).length, 1);
});

test("an exposure that is reported long after it happened waits for its failures to arrive too", () => {
  const book = openBook();
  scores(book, 100_000, 100);
  book.exposed(exposed(1, 500));
  assert.equal(scores(book, 100_100, 500).length, 0);
  book.failed(failed(1, 600));
  assert.deepEqual(
    scores(book, 102_000, 500).map(({ isBad }) => isBad),
    [true],
  );
});

test("scores are given in the order of exposure, whichever outcome was known first", () => {
  const book = openBook();
  book.exposed(exposed(1, 100, { arm: "stable" }));
  book.exposed(exposed(3, 300));
  book.exposed(exposed(2, 200));
  book.failed(failed(3, 300));
  assert.deepEqual(scores(book, 3_250), [
    { arm: "stable", weight: 500, exposedAtMs: 100, isBad: false, isAnswered: false },
    { arm: "canary", weight: 500, exposedAtMs: 200, isBad: false, isAnswered: false },
  ]);
  assert.deepEqual(scores(book, 3_400), [{ arm: "canary", weight: 500, exposedAtMs: 300, isBad: true, isAnswered: true }]);
});

test("a visitor is scored once, however often and by however many workers it is reported", () => {
  const book = openBook();
  for (const atMs of [500, 100, 500, 900]) book.exposed(exposed(1, atMs));
  assert.equal(scores(book, 3_200).length, 1);
  for (const atMs of [100, 5_000]) book.exposed(exposed(1, atMs));
  assert.equal(scores(book, 60_000).length, 0);
  assert.deepEqual(book.visitors, { canary: 1, stable: 0 });
});

test("a visitor's first error counts once, on whichever side the second is", () => {
  const book = openBook();
  assert.equal(book.failed(failed(1, 100)), true);
  assert.equal(book.failed(failed(1, 100)), false);
  assert.equal(book.failed(failed(1, 900, { arm: "stable" })), false);
  assert.deepEqual(book.failedVisitors, { canary: 1, stable: 1 });
});

test("a visitor is served once a minute, and it is known whether it had failed before", () => {
  const book = openBook();
  const served = (atMs: number) => book.served(record({ kind: "served", unit: unitOf(1), atMs }));
  assert.deepEqual(
    [served(10), served(59_999), served(60_000), served(60_001)],
    [{ hasFailed: false }, null, { hasFailed: false }, null],
  );
  book.failed(failed(1, 61_000));
  assert.deepEqual(served(120_000), { hasFailed: true });
});

test("a change of weight drops the visitors of both sides whose window was not over", () => {
  const book = openBook();
  for (const arm of ["canary", "stable"] as const) {
    const first = arm === "canary" ? 1 : 2;
    book.exposed(exposed(first, 1_000, { arm }));
    book.exposed(exposed(first + 2, 1_001, { arm }));
  }
  assert.equal(book.weightChanged({ weight: 2_500, exposureEpoch: 7, atMs: 4_000 }), true);
  assert.equal(book.weightChanged({ weight: 2_500, exposureEpoch: 7, atMs: 9_000 }), false);
  // Its record arrives late: a worker that had not got the new table yet.
  book.exposed(exposed(5, 2_000));
  book.exposed(exposed(6, 4_100, { exposureEpoch: 7, weight: 2_500 }));
  assert.deepEqual(
    scores(book, 20_000).map(({ arm, weight }) => [arm, weight]),
    [
      ["canary", 500],
      ["stable", 500],
      ["canary", 2_500],
    ],
  );
});

test("a brake ends the windows of its epoch", () => {
  const book = openBook();
  book.exposed(exposed(1, 1_000));
  book.exposed(exposed(2, 1_001));
  assert.equal(book.weightChanged({ weight: 0, exposureEpoch: 1, atMs: 4_000 }), true);
  assert.equal(book.weightChanged({ weight: 0, exposureEpoch: 1, atMs: 5_000 }), false);
  book.exposed(exposed(3, 1_500));
  assert.equal(scores(book, 20_000).length, 1);
});

test("at weight 0 and at 10,000 nobody is scored", () => {
  const book = openBook();
  book.exposed(exposed(1, 100, { weight: 10_000 }));
  book.exposed(exposed(2, 100, { weight: 0, arm: "stable" }));
  assert.equal(scores(book, 60_000).length, 0);
  assert.equal(book.lastVisitorAtMs, 100);
});

test("a full book goes on with a sample of visitors and estimates their number", () => {
  const book = openBook(500);
  for (let number = 0; number < 4_000; number += 1) book.exposed(exposed(number, number));
  const scored = scores(book, 20_000).length;
  assert.ok(scored <= 500 && scored > 100, `${scored}`);
  assert.ok(Math.abs(book.visitors.canary - 4_000) < 800, `${book.visitors.canary}`);
});

test("a full list of failures never makes a failing visitor look good", () => {
  const book = openBook(100);
  for (let number = 0; number < 90; number += 1) book.exposed(exposed(number, number));
  for (let number = 0; number < 90; number += 1) book.failed(failed(number, number));
  for (let number = 1_000; number < 1_400; number += 1) book.failed(failed(number, 10));
  assert.ok(scores(book, 20_000).every(({ isBad }) => isBad));
});
