import type { Severity } from "../manifest/checks.ts";
import type { CheckFinding } from "../rollout/check-result.ts";
import { type Check, type Outcome, type Subject, skipped, unchecked } from "./check.ts";
import { runShell } from "./commands.ts";
import { hashOf } from "./file-tree.ts";

const order: readonly string[] = ["info", "low", "moderate", "high", "critical"];
const npmWords: Readonly<Record<Severity, string>> = { low: "low", medium: "moderate", high: "high", critical: "critical" };

interface Vulnerability {
  readonly name?: string;
  readonly severity?: string;
  readonly range?: string;
  readonly fixAvailable?: unknown;
  readonly via?: readonly (string | { readonly title?: string; readonly url?: string })[];
}

interface AuditReport {
  readonly message?: string;
  readonly error?: { readonly summary?: string };
  readonly vulnerabilities?: Readonly<Record<string, Vulnerability>>;
  readonly metadata?: { readonly dependencies?: { readonly total?: number; readonly prod?: number } };
}

export const audit: Check = {
  name: "audit",
  finds:
    "Known vulnerabilities of npm packages that are shipped, as the registry tells them. One without a fix is told, one with a fix stops the release.",
  runs: "Where `checks.audit` asks for it and the source has npm's lockfile. Needs the registry.",
  timeoutMs: () => 60_000,

  async run(subject: Subject, signal): Promise<Outcome> {
    const { manifest, source } = subject;
    if (manifest.checks.audit === null) return skipped("checks.audit does not ask for it");
    if (source !== null && !source.files.some(({ path }) => /^(?:package-lock|npm-shrinkwrap)\.json$/.test(path)))
      return skipped("there is no lockfile of npm");
    const { stdout } = await runShell(subject, "npm audit --json --omit=dev", signal);
    // The exit code is 1 for findings and for a registry that does not answer alike: the document counts.
    return readAudit(stdout.toString("utf8"), manifest.checks.audit.failOn);
  },
};

/** Judges what `npm audit --json` wrote. */
export function readAudit(text: string, failOn: Severity): Outcome {
  const report = parse(text);
  const tool = { name: "npm audit", version: "" };
  if (report?.vulnerabilities === undefined) {
    const why = report?.message ?? report?.error?.summary ?? (text.trim() === "" ? "npm wrote nothing" : "npm wrote no report");
    return unchecked(
      `the registry could not be asked: ${why}`,
      "Use a registry that knows advisories (`npm config get registry`), or take checks.audit out.",
      tool,
    );
  }
  const { total = 0, prod = 0 } = report.metadata?.dependencies ?? {};
  return {
    kind: "inspected",
    // Before npm 7 and in mirrors the sum is missing; a report with vulnerabilities has looked all the same.
    inspected: Math.max(total, prod, Object.keys(report.vulnerabilities).length),
    noun: "packages asked about",
    findings: Object.entries(report.vulnerabilities).map(([name, vulnerability]) => toFinding(name, vulnerability, failOn)),
    inputsSha256: hashOf(text),
    tool,
  };
}

function toFinding(
  name: string,
  { severity = "", range = "", fixAvailable, via = [] }: Vulnerability,
  failOn: Severity,
): CheckFinding {
  const advisory = via.find((each) => typeof each === "object");
  const isFixable = fixAvailable !== false && fixAvailable !== undefined;
  const isSevere = order.indexOf(severity) >= order.indexOf(npmWords[failOn]);
  const id = advisory?.url?.split("/").at(-1);
  return {
    rule: id !== undefined && /^[\w-]{1,60}$/.test(id) ? id : "vulnerability",
    level: isSevere && isFixable ? "fail" : "warn",
    message: `${name} ${range}: ${advisory?.title ?? `by way of ${via.filter((each) => typeof each === "string").join(", ")}`} (${severity})`,
    fix: isFixable
      ? "Run `npm audit fix`, test, and commit the lockfile."
      : "There is no fix yet: see whether the service uses what is affected, or replace the package.",
    file: "package-lock.json",
  };
}

function parse(text: string): AuditReport | undefined {
  try {
    const document: unknown = JSON.parse(text);
    return typeof document === "object" && document !== null ? document : undefined;
  } catch (cause) {
    if (cause instanceof SyntaxError) return undefined;
    throw cause;
  }
}
