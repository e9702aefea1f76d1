import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Calendar, isOpenAt, openingAt } from "./calendar.ts";

const weekdays = { days: [1, 2, 3, 4], from: "09:00", to: "16:00", zone: "Europe/Berlin" };

function at(iso: string): Temporal.Instant {
  return Temporal.Instant.from(iso);
}

function local(iso: string, zone: string): Temporal.Instant {
  return Temporal.PlainDateTime.from(iso).toZonedDateTime(zone).toInstant();
}

for (const { words, windows = [weekdays], freezes = [], when, open, next } of [
  {
    words: "before the window opens",
    when: local("2026-11-18T08:59:59", "Europe/Berlin"),
    open: false,
    next: "2026-11-18T08:00:00Z",
  },
  {
    words: "at its first second",
    when: local("2026-11-18T09:00", "Europe/Berlin"),
    open: true,
    next: "2026-11-18T15:00:00Z",
  },
  {
    words: "at its end",
    when: local("2026-11-18T16:00", "Europe/Berlin"),
    open: false,
    next: "2026-11-19T08:00:00Z",
  },
  {
    words: "on a Friday",
    when: local("2026-11-20T10:00", "Europe/Berlin"),
    open: false,
    next: "2026-11-23T08:00:00Z",
  },
  {
    words: "after midnight in a window that began on the day before",
    windows: [{ days: [5], from: "22:00", to: "02:00", zone: "UTC" }],
    when: at("2026-11-21T01:59:59Z"),
    open: true,
    next: "2026-11-21T02:00:00Z",
  },
  {
    words: "after midnight of a day that has no window",
    windows: [{ days: [5], from: "22:00", to: "02:00", zone: "UTC" }],
    when: at("2026-11-20T01:00:00Z"),
    open: false,
    next: "2026-11-20T22:00:00Z",
  },
  {
    words: "all day long when it ends where it begins",
    windows: [{ days: [1], from: "00:00", to: "00:00", zone: "UTC" }],
    when: at("2026-11-23T23:59:59Z"),
    open: true,
    next: "2026-11-24T00:00:00Z",
  },
  {
    words: "in a window that begins in the hour that spring leaves out",
    windows: [{ days: [7], from: "02:30", to: "05:00", zone: "Europe/Berlin" }],
    when: at("2026-03-29T01:00:00Z"),
    open: false,
    next: "2026-03-29T01:30:00Z",
  },
  {
    words: "in the second of two equal hours of autumn",
    windows: [{ days: [7], from: "01:00", to: "02:30", zone: "Europe/Berlin" }],
    when: at("2026-10-25T01:15:00Z"),
    open: true,
    next: "2026-10-25T01:30:00Z",
  },
  {
    words: "in a freeze inside a window",
    freezes: [{ name: "sale", from: "2026-11-18T00:00:00Z", to: "2026-11-18T12:30:00Z", reason: "r" }],
    when: local("2026-11-18T10:00", "Europe/Berlin"),
    open: false,
    next: "2026-11-18T12:30:00Z",
  },
  {
    words: "after a freeze that ends outside of the window",
    freezes: [{ name: "sale", from: "2026-11-18T00:00:00Z", to: "2026-11-20T20:00:00Z", reason: "r" }],
    when: local("2026-11-18T10:00", "Europe/Berlin"),
    open: false,
    next: "2026-11-23T08:00:00Z",
  },
  {
    words: "before a freeze, without windows",
    windows: [],
    freezes: [{ name: "sale", from: "2026-11-18T00:00:00+01:00", to: "2026-11-19T00:00:00Z", reason: "r" }],
    when: at("2026-11-17T22:59:59Z"),
    open: true,
    next: "2026-11-17T23:00:00Z",
  },
] as readonly (Partial<Calendar> & { words: string; when: Temporal.Instant; open: boolean; next: string })[]) {
  test(`${words} it is ${open ? "open" : "closed"}, and the next change is known`, () => {
    const calendar = { windows, freezes };
    const opening = openingAt(calendar, when);
    assert.equal(opening.isOpen, open);
    assert.equal(String(opening.isOpen ? opening.until : opening.opensAt), next);
    assert.equal(isOpenAt(calendar, when), open);
  });
}

