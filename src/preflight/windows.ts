import type { ChecksSpec } from "../manifest/checks.ts";
import { type Calendar, openingAt } from "../rollout/calendar.ts";
import type { CheckFinding } from "../rollout/check-result.ts";
import { type Check, type Outcome, quick, type Subject, skipped } from "./check.ts";
import { hashOf } from "./file-tree.ts";
import { isExpired, strictnessOf, waiverFor } from "./policy.ts";

export const windows: Check = {
  name: "windows",
  finds:
    "A deploy outside of the hours in which one may go out, or in a freeze. Looked at again before each step of the rollout; a rollback never asks.",
  runs: "Where `windows` or `freezes` hold for the environment.",
  timeoutMs: quick,

  async run({ manifest, environment, manifestFile, clock }: Subject): Promise<Outcome> {
    const calendar = Object.hasOwn(manifest.environments, environment) ? manifest.environments[environment]?.calendar : undefined;
    if (calendar == null) return skipped(`no window and no freeze holds for ${environment}`);
    const opening = openingAt(calendar, clock.now());
    const closed: CheckFinding[] = opening.isOpen
      ? []
      : [{ rule: "closed", level: "fail", message: opening.why, fix: opensWords(calendar, opening.opensAt), file: manifestFile }];
    const inspected = calendar.windows.length + calendar.freezes.length;
    return {
      kind: "inspected",
      inspected,
      noun: inspected === 1 ? "window or freeze" : "windows and freezes",
      ...(opening.isOpen && opening.until !== null ? { note: `open until ${describeInstant(calendar, opening.until)}` } : {}),
      findings: closed,
      inputsSha256: hashOf(JSON.stringify(calendar)),
    };
  },
};

/** The calendar that a rollout must keep to: none where the check is not strict, or its closed hours are waived. */
export function heldCalendar(options: {
  readonly spec: ChecksSpec;
  readonly environment: string;
  readonly calendar: Calendar | null;
  readonly now: Temporal.Instant;
}): Calendar | null {
  const { spec, environment, calendar, now } = options;
  if (strictnessOf(spec, windows.name, environment).level !== "fail") return null;
  const valid = spec.waivers.filter((waiver) => !isExpired(waiver, now));
  const closed: CheckFinding = { rule: "closed", level: "fail", message: "", fix: "" };
  return waiverFor(valid, windows.name, closed) === undefined ? calendar : null;
}

function opensWords(calendar: Calendar, opensAt: Temporal.Instant | null): string {
  if (opensAt === null) return "Correct windows and freezes in belay.yml: they are not open at any time of the next year.";
  return `Deploy at ${describeInstant(calendar, opensAt)} or later; a rollback is allowed at any time.`;
}

/** In the zone of the first window, which is whose hours these are. */
export function describeInstant({ windows: [first] }: Calendar, at: Temporal.Instant): string {
  const zone = first?.zone ?? "UTC";
  const local = at.toZonedDateTimeISO(zone);
  return `${local.toPlainDate()} ${local.toPlainTime().toString({ smallestUnit: "minute" })} (${zone})`;
}
