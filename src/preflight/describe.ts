import type { CheckFinding, CheckResult } from "../rollout/check-result.ts";

/** How many findings of one check are written out before the rest is counted. */
const shownFindings = 8;

/** Up to so many checks that had nothing to look at say why, each on a line of its own. */
const shownIdle = 3;

/**
 * One line for each finding with what to do below it, and one for each check that found nothing. Many that had nothing to look at
 * are named together: most services ask for few of them, and what was found must not drown between them. A finding that is waived is
 * shown each time, with who accepted it.
 */
export function describeResults(results: readonly CheckResult[], clean: (text: string) => string): string {
  const idle = results.filter(
    ({ status, findings, isAsked }) => status === "skipped" && findings.length === 0 && isAsked !== true,
  );
  const isShort = idle.length <= shownIdle;
  const lines = results.filter((result) => isShort || !idle.includes(result)).flatMap((result) => describeResult(result, clean));
  const names = idle.map(({ check }) => check).join(", ");
  return [...lines, ...(isShort ? [] : [`  -     nothing to look at (\`--only <check>\` says why): ${names}`])].join("\n");
}

function describeResult(result: CheckResult, clean: (text: string) => string): readonly string[] {
  const { check, status, summary, findings, findingCount } = result;
  if (findings.length === 0) return [`  ${word(status)}  ${check}: ${clean(summary)}`];
  const shown = findings.slice(0, shownFindings).flatMap((finding) => describeFinding(check, finding, clean));
  const hidden = findingCount - Math.min(findings.length, shownFindings);
  return [...shown, ...(hidden > 0 ? [`        and ${hidden} more of ${check}; \`--json\` and \`--sarif\` have them`] : [])];
}

function describeFinding(check: string, finding: CheckFinding, clean: (text: string) => string): readonly string[] {
  const { rule, level, message, fix, waived } = finding;
  const place = placeOf(finding);
  const words = clean(`${place === "" ? "" : `${place} `}${message}`).replaceAll(/\s*\n\s*/g, "; ");
  const status = waived !== undefined ? "waived" : rule === "unchecked" ? "error" : level;
  const line = `  ${status}  ${check}: ${words} [${rule}]`;
  if (waived === undefined) return [line, `        ${clean(fix)}`];
  return [line, `        waived by ${clean(waived.by)} until ${waived.until}: ${clean(waived.reason)}`];
}

/** `src/a.js:3:7`, as editors open it. */
export function placeOf({ file, line, column }: Pick<CheckFinding, "file" | "line" | "column">): string {
  return [file, line, column].filter((part) => part !== undefined).join(":");
}

/** What stands in the way, in one sentence. */
export function describeBlocking(results: readonly CheckResult[]): string {
  const blocking = results.filter(({ blocks }) => blocks);
  const count = blocking.length === 1 ? "a check" : `${blocking.length} checks`;
  return `${count} failed: ${blocking.map(({ check, status }) => (status === "error" ? `${check} (could not be checked)` : check)).join(", ")}`;
}

function word(status: CheckResult["status"]): string {
  return status === "skipped" ? "-   " : status;
}
