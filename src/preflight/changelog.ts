import type { CheckFinding } from "../rollout/check-result.ts";
import { type Check, type Outcome, quick, type Subject, skipped, unchecked } from "./check.ts";
import { hashOf, readText } from "./file-tree.ts";

const versionPattern = /^(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$/;

export const changelog: Check = {
  name: "changelog",
  finds: "A version that was not raised since the last release, and one that the changelog says nothing about.",
  runs: "Where `checks.changelog` names the file. The version is the one of package.json, or of a file VERSION.",
  timeoutMs: quick,

  async run({ manifest, source, previous }: Subject): Promise<Outcome> {
    const file = manifest.checks.changelog;
    if (file === null) return skipped("checks.changelog names no file");
    if (source === null) return skipped("the source is not here, only what was built of it");
    const text = await readText(source, file);
    if (text === undefined)
      return unchecked(`there is no ${file}`, `Write ${file} with a heading for each version, such as "## 1.4.0".`);
    const version = await versionOf((path) => readText(source, path));
    if (version === null)
      return unchecked(
        "neither package.json nor VERSION names a version",
        'Write "version": "1.4.0" into package.json, or 1.4.0 into a file VERSION.',
      );
    const findings: CheckFinding[] = [];
    const section = sectionOf(text, version);
    if (section === null)
      findings.push({
        rule: "no-entry",
        level: "fail",
        message: `${file} has no heading for version ${version}`,
        fix: `Add "## ${version}" with what a user notices.`,
        file,
      });
    else if (section.isEmpty)
      findings.push({
        rule: "empty-entry",
        level: "fail",
        message: `${file} says nothing of version ${version}`,
        fix: "Write what a user notices.",
        file,
        line: section.line,
      });
    const before = previous === null ? null : await versionOf(async (path) => (await previous.readSource(path)) ?? undefined);
    if (before !== null && compareVersions(version, before) <= 0)
      findings.push({
        rule: "not-raised",
        level: "fail",
        message: `version ${version} is not above ${before}, which ${previous?.id} has`,
        fix: "Raise it: `npm version patch`, or edit VERSION.",
        file: "package.json",
      });
    return { kind: "inspected", inspected: 1, noun: `version, ${version}`, findings, inputsSha256: hashOf(text, version) };
  },
};

async function versionOf(read: (path: string) => Promise<string | undefined>): Promise<string | null> {
  const plain = (await read("VERSION"))?.trim();
  if (plain !== undefined && versionPattern.test(plain)) return plain;
  const text = (await read("package.json")) ?? "{}";
  try {
    const { version } = JSON.parse(text) as { readonly version?: unknown };
    return typeof version === "string" && versionPattern.test(version) ? version : null;
  } catch (cause) {
    if (cause instanceof SyntaxError) return null;
    throw cause;
  }
}

/** The heading of a version, with `v`, brackets or a date around it, and whether anything but headings stands below it. */
function sectionOf(text: string, version: string): { readonly line: number; readonly isEmpty: boolean } | null {
  const lines = text.split("\n");
  const heading = new RegExp(`^(#{1,4})\\s+.*(?<![\\w.])v?${version.replaceAll(/[.+]/g, "\\$&")}(?![\\w.+-]*\\w)`);
  const at = lines.findIndex((line) => heading.test(line));
  if (at === -1) return null;
  const depth = heading.exec(lines[at] ?? "")?.[1]?.length ?? 1;
  const rest = lines.slice(at + 1);
  const end = rest.findIndex((line) => (/^(#+)\s/.exec(line)?.[1]?.length ?? 9) <= depth);
  const body = end === -1 ? rest : rest.slice(0, end);
  return { line: at + 1, isEmpty: !body.some((line) => line.trim() !== "" && !/^#/.test(line)) };
}

/** Order of semantic versions: https://semver.org, section 11. */
export function compareVersions(one: string, other: string): number {
  const [, ...left] = versionPattern.exec(one) ?? [];
  const [, ...right] = versionPattern.exec(other) ?? [];
  for (const index of [0, 1, 2]) {
    const difference = Number(left[index]) - Number(right[index]);
    if (difference !== 0) return difference;
  }
  const [before, after] = [left[3], right[3]];
  if (before === undefined || after === undefined) return Number(before === undefined) - Number(after === undefined);
  return comparePreReleases(before.split("."), after.split("."));
}

function comparePreReleases(left: readonly string[], right: readonly string[]): number {
  for (const [index, part] of left.entries()) {
    const other = right[index];
    if (other === undefined) return 1;
    const areNumbers = [/^\d+$/.test(part), /^\d+$/.test(other)] as const;
    if (areNumbers[0] !== areNumbers[1]) return areNumbers[0] ? -1 : 1;
    const difference = areNumbers[0] ? Number(part) - Number(other) : part < other ? -1 : part > other ? 1 : 0;
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
