import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { dueBetween, lastDue, nextDue, type Schedule } from "./schedule.ts";

const at = (text: string): Temporal.Instant => Temporal.Instant.from(text);
const daily = (time: string, zone = "UTC", weekday: number | null = null): Schedule => {
  const [hour = 0, minute = 0] = time.split(":").map(Number);
  return { kind: "time", hour, minute, weekday, zone };
};

function duesIn(schedule: Schedule, from: string, until: string): readonly string[] {
  const dues: string[] = [];
  for (let due = nextDue(schedule, at(from)); Temporal.Instant.compare(due, at(until)) <= 0; due = nextDue(schedule, due))
    dues.push(due.toString());
  return dues;
}

test("a period is due at its whole multiples, whoever asks and when", () => {
  const schedule: Schedule = { kind: "period", periodMs: 600_000 };
  assert.deepEqual(duesIn(schedule, "2026-11-21T12:09:59.999Z", "2026-11-21T12:30:00Z"), [
    "2026-11-21T12:10:00Z",
    "2026-11-21T12:20:00Z",
    "2026-11-21T12:30:00Z",
  ]);
});

test("a time of day is due once a day in its zone, and on one day of the week when it names one", () => {
  assert.deepEqual(duesIn(daily("03:00", "Asia/Kolkata"), "2026-11-20T00:00:00Z", "2026-11-22T00:00:00Z"), [
    "2026-11-20T21:30:00Z",
    "2026-11-21T21:30:00Z",
  ]);
  assert.deepEqual(duesIn(daily("09:00", "UTC", 1), "2026-11-20T00:00:00Z", "2026-12-01T00:00:00Z"), [
    "2026-11-23T09:00:00Z",
    "2026-11-30T09:00:00Z",
  ]);
});

test("a time in a gap is due once, when the gap ends", () => {
  // 02:00 to 03:00 does not exist on this day.
  assert.deepEqual(duesIn(daily("02:30", "Europe/Paris"), "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z"), [
    "2026-03-29T01:00:00Z",
    "2026-03-30T00:30:00Z",
  ]);
  // Samoa left out the 30th of December 2011 altogether; both days' runs fall where they can.
  assert.deepEqual(duesIn(daily("03:00", "Pacific/Apia"), "2011-12-29T12:00:00Z", "2011-12-31T12:00:00Z"), [
    "2011-12-29T13:00:00Z",
    "2011-12-30T10:00:00Z",
    "2011-12-30T13:00:00Z",
  ]);
});

test("a time in a fold is due the first time alone", () => {
  assert.deepEqual(duesIn(daily("02:30", "Europe/Paris"), "2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z"), [
    "2026-10-25T00:30:00Z",
    "2026-10-26T01:30:00Z",
  ]);
});

const anySchedule: fc.Arbitrary<Schedule> = fc.oneof(
  fc.record({ kind: fc.constant("period" as const), periodMs: fc.integer({ min: 1_000, max: 86_400_000 }) }),
  fc.record({
    kind: fc.constant("time" as const),
    hour: fc.integer({ min: 0, max: 23 }),
    minute: fc.integer({ min: 0, max: 59 }),
    weekday: fc.option(fc.integer({ min: 1, max: 7 })),
    zone: fc.constantFrom("UTC", "Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "America/Sao_Paulo"),
  }),
);
const anyInstant = fc
  .integer({ min: Date.UTC(2005, 0), max: Date.UTC(2035, 0) })
  .map((ms) => Temporal.Instant.fromEpochMilliseconds(ms));

test("property: the next due time lies ahead, is the last one at itself, and nothing lies between", () => {
  fc.assert(
    fc.property(anySchedule, anyInstant, (schedule, after) => {
      const next = nextDue(schedule, after);
      assert.equal(Temporal.Instant.compare(next, after), 1);
      assert.equal(lastDue(schedule, next).toString(), next.toString());
      const justBefore = next.subtract({ milliseconds: 1 });
      assert.ok(Temporal.Instant.compare(lastDue(schedule, justBefore), after) <= 0);
      assert.equal(dueBetween(schedule, { after, until: justBefore }), null);
      assert.deepEqual(dueBetween(schedule, { after, until: next }), { first: next, count: 1 });
    }),
    { numRuns: 300 },
  );
});

test("what was due while nobody was there is counted", () => {
  const days = dueBetween(daily("03:00"), { after: at("2026-11-01T03:00:00Z"), until: at("2026-11-05T02:59:00Z") });
  assert.deepEqual([days?.first.toString(), days?.count], ["2026-11-02T03:00:00Z", 3]);
  const minutes = dueBetween(
    { kind: "period", periodMs: 60_000 },
    { after: at("2026-11-01T00:00:30Z"), until: at("2026-11-02T00:00:30Z") },
  );
  assert.equal(minutes?.count, 1440);
});
