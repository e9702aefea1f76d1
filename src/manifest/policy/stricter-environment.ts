import type { Calendar, Freeze, WeeklyWindow } from "../../rollout/calendar.ts";
import type { ApprovalRule, EnvironmentOfManifest, Manifest } from "../manifest.ts";
import { describeDuration } from "../quantities.ts";
import { type Change, type Judged, onlyOf, stricterNumber, withAllOf } from "./loosening.ts";

type Environments = Manifest["environments"];

/** When a release may go out to an environment, who has to approve it there, and where it must have passed first. */
export function stricterEnvironments(
  { was, asked }: Change<Environments>,
  { environment, now }: { readonly environment: string; readonly now: Temporal.Instant },
): Judged<Environments> {
  const before = Object.hasOwn(was, environment) ? was[environment] : undefined;
  const after = Object.hasOwn(asked, environment) ? asked[environment] : undefined;
  if (before === undefined || after === undefined) return { value: asked, loosenings: [] };
  const approvals = stricterApprovals(`environments.${environment}.approvals`, { was: before.approvals, asked: after.approvals });
  const calendar = stricterCalendar({ was: before.calendar, asked: after.calendar }, now);
  const order = stillAfter(`environments.${environment}.after`, { was: before.after, asked: after.after });
  const own: EnvironmentOfManifest = { ...after, approvals: approvals.value, calendar: calendar.value, after: order.value };
  return {
    value: { ...asked, [environment]: own },
    loosenings: [...approvals.loosenings, ...calendar.loosenings, ...order.loosenings],
  };
}

function stillAfter(field: string, { was, asked }: Change<string | null>): Judged<string | null> {
  if (was === null || was === asked) return { value: asked, loosenings: [] };
  return { value: was, loosenings: [{ field, was, asked: asked ?? "none" }] };
}

function stricterApprovals(field: string, { was, asked }: Change<ApprovalRule | null>): Judged<ApprovalRule | null> {
  if (was === null) return { value: asked, loosenings: [] };
  if (asked === null) return { value: was, loosenings: [{ field, was: `${was.people}`, asked: "none" }] };
  const people = stricterNumber(`${field}.people`, { was: was.people, asked: asked.people }, { strict: "high", words: String });
  const lasts = stricterNumber(
    `${field}.lastFor`,
    { was: was.lastsMs, asked: asked.lastsMs },
    { strict: "low", words: describeDuration },
  );
  const from = stricterFrom(`${field}.from`, { was: was.from, asked: asked.from });
  return {
    value: { people: people.value, lastsMs: lasts.value, from: from.value },
    loosenings: [...people.loosenings, ...lasts.loosenings, ...from.loosenings],
  };
}

/** Names that may approve; none named is everybody of the role. */
function stricterFrom(field: string, { was, asked }: Change<readonly string[]>): Judged<readonly string[]> {
  if (was.length === 0) return { value: asked, loosenings: [] };
  if (asked.length === 0) return { value: was, loosenings: [{ field, was: was.join(", "), asked: "everybody with the role" }] };
  const judged = onlyOf(field, { was, asked }, { isSame: (one, other) => one === other, words: (name) => name });
  // Of names that are all new none counts yet, and somebody must be able to approve.
  return judged.value.length === 0 ? { ...judged, value: was } : judged;
}

/** Freezes that are over may go. */
function stricterCalendar({ was, asked }: Change<Calendar | null>, now: Temporal.Instant): Judged<Calendar | null> {
  if (was === null) return { value: asked, loosenings: [] };
  const due = was.freezes.filter(({ to }) => Temporal.Instant.compare(Temporal.Instant.from(to), now) > 0);
  const freezes = withAllOf(
    "freezes",
    { was: due, asked: asked?.freezes ?? [] },
    {
      isSame: (one, other) => isEarlierOrSame(other.from, one.from) && isEarlierOrSame(one.to, other.to),
      words: ({ name }: Freeze) => name,
    },
  );
  const windows = stricterWindows({ was: was.windows, asked: asked?.windows ?? [] });
  const isOpen = windows.value.length === 0 && freezes.value.length === 0;
  return {
    value: isOpen ? null : { windows: windows.value, freezes: freezes.value },
    loosenings: [...windows.loosenings, ...freezes.loosenings],
  };
}

/** Hours may become fewer: each window lies within one that was. */
function stricterWindows({ was, asked }: Change<readonly WeeklyWindow[]>): Judged<readonly WeeklyWindow[]> {
  if (was.length === 0) return { value: asked, loosenings: [] };
  const isWithin = asked.length > 0 && asked.every((window) => was.some((other) => liesWithin(window, other)));
  if (isWithin) return { value: asked, loosenings: [] };
  const words = (windows: readonly WeeklyWindow[]) => windows.map(windowWords).join("; ") || "always";
  return { value: was, loosenings: [{ field: "windows", was: words(was), asked: words(asked) }] };
}

/** Two zones are compared by name: their hours move against each other. An overnight window lies within its equal alone. */
function liesWithin(window: WeeklyWindow, other: WeeklyWindow): boolean {
  if (window.zone !== other.zone || !window.days.every((day) => other.days.includes(day))) return false;
  if (window.from === other.from && window.to === other.to) return true;
  const isOvernight = ({ from, to }: WeeklyWindow) => from >= to;
  return !isOvernight(window) && !isOvernight(other) && window.from >= other.from && window.to <= other.to;
}

const dayNames = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/** A window in one line. */
export function windowWords({ days, from, to, zone }: WeeklyWindow): string {
  return `${days.map((day) => dayNames[day - 1]).join(" ")} ${from} to ${to} ${zone}`;
}

function isEarlierOrSame(one: string, other: string): boolean {
  return Temporal.Instant.compare(Temporal.Instant.from(one), Temporal.Instant.from(other)) <= 0;
}
