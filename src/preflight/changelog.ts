import type { CheckFinding } from "../rollout/check-result.ts";
import { type Check, type Outcome, quick, type Subject, skipped, unchecked } from "./check.ts";
import { hashOf, readText } from "./file-tree.ts";
import { compareVersions, versionOf } from "./version.ts";

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
