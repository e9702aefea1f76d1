import type { CustomCheck } from "../manifest/checks.ts";
import type { CheckFinding } from "../rollout/check-result.ts";
import { type Check, type Outcome, unchecked } from "./check.ts";
import { endWords, lastWordsOf, runShell } from "./commands.ts";
import { hashOf } from "./file-tree.ts";

/** What a check of one's own may write to standard output, as one JSON document. */
interface Document {
  readonly inspected?: unknown;
  readonly findings?: unknown;
}

/** A command as a check: exit code 0 is pass, 1 fail, 2 warn; anything else could not be checked. */
export function customCheck({ name, run, timeoutMs }: CustomCheck): Check {
  return {
    name,
    finds: `What \`${run}\` finds.`,
    runs: "Where checks.custom names it.",
    timeoutMs: () => timeoutMs,

    async run(subject, signal): Promise<Outcome> {
      const end = await runShell(subject, run, signal);
      const { exitCode, isCut } = end;
      if (isCut || exitCode === null || exitCode > 2)
        return unchecked(`${run} ${endWords(end)}: ${lastWordsOf(end)}`, "Let it end with 0 (pass), 1 (fail) or 2 (warn).");
      const written = readDocument(end.stdout.toString("utf8"));
      if (written === null)
        return unchecked(
          `${run} wrote what begins like JSON and is none`,
          'Write {"inspected": 3, "findings": [...]}, or plain words.',
        );
      const level = exitCode === 1 ? "fail" : "warn";
      const listed = written.findings.map((finding) => toFinding(finding, level));
      if (listed.some((finding) => finding === null))
        return unchecked(`${run} wrote a finding without a message`, "Give each finding at least a message.");
      const findings = listed.filter((finding) => finding !== null);
      // The exit code counts: what it says without a finding is told as one, and 0 with a failing finding is a contradiction.
      if (exitCode === 0 && findings.some((finding) => finding.level === "fail"))
        return unchecked(
          `${run} ended with exit code 0 and wrote a finding that fails`,
          "Let it end with 1, or write the finding's level as warn.",
        );
      const bare: CheckFinding = {
        rule: "exit-code",
        level,
        message: lastWordsOf(end),
        fix: `Run \`${run}\` and do what it says.`,
      };
      const all = exitCode === 0 || findings.some((finding) => finding.level === level) ? findings : [...findings, bare];
      return {
        kind: "inspected",
        inspected: written.inspected,
        noun: "looked at by the command",
        findings: all,
        inputsSha256: hashOf(run, end.stdout),
        tool: { name: run.slice(0, 80), version: "" },
      };
    },
  };
}

/** Null when it begins like JSON and is none; plain words are a document without findings. */
function readDocument(stdout: string): { readonly inspected: number; readonly findings: readonly unknown[] } | null {
  const text = stdout.trim();
  if (!text.startsWith("{")) return { inspected: 1, findings: [] };
  try {
    const { inspected = 1, findings = [] } = JSON.parse(text) as Document;
    return typeof inspected === "number" && inspected >= 0 && Array.isArray(findings) ? { inspected, findings } : null;
  } catch (cause) {
    if (cause instanceof SyntaxError) return null;
    throw cause;
  }
}

function toFinding(written: unknown, fallback: CheckFinding["level"]): CheckFinding | null {
  if (typeof written !== "object" || written === null) return null;
  const { rule, level, message, fix, file, line, column } = written as Readonly<Record<string, unknown>>;
  if (typeof message !== "string" || message.trim() === "") return null;
  return {
    rule: typeof rule === "string" && /^[\w.:/@-]{1,120}$/.test(rule) ? rule : "finding",
    level: level === "warn" || level === "fail" ? level : fallback,
    message,
    fix: typeof fix === "string" && fix.trim() !== "" ? fix : "Do what the check's own documentation says.",
    ...(typeof file === "string" ? { file } : {}),
    ...(isPlace(line) ? { line } : {}),
    ...(isPlace(column) ? { column } : {}),
  };
}

function isPlace(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}
