/** When a job is due. */
export type Schedule =
  /** At each whole multiple of the period since 1970 in UTC: the same times after every restart, and in every release. */
  | { readonly kind: "period"; readonly periodMs: number }
  /** At a time of day in a zone, each day or on one day of the week (1 is Monday). */
  | {
      readonly kind: "time";
      readonly hour: number;
      readonly minute: number;
      readonly weekday: number | null;
      readonly zone: string;
    };

/** How late a run may begin: what is older was missed, and is not caught up. */
export function latenessMaxMs(schedule: Schedule): number {
  return schedule.kind === "period" ? Math.min(30_000, schedule.periodMs / 2) : 30_000;
}

/** The first due time after `after`. */
export function nextDue(schedule: Schedule, after: Temporal.Instant): Temporal.Instant {
  if (schedule.kind === "period") {
    const { periodMs } = schedule;
    return Temporal.Instant.fromEpochMilliseconds((Math.floor(after.epochMilliseconds / periodMs) + 1) * periodMs);
  }
  // From the day before: a time in a gap that swallows midnight is due on the next day's date.
  let date = after.toZonedDateTimeISO(schedule.zone).toPlainDate().subtract({ days: 1 });
  for (;;) {
    const due = dueOn(schedule, date);
    if (due !== null && Temporal.Instant.compare(due, after) > 0) return due;
    date = date.add({ days: 1 });
  }
}

/** The last due time at or before `until`. */
export function lastDue(schedule: Schedule, until: Temporal.Instant): Temporal.Instant {
  if (schedule.kind === "period") {
    const { periodMs } = schedule;
    return Temporal.Instant.fromEpochMilliseconds(Math.floor(until.epochMilliseconds / periodMs) * periodMs);
  }
  let date = until.toZonedDateTimeISO(schedule.zone).toPlainDate();
  for (;;) {
    const due = dueOn(schedule, date);
    if (due !== null && Temporal.Instant.compare(due, until) <= 0) return due;
    date = date.subtract({ days: 1 });
  }
}

/** How many due times lie after `after` and at or before `until`, at most `countMax`, and the first of them. */
export function dueBetween(
  schedule: Schedule,
  range: { readonly after: Temporal.Instant; readonly until: Temporal.Instant },
  countMax = 100_000,
): { readonly first: Temporal.Instant; readonly count: number } | null {
  const first = nextDue(schedule, range.after);
  const restMs = range.until.epochMilliseconds - first.epochMilliseconds;
  if (restMs < 0) return null;
  if (schedule.kind === "period") return { first, count: Math.min(countMax, Math.floor(restMs / schedule.periodMs) + 1) };
  let count = 1;
  for (let due = nextDue(schedule, first); count < countMax; due = nextDue(schedule, due)) {
    if (Temporal.Instant.compare(due, range.until) > 0) break;
    count += 1;
  }
  return { first, count };
}

/**
 * The one due time of a date, or null on another day of the week. A time that clocks skip (a gap) is due when the gap ends; one that
 * they show twice (a fold) is due the first time alone.
 */
function dueOn(schedule: Schedule & { kind: "time" }, date: Temporal.PlainDate): Temporal.Instant | null {
  if (schedule.weekday !== null && date.dayOfWeek !== schedule.weekday) return null;
  const wanted = date.toPlainDateTime({ hour: schedule.hour, minute: schedule.minute });
  const earlier = wanted.toZonedDateTime(schedule.zone, { disambiguation: "earlier" });
  if (earlier.toPlainDateTime().equals(wanted)) return earlier.toInstant();
  return (earlier.getTimeZoneTransition("next") ?? earlier).toInstant();
}
