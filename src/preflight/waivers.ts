import type { Waiver } from "../manifest/checks.ts";
import type { CheckFinding } from "../rollout/check-result.ts";
import type { Outcome, Subject } from "./check.ts";
import { hashOf } from "./file-tree.ts";
import { isExpired } from "./policy.ts";

/** An expired waiver fails; one that accepts nothing any more, or names no check, is told. Null when there are none. */
export function checkWaivers(
  { manifest, manifestFile, clock }: Pick<Subject, "manifest" | "manifestFile" | "clock">,
  used: ReadonlySet<Waiver>,
  known: ReadonlySet<string>,
): Outcome | null {
  const { waivers } = manifest.checks;
  if (waivers.length === 0) return null;
  const findings = waivers.flatMap((waiver): readonly CheckFinding[] => {
    const what = `the waiver of ${waiver.check}${waiver.rule === null ? "" : `/${waiver.rule}`} by ${waiver.by}`;
    const about = { file: manifestFile } as const;
    if (isExpired(waiver, clock.now()))
      return [
        {
          ...about,
          rule: "expired",
          level: "fail",
          message: `${what} ended on ${waiver.until} (${waiver.reason})`,
          fix: "Mend what it accepted and remove it from checks.waivers, or have its time extended.",
        },
      ];
    if (!known.has(waiver.check))
      return [
        {
          ...about,
          rule: "unknown",
          level: "warn",
          message: `${what} names a check that does not exist`,
          fix: "Write the check's name as `belay check` shows it.",
        },
      ];
    if (used.has(waiver)) return [];
    return [
      { ...about, rule: "unused", level: "warn", message: `${what} accepts nothing`, fix: "Remove it from checks.waivers." },
    ];
  });
  return {
    kind: "inspected",
    inspected: waivers.length,
    noun: "waivers",
    findings,
    inputsSha256: hashOf(JSON.stringify(waivers)),
  };
}
