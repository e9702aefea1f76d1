import type { Severity } from "../manifest/checks.ts";

/** What a scanner found, whatever its form. */
export interface ScanFinding {
  readonly rule: string;
  readonly severity: Severity | "info";
  readonly message: string;
  readonly file: string | undefined;
  readonly line: number | undefined;
  readonly help: string | undefined;
}

export interface Report {
  readonly tool: { readonly name: string; readonly version: string };
  readonly findings: readonly ScanFinding[];
  /** How much the scanner says that it looked at; at least 1 for a run that ended well. */
  readonly inspected: number;
  /** Why this is no proof of anything: a run that broke, files that it could not read. */
  readonly unchecked: readonly string[];
  /** Commits that the report says it is about. */
  readonly revisions: readonly string[];
}

interface Rule {
  readonly id?: string;
  readonly helpUri?: string;
  readonly defaultConfiguration?: { readonly level?: string };
  readonly properties?: Readonly<Record<string, unknown>>;
}
interface Component {
  readonly name?: string;
  readonly version?: string;
  readonly semanticVersion?: string;
  readonly rules?: readonly Rule[];
}
interface Location {
  readonly physicalLocation?: {
    readonly artifactLocation?: { readonly uri?: string; readonly uriBaseId?: string };
    readonly region?: { readonly startLine?: number };
  };
}
interface Result {
  readonly kind?: string;
  readonly level?: string;
  readonly ruleId?: string;
  readonly ruleIndex?: number;
  readonly rule?: { readonly id?: string; readonly index?: number; readonly toolComponent?: { readonly index?: number } };
  readonly message?: { readonly text?: string; readonly markdown?: string };
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly suppressions?: readonly { readonly status?: string }[];
  readonly locations?: readonly Location[];
}
interface Run {
  readonly tool?: { readonly driver?: Component; readonly extensions?: readonly Component[] };
  readonly results?: readonly Result[];
  readonly artifacts?: readonly unknown[];
  readonly originalUriBaseIds?: Readonly<Record<string, { readonly uri?: string }>>;
  readonly versionControlProvenance?: readonly { readonly revisionId?: string }[];
  readonly invocations?: readonly {
    readonly executionSuccessful?: boolean;
    readonly toolExecutionNotifications?: readonly { readonly level?: string; readonly message?: { readonly text?: string } }[];
  }[];
}

/** Reads SARIF 2.1.0 of any scanner. Null for what is none. A document without runs, or a run without results, is no clean bill. */
export function readSarif(document: unknown): Report | null {
  if (typeof document !== "object" || document === null) return null;
  const { version, runs } = document as { readonly version?: unknown; readonly runs?: readonly Run[] };
  if (version !== "2.1.0" || !Array.isArray(runs)) return null;
  const read = (runs as readonly Run[]).map(readRun);
  const [first] = read;
  return {
    tool: first?.tool ?? { name: "unknown", version: "" },
    findings: read.flatMap(({ findings }) => findings),
    inspected: read.reduce((sum, { inspected }) => sum + inspected, 0),
    unchecked:
      runs.length === 0
        ? ["the report has no runs: nothing says that the scanner ran"]
        : read.flatMap(({ unchecked }) => unchecked),
    revisions: read.flatMap(({ revisions }) => revisions),
  };
}

function readRun(run: Run): Report {
  const driver = run.tool?.driver ?? {};
  const name = driver.name ?? "unknown";
  const unchecked = (run.invocations ?? []).flatMap(({ executionSuccessful, toolExecutionNotifications = [] }) => [
    ...(executionSuccessful === false ? [`${name} says that it did not end well`] : []),
    ...toolExecutionNotifications
      .filter(({ level }) => level === "error")
      .map(({ message }) => `${name}: ${message?.text ?? "an error without words"}`),
  ]);
  const isListed = Array.isArray(run.results);
  if (!isListed) unchecked.push(`${name} reported no list of results`);
  return {
    tool: { name, version: driver.semanticVersion ?? driver.version ?? "" },
    findings: (run.results ?? []).flatMap((result) => readResult(run, result)),
    inspected: isListed ? Math.max(1, run.artifacts?.length ?? 1) : 0,
    unchecked,
    revisions: (run.versionControlProvenance ?? []).flatMap(({ revisionId }) => (revisionId === undefined ? [] : [revisionId])),
  };
}

