import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type EndedExchange, type ExchangeEnd, outcomeOf } from "./outcome.ts";

const good: EndedExchange = { waitingSinceMs: 100, headMs: 150, status: 200, isStream: false, end: "complete", endMs: 160 };
const deadlineMs = 1000;

test("answers below 500 that arrive whole and in time are ok", () => {
  for (const status of [200, 204, 304, 404, 429, 499]) assert.equal(outcomeOf({ ...good, status }, deadlineMs), "ok");
});

test("an answer of 500 and above has failed, also when the client left after it", () => {
  for (const end of ["complete", "aborted", "truncated"] as const)
    assert.equal(outcomeOf({ ...good, status: 503, end }, deadlineMs), "failed");
});

test("no answer, and a broken one, have failed", () => {
  for (const end of ["refused", "reset", "overdue"] as const) {
    assert.equal(outcomeOf({ ...good, headMs: null, status: null, end }, deadlineMs), "failed");
  }
  assert.equal(outcomeOf({ ...good, end: "truncated" }, deadlineMs), "failed");
});

test("a head later than the deadline has failed, one at the deadline has not", () => {
  assert.equal(outcomeOf({ ...good, headMs: 1101, endMs: 1102 }, deadlineMs), "failed");
  assert.equal(outcomeOf({ ...good, headMs: 1100, endMs: 5000 }, deadlineMs), "ok");
});

test("a client that goes away before the deadline is evidence for neither side, after it the failure had happened", () => {
  const left = { ...good, headMs: null, status: null, end: "aborted" as const };
  assert.equal(outcomeOf({ ...left, endMs: 500 }, deadlineMs), "excluded");
  assert.equal(outcomeOf({ ...left, endMs: 1101 }, deadlineMs), "failed");
  assert.equal(outcomeOf({ ...good, end: "aborted" }, deadlineMs), "excluded");
});

test("leaving a stream is its normal end; a stream that breaks has failed", () => {
  assert.equal(outcomeOf({ ...good, isStream: true, end: "aborted", endMs: 90_000 }, deadlineMs), "ok");
  assert.equal(outcomeOf({ ...good, isStream: true, end: "cut", endMs: 90_000 }, deadlineMs), "ok");
  assert.equal(outcomeOf({ ...good, isStream: true, end: "truncated", endMs: 90_000 }, deadlineMs), "failed");
});

test("property: once an exchange has failed by its status or its lateness, no end of it makes it anything else", () => {
  const ends: readonly ExchangeEnd[] = ["complete", "refused", "reset", "truncated", "overdue", "aborted", "cut"];
  fc.assert(
    fc.property(
      fc.constantFrom(...ends),
      fc.boolean(),
      fc.integer({ min: 500, max: 599 }),
      fc.boolean(),
      (end, isStream, status, isLate) => {
        const exchange = isLate ? { ...good, headMs: 2000, endMs: 2000 } : { ...good, status };
        assert.equal(outcomeOf({ ...exchange, isStream, end }, deadlineMs), "failed");
      },
    ),
  );
});
