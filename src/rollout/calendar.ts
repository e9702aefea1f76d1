/**
 * When a release may go a step further: inside one of the weekly windows, and in no freeze. Rollbacks never ask.
 */
export interface Calendar {
  /** Empty: always open. */
  readonly windows: readonly WeeklyWindow[];
  readonly freezes: readonly Freeze[];
}

/** An open time of each week. It belongs to the day on which it opens; one that ends at or before its start ends on the next day. */
export interface WeeklyWindow {
  /** 1 is Monday. */
  readonly days: readonly number[];
  /** `09:00`, in `zone`. */
  readonly from: string;
  readonly to: string;
  /** IANA name. */
  readonly zone: string;
}

export interface Freeze {
  readonly name: string;
  /** Instants, ISO 8601 with an offset. The first belongs to the freeze, the last does not. */
  readonly from: string;
  readonly to: string;
  readonly reason: string;
}

export type Opening =
  | { readonly isOpen: true /** When it closes next; null when it never does. */; readonly until: Temporal.Instant | null }
  | {
      readonly isOpen: false;
      readonly why: string;
      /** When it opens next; null when it does not within a year. */
      readonly opensAt: Temporal.Instant | null;
    };

interface Span {
  readonly from: Temporal.Instant;
  readonly to: Temporal.Instant;
}

/** How far ahead a next opening is looked for. */
const horizonDays = 366;

/** Whether a step further is allowed at `now`; what `openingAt` says, without when that changes. */
export function isOpenAt({ windows, freezes }: Calendar, now: Temporal.Instant): boolean {
  if (freezes.some((freeze) => isWithin(spanOf(freeze), now))) return false;
  return windows.length === 0 || spansAround(windows, now, 1).some((span) => isWithin(span, now));
}

/** Whether a step further is allowed at `now`, and until or from when. */
export function openingAt(calendar: Calendar, now: Temporal.Instant): Opening {
  const frozen = calendar.freezes.filter((freeze) => isWithin(spanOf(freeze), now));
  const [freeze] = frozen;
  if (freeze !== undefined) {
    const why = `the freeze "${freeze.name}" holds until ${freeze.to}: ${freeze.reason}`;
    return { isOpen: false, why, opensAt: nextOpening(calendar, now) };
  }
  if (calendar.windows.length === 0) return { isOpen: true, until: nextFreeze(calendar, now) };
  const open = spansAround(calendar.windows, now, 1).filter((span) => isWithin(span, now));
  if (open.length === 0) return { isOpen: false, why: "no window is open", opensAt: nextOpening(calendar, now) };
  const ends = open.map(({ to }) => to).toSorted(Temporal.Instant.compare);
  const until = earlier(ends.at(-1) ?? null, nextFreeze(calendar, now));
  return { isOpen: true, until };
}

/** The first instant after `now` that lies in a window and in no freeze. Only ends of freezes and starts of windows can be it. */
function nextOpening(calendar: Calendar, now: Temporal.Instant): Temporal.Instant | null {
  const ends = calendar.freezes.map(({ to }) => Temporal.Instant.from(to));
  const isFree = (at: Temporal.Instant) => calendar.freezes.every((freeze) => !isWithin(spanOf(freeze), at));
  // Around each end of a freeze a window may be open already; else the next one counts.
  const starts = [now, ...ends].flatMap((at) => spansAround(calendar.windows, at, 8).map(({ from }) => from));
  const isInWindow = (at: Temporal.Instant) =>
    calendar.windows.length === 0 || spansAround(calendar.windows, at, 1).some((span) => isWithin(span, at));
  const horizon = now.add({ hours: 24 * horizonDays });
  const candidates = [...ends, ...starts].filter(
    (at) => Temporal.Instant.compare(at, now) > 0 && Temporal.Instant.compare(at, horizon) <= 0,
  );
  return candidates.toSorted(Temporal.Instant.compare).find((at) => isFree(at) && isInWindow(at)) ?? null;
}

function nextFreeze({ freezes }: Calendar, now: Temporal.Instant): Temporal.Instant | null {
  const starts = freezes.map(({ from }) => Temporal.Instant.from(from)).filter((from) => Temporal.Instant.compare(from, now) > 0);
  return starts.toSorted(Temporal.Instant.compare)[0] ?? null;
}

/** The spans of all windows that open from two days before `at` to `daysAhead` after it. */
function spansAround(windows: readonly WeeklyWindow[], at: Temporal.Instant, daysAhead: number): readonly Span[] {
  return windows.flatMap((window) => {
    const today = at.toZonedDateTimeISO(window.zone).toPlainDate();
    const days = Array.from({ length: daysAhead + 3 }, (_, index) => today.add({ days: index - 2 }));
    return days.filter((day) => window.days.includes(day.dayOfWeek)).flatMap((day) => spanOn(window, day));
  });
}

/** A time that daylight saving leaves out becomes the one an hour later; of one that comes twice, a window has both. */
function spanOn({ from, to, zone }: WeeklyWindow, day: Temporal.PlainDate): readonly Span[] {
  const isOvernight = Temporal.PlainTime.compare(from, to) >= 0;
  const start = day.toPlainDateTime(Temporal.PlainTime.from(from)).toZonedDateTime(zone, { disambiguation: "compatible" });
  const endDay = isOvernight ? day.add({ days: 1 }) : day;
  const local = endDay.toPlainDateTime(Temporal.PlainTime.from(to));
  // The later of two equal times is the one after which no clock shows an open time any more.
  const end = local.toZonedDateTime(zone, { disambiguation: "later" });
  const span = { from: start.toInstant(), to: end.toInstant() };
  return Temporal.Instant.compare(span.from, span.to) < 0 ? [span] : [];
}

function spanOf({ from, to }: Freeze): Span {
  return { from: Temporal.Instant.from(from), to: Temporal.Instant.from(to) };
}

function isWithin({ from, to }: Span, at: Temporal.Instant): boolean {
  return Temporal.Instant.compare(from, at) <= 0 && Temporal.Instant.compare(at, to) < 0;
}

function earlier(one: Temporal.Instant | null, other: Temporal.Instant | null): Temporal.Instant | null {
  if (one === null || other === null) return one ?? other;
  return Temporal.Instant.compare(one, other) < 0 ? one : other;
}