test("a calendar that is never open again says so", () => {
  const calendar = {
    windows: [weekdays],
    freezes: [{ name: "end", from: "2000-01-01T00:00:00Z", to: "2100-01-01T00:00:00Z", reason: "r" }],
  };
  assert.deepEqual(openingAt(calendar, at("2026-01-05T10:00:00Z")), {
    isOpen: false,
    why: 'the freeze "end" holds until 2100-01-01T00:00:00Z: r',
    opensAt: null,
  });
});

// Goal: what is open is what a clock on the wall in the window's zone shows.
// Method: an independent reckoning by Intl, minute by minute, with no arithmetic on dates: the wall clock's day and time are read and
// compared with the window, and for the part after midnight with the day before. It does not agree by construction in the hours that a
// change of clocks leaves out or repeats, so instants within three hours of such a change are left to the cases above.
test("property: open or closed agrees with a reckoning by the wall clock in its zone", () => {
  const zones = [
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Auckland",
    "UTC",
  ];
  const time = fc
    .tuple(fc.nat(23), fc.constantFrom("00", "15", "30", "59"))
    .map(([hour, minute]) => `${String(hour).padStart(2, "0")}:${minute}`);
  const window = fc.record({
    days: fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { minLength: 1 }),
    from: time,
    to: time,
    zone: fc.constantFrom(...zones),
  });
  const minute = fc.integer({ min: 0, max: 366 * 24 * 60 * 4 }).map((minutes) => at("2024-01-01T00:00:00Z").add({ minutes }));
  fc.assert(
    fc.property(fc.array(window, { minLength: 1, maxLength: 3 }), minute, (windows, now) => {
      fc.pre(windows.every(({ zone }) => isFarFromChange(now, zone)));
      assert.equal(
        isOpenAt({ windows, freezes: [] }, now),
        windows.some((each) => isOpenByWall(each, now)),
      );
    }),
    { numRuns: 2_000 },
  );
});

test("property: the instant at which it opens is open, and the one before it is not; while it is open it stays so until it closes", () => {
  const zones = ["Europe/Berlin", "America/New_York", "UTC", "Australia/Lord_Howe"];
  const time = fc
    .tuple(fc.nat(23), fc.constantFrom("00", "30"))
    .map(([hour, minute]) => `${String(hour).padStart(2, "0")}:${minute}`);
  const window = fc.record({
    days: fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { minLength: 1 }),
    from: time,
    to: time,
    zone: fc.constantFrom(...zones),
  });
  const start = fc.integer({ min: 0, max: 366 * 24 * 60 }).map((minutes) => at("2026-01-01T00:00:00Z").add({ minutes }));
  const freeze = fc
    .tuple(start, fc.integer({ min: 1, max: 20_000 }))
    .map(([from, minutes]) => ({ name: "f", from: String(from), to: String(from.add({ minutes })), reason: "r" }));
  fc.assert(
    fc.property(fc.array(window, { maxLength: 2 }), fc.array(freeze, { maxLength: 2 }), start, (windows, freezes, now) => {
      const calendar = { windows, freezes };
      const opening = openingAt(calendar, now);
      const change = opening.isOpen ? opening.until : opening.opensAt;
      if (change === null) return;
      assert.equal(Temporal.Instant.compare(change, now), 1);
      const before = change.subtract({ nanoseconds: 1 });
      if (opening.isOpen) assert.ok(isOpenAt(calendar, before));
      else {
        assert.ok(isOpenAt(calendar, change));
        assert.ok(!isOpenAt(calendar, before));
      }
    }),
    { numRuns: 300 },
  );
});

function wall(now: Temporal.Instant, zone: string): { readonly day: number; readonly time: string } {
  const parts = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone,
    weekday: "short",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  }).formatToParts(now.epochMilliseconds);
  const part = (type: string) => parts.find((each) => each.type === type)?.value ?? "";
  return {
    day: ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].indexOf(part("weekday")) + 1,
    time: `${part("hour")}:${part("minute")}`,
  };
}

function isOpenByWall({ days, from, to, zone }: Calendar["windows"][number], now: Temporal.Instant): boolean {
  const { day, time } = wall(now, zone);
  const dayBefore = ((day + 5) % 7) + 1;
  if (from < to) return days.includes(day) && time >= from && time < to;
  return (days.includes(day) && time >= from) || (days.includes(dayBefore) && time < to);
}

function isFarFromChange(now: Temporal.Instant, zone: string): boolean {
  const offset = (hours: number) => now.add({ hours }).toZonedDateTimeISO(zone).offset;
  return offset(-27) === offset(27);
}
