import { statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { CheckFinding } from "../rollout/check-result.ts";
import { type Check, type Outcome, type Subject, skipped, unchecked } from "./check.ts";
import { endWords, lastWordsOf, runShell } from "./commands.ts";
import { hashOf } from "./file-tree.ts";

export const tests: Check = {
  name: "tests",
  finds: "Tests of the service that fail; a run in which none ran, where a JUnit report tells.",
  runs: "Where `checks.tests` names a command. It runs in the service's folder after the build.",
  timeoutMs: ({ tests: spec }) => spec?.timeoutMs ?? 1,

  async run(subject: Subject, signal): Promise<Outcome> {
    const spec = subject.manifest.checks.tests;
    if (spec === null) return skipped("checks.tests names no command");
    const { cwd } = subject.commands;
    const file = spec.junit === null || cwd === null ? null : join(cwd, spec.junit);
    const before = file === null ? 0n : changedAt(file);
    const end = await runShell(subject, spec.run, signal);
    // The shell's own codes for a command that it cannot find or run.
    if (end.exitCode === 126 || end.exitCode === 127 || end.exitCode === null || end.isCut)
      return unchecked(`${spec.run} ${endWords(end)}: ${lastWordsOf(end)}`, "Let release.build install what the tests need.");
    const failed: CheckFinding[] =
      end.exitCode === 0
        ? []
        : [
            {
              rule: "failed",
              level: "fail",
              message: `${spec.run} ${endWords(end)}: ${lastWordsOf(end)}`,
              fix: `Run \`${spec.run}\` and mend what fails.`,
            },
          ];
    const tool = { name: spec.run.slice(0, 80), version: "" };
    if (file === null)
      return {
        kind: "inspected",
        inspected: 1,
        noun: "test runs, by their exit code",
        findings: failed,
        inputsSha256: hashOf(end.stdout),
        tool,
      };
    if (changedAt(file) <= before)
      return unchecked(
        `${spec.run} wrote no new ${spec.junit}`,
        "Let the tests write their JUnit report there, or leave `junit` out.",
      );
    const report = await readFile(file, "utf8");
    const counted = countTests(report);
    if (counted === null)
      return unchecked(`${spec.junit} is no JUnit report`, "Let the tests write JUnit XML there, or leave `junit` out.");
    const reported: CheckFinding[] =
      end.exitCode === 0 && counted.failed > 0
        ? [
            {
              rule: "failed",
              level: "fail",
              message: `${counted.failed} tests failed, although ${spec.run} ended with 0`,
              fix: "Mend the tests, and the command's exit code.",
              file: spec.junit ?? "",
            },
          ]
        : [];
    return {
      kind: "inspected",
      inspected: counted.run,
      noun: "tests",
      findings: [...failed, ...reported],
      inputsSha256: hashOf(report),
      tool,
    };
  },
};

/** By the test cases themselves: writers disagree on what the sums of suites hold. Null for what is no report. */
export function countTests(junit: string): { readonly run: number; readonly failed: number } | null {
  if (!/<testsuites?[\s>/]/.test(junit)) return null;
  let run = 0;
  let failed = 0;
  // A case ends in its own tag, or where the next one begins: none lies in another.
  for (const part of junit
    .replaceAll(/<!\[CDATA\[[\s\S]*?\]\]>/g, "")
    .split(/<testcase(?=[\s>/])/)
    .slice(1)) {
    const isEmpty = /^[^>]*\/>/.test(part);
    const body = isEmpty ? "" : (part.split("</testcase>")[0] ?? "");
    if (/<skipped[\s>/]/.test(body)) continue;
    run += 1;
    if (/<(?:failure|error)[\s>/]/.test(body)) failed += 1;
  }
  return { run, failed };
}

function changedAt(file: string): bigint {
  return statSync(file, { throwIfNoEntry: false, bigint: true })?.mtimeNs ?? 0n;
}
