import { statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Scanner, Severity } from "../manifest/checks.ts";
import type { CheckFinding } from "../rollout/check-result.ts";
import { type Check, type Outcome, type Subject, unchecked } from "./check.ts";
import { endWords, lastWordsOf, requireFolder, runShell } from "./commands.ts";
import { hashOf } from "./file-tree.ts";
import { type Report, readBandit, readSarif, type ScanFinding } from "./from-sarif.ts";

const order: readonly (Severity | "info")[] = ["info", "low", "medium", "high", "critical"];

/** A scanner of the user's own choice as a check, by the report that it writes. Its exit code is not asked: tools mean different things by it. */
export function scannerCheck(scanner: Scanner): Check {
  const { name, timeoutMs, format, failOn } = scanner;
  return {
    name,
    finds: `What ${scanner.run === null ? `the report ${scanner.report ?? ""}` : `\`${scanner.run}\``} says.`,
    runs: "Where checks.scanners names it.",
    timeoutMs: () => timeoutMs,

    async run(subject, signal): Promise<Outcome> {
      const written = await reportOf(scanner, subject, signal);
      if ("kind" in written) return written;
      const report = parse(written.text, format);
      if (report === null)
        return unchecked(
          `what ${name} wrote is no ${format === "sarif" ? "SARIF 2.1.0" : "JSON of Bandit"}`,
          "Let it write that form, or correct checks.scanners.",
        );
      const [problem] = report.unchecked;
      if (problem !== undefined)
        return unchecked(
          `${problem}${report.unchecked.length > 1 ? `; and ${report.unchecked.length - 1} more` : ""}`,
          "Let the scanner end well: until then it has not looked.",
          report.tool,
        );
      const other = report.revisions.find((revision) => subject.commit !== null && revision !== subject.commit);
      if (other !== undefined)
        return unchecked(
          `the report is about commit ${other.slice(0, 12)}, not about this one`,
          "Run the scanner on this commit.",
          report.tool,
        );
      const aged = format === "bandit" && scanner.run !== null ? await oldBandit(subject, signal) : [];
      const dated = scanner.run !== null || report.revisions.length > 0 ? [] : [undatedReport(scanner)];
      return {
        kind: "inspected",
        inspected: report.inspected,
        noun: format === "bandit" ? "files scanned" : "files or runs reported",
        findings: [...aged, ...dated, ...report.findings.map((found) => toFinding(found, failOn))],
        inputsSha256: hashOf(written.text),
        tool: report.tool,
      };
    },
  };
}

/** What the scanner wrote now: a report that was there before it ran is no report of this run. */
async function reportOf(
  { run, report, name }: Scanner,
  subject: Subject,
  signal: AbortSignal,
): Promise<{ readonly text: string } | Outcome> {
  const folder = requireFolder(subject);
  const file = report === null ? null : join(folder, report);
  const before = file === null ? undefined : stampOf(file);
  if (run !== null) {
    const end = await runShell(subject, run, signal);
    if (file === null) {
      if (end.stdout.length > 0 && !end.isCut) return { text: end.stdout.toString("utf8") };
      return unchecked(
        `${name} ${endWords(end)} and wrote no report: ${lastWordsOf(end)}`,
        "Install the scanner where releases are built, and let it write its report to standard output or to `report`.",
      );
    }
    if (stampOf(file) === before)
      return unchecked(
        `${name} ${endWords(end)} and wrote no new ${report}: ${lastWordsOf(end)}`,
        "Install the scanner where releases are built, and let it write the report that checks.scanners names.",
      );
  }
  if (file === null || stampOf(file) === undefined)
    return unchecked(`there is no report ${report ?? ""}`, "Name the report or the command in checks.scanners.");
  return { text: await readFile(file, "utf8") };
}

function stampOf(file: string): string | undefined {
  const facts = statSync(file, { throwIfNoEntry: false, bigint: true });
  return facts?.isFile() === true ? `${facts.ino} ${facts.mtimeNs} ${facts.size}` : undefined;
}

function parse(text: string, format: Scanner["format"]): Report | null {
  try {
    const document: unknown = JSON.parse(text);
    return format === "sarif" ? readSarif(document) : readBandit(document);
  } catch (cause) {
    if (cause instanceof SyntaxError) return null;
    throw cause;
  }
}

function toFinding({ rule, severity, message, file, line, help }: ScanFinding, failOn: Severity): CheckFinding {
  return {
    rule: rule.replaceAll(/[^\w.:/@-]/g, "-").slice(0, 120) || "unnamed",
    level: order.indexOf(severity) >= order.indexOf(failOn) ? "fail" : "warn",
    message: `${message} (${severity})`,
    fix: help === undefined ? "Do what the scanner's own documentation says of this rule." : `See ${help}.`,
    ...(file === undefined ? {} : { file }),
    ...(line === undefined || line < 1 ? {} : { line }),
  };
}

/** Measured: Bandit 1.6, which Debian 12 has, sees no text constants of Python 3.8 and later, and says nothing of it. */
async function oldBandit(subject: Subject, signal: AbortSignal): Promise<readonly CheckFinding[]> {
  const { stdout } = await runShell(subject, "bandit --version 2>&1", signal);
  const said = stdout.toString("utf8");
  const [, minor] = /\b1\.(\d+)\.\d+/.exec(said) ?? [];
  const [, python] = /python version = 3\.(\d+)/.exec(said) ?? [];
  if (minor === undefined || python === undefined || Number(minor) > 6 || Number(python) < 8) return [];
  return [
    {
      rule: "blind-to-text",
      level: "warn",
      message: `Bandit 1.${minor} on Python 3.${python} finds no passwords, SQL or paths in text: those of its checks never look`,
      fix: "Install a newer one: `pip install 'bandit>=1.7.8'`.",
    },
  ];
}

function undatedReport({ report }: Scanner): CheckFinding {
  return {
    rule: "undated",
    level: "warn",
    message: "the report does not say of which commit it is (versionControlProvenance), so it may be an old one",
    fix: "Let belay run the scanner (`run`), or let it write the revision.",
    ...(report === null ? {} : { file: report }),
  };
}