function readResult(run: Run, result: Result): readonly ScanFinding[] {
  // Before the severity: a result of kind "pass" carries its rule's severity all the same.
  if (result.kind !== undefined && !["fail", "open", "review"].includes(result.kind)) return [];
  const isSuppressed = (result.suppressions ?? []).some(({ status = "accepted" }) => status === "accepted");
  if (isSuppressed) return [];
  const rule = ruleOf(run, result);
  const { artifactLocation, region } = result.locations?.[0]?.physicalLocation ?? {};
  return [
    {
      rule: result.ruleId ?? result.rule?.id ?? rule?.id ?? "unnamed",
      severity: severityOf(result, rule),
      message: result.message?.text ?? result.message?.markdown ?? "(no words)",
      file: artifactLocation?.uri === undefined ? undefined : readUri(artifactLocation.uri),
      line: region?.startLine,
      help: rule?.helpUri,
    },
  ];
}

/** By index where there is one; rules may stand in the driver or, as CodeQL has it, in an extension. */
function ruleOf({ tool }: Run, { ruleId, ruleIndex, rule }: Result): Rule | undefined {
  const components = [tool?.driver ?? {}, ...(tool?.extensions ?? [])];
  const at = rule?.toolComponent?.index;
  const component = components[at === undefined ? 0 : at + 1];
  const index = ruleIndex ?? rule?.index;
  const id = ruleId ?? rule?.id;
  const byIndex = index === undefined || index < 0 ? undefined : component?.rules?.[index];
  return byIndex ?? components.flatMap(({ rules = [] }) => rules).find((each) => each.id === id);
}

function severityOf({ level, kind, properties }: Result, rule: Rule | undefined): ScanFinding["severity"] {
  const score = Number(properties?.["security-severity"] ?? rule?.properties?.["security-severity"]);
  if (Number.isFinite(score) && score > 0) return score >= 9 ? "critical" : score >= 7 ? "high" : score >= 4 ? "medium" : "low";
  if (kind === "open" || kind === "review") return "medium";
  const known = { error: "high", warning: "medium", note: "low", none: "info" } as const;
  const said = level ?? rule?.defaultConfiguration?.level ?? "warning";
  return Object.hasOwn(known, said) ? known[said as keyof typeof known] : "medium";
}

function readUri(uri: string): string {
  const path = uri.replace(/^file:\/\/(?=\/)/, "");
  try {
    return decodeURIComponent(path);
  } catch (cause) {
    // A scanner that does not encode: then it is the path as it stands.
    if (cause instanceof URIError) return path;
    throw cause;
  }
}

interface BanditResult {
  readonly test_id?: string;
  readonly issue_severity?: string;
  readonly issue_text?: string;
  readonly filename?: string;
  readonly line_number?: number;
  readonly more_info?: string;
}

/** Reads the JSON of Bandit, whose Debian version knows no SARIF. Null for what is none. A file that it could not parse is in `errors` alone. */
export function readBandit(document: unknown): Report | null {
  if (typeof document !== "object" || document === null) return null;
  const { errors, results, metrics } = document as {
    readonly errors?: readonly { readonly filename?: string; readonly reason?: string }[];
    readonly results?: readonly BanditResult[];
    readonly metrics?: Readonly<Record<string, unknown>>;
  };
  if (!Array.isArray(errors) || !Array.isArray(results)) return null;
  return {
    tool: { name: "bandit", version: "" },
    findings: (results as readonly BanditResult[]).map((found) => ({
      rule: found.test_id ?? "unnamed",
      severity: readSeverity(found.issue_severity),
      message: found.issue_text ?? "(no words)",
      file: found.filename?.replace(/^\.\//, ""),
      line: found.line_number,
      help: found.more_info,
    })),
    inspected: Object.keys(metrics ?? {}).filter((name) => name !== "_totals").length,
    unchecked: (errors as readonly { readonly filename?: string; readonly reason?: string }[]).map(
      ({ filename = "?", reason = "?" }) => `bandit could not read ${filename}: ${reason}`,
    ),
    revisions: [],
  };
}

function readSeverity(written = ""): ScanFinding["severity"] {
  const severity = written.toLowerCase();
  return severity === "high" || severity === "low" || severity === "critical" ? severity : "medium";
}
