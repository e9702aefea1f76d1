import { matchesGlob } from "node:path/posix";
import type { ChecksSpec, PolicyLevel, Waiver } from "../manifest/checks.ts";
import type { CheckFinding, CheckStatus } from "../rollout/check-result.ts";

/** How strict a check is where nothing is said: what it finds stops a release everywhere, what it could not check stops it in production. */
interface Strictness {
  readonly level: PolicyLevel;
  readonly errorsBlock: boolean;
}

const production = "production";

/** A policy that names the check counts for what it could not look at too. */
export function strictnessOf({ policy }: Pick<ChecksSpec, "policy">, check: string, environment: string): Strictness {
  const named = Object.hasOwn(policy, check) ? policy[check] : undefined;
  const level = typeof named === "object" ? (Object.hasOwn(named, environment) ? named[environment] : undefined) : named;
  if (level !== undefined) return { level, errorsBlock: level === "fail" };
  return { level: "fail", errorsBlock: environment === production };
}

export function blocks(status: CheckStatus, { level, errorsBlock }: Strictness): boolean {
  return (status === "fail" && level === "fail") || (status === "error" && errorsBlock);
}

/** Days are counted in UTC: the last one is valid to its end. */
export function isExpired({ until }: Pick<Waiver, "until">, now: Temporal.Instant): boolean {
  const today = now.toZonedDateTimeISO("UTC").toPlainDate();
  return Temporal.PlainDate.compare(today, Temporal.PlainDate.from(until)) > 0;
}

/** The waiver that accepts a finding, if one that is not expired does. */
export function waiverFor(waivers: readonly Waiver[], check: string, finding: CheckFinding): Waiver | undefined {
  return waivers.find(
    (waiver) =>
      waiver.check === check &&
      (waiver.rule === null || waiver.rule === finding.rule) &&
      (waiver.file === null || (finding.file !== undefined && namesFile(waiver.file, finding.file))),
  );
}

/** The findings with what is accepted of them. Waivers that accepted one are added to `used`. */
export function applyWaivers(options: {
  readonly check: string;
  readonly findings: readonly CheckFinding[];
  readonly waivers: readonly Waiver[];
  readonly now: Temporal.Instant;
  readonly used: Set<Waiver>;
}): readonly CheckFinding[] {
  const { check, findings, waivers, now, used } = options;
  const valid = waivers.filter((waiver) => !isExpired(waiver, now));
  return findings.map((finding) => {
    const waiver = waiverFor(valid, check, finding);
    if (waiver === undefined) return finding;
    used.add(waiver);
    return { ...finding, waived: { reason: waiver.reason, by: waiver.by, until: waiver.until } };
  });
}

/** How a check ended that was not skipped. */
export function statusOf(findings: readonly CheckFinding[]): Exclude<CheckStatus, "skipped"> {
  const open = findings.filter(({ waived }) => waived === undefined);
  if (open.some(({ rule, level }) => rule !== "unchecked" && level === "fail")) return "fail";
  if (open.some(({ rule }) => rule === "unchecked")) return "error";
  if (open.some(({ level }) => level === "warn")) return "warn";
  // Somebody accepted that it was not checked, which makes it no pass.
  return findings.some(({ rule }) => rule === "unchecked") ? "warn" : "pass";
}

/** `test/**` names all below test, `test/key.pem` one file. */
export function namesFile(glob: string, file: string): boolean {
  const plain = glob.replace(/^(\.\/)+/, "");
  return plain === file || matchesGlob(showDots(file), showDots(plain));
}

/** Globs pass over a leading dot; a private-use character in its place is like any other. */
function showDots(path: string): string {
  return path.replace(/(^|[/{,])\.(?!\.?(\/|$))/g, "$1\u{f8ff}");
}
