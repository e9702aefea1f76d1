/** What belay.yml says of preflight: which checks run with what, how strict they are, and what is accepted until when. */
export interface ChecksSpec {
  /** By name of a check: how strict it is, everywhere or by environment. */
  readonly policy: Readonly<Record<string, PolicyLevel | Readonly<Record<string, PolicyLevel>>>>;
  /** Checks that nobody passes over, neither with a second person nor alone in an emergency. */
  readonly neverOverride: readonly string[];
  readonly waivers: readonly Waiver[];
  readonly artifact: {
    /** Globs of files that may be shipped although a rule of the check names them. */
    readonly allow: readonly string[];
    readonly bytesMax: number | null;
  };
  /** Globs of SQL migrations of PostgreSQL, relative to the service's folder. */
  readonly migrations: readonly string[];
  readonly tests: { readonly run: string; readonly timeoutMs: number; readonly junit: string | null } | null;
  readonly audit: { readonly failOn: Severity } | null;
  readonly scanners: readonly Scanner[];
  readonly infrastructure: readonly PlanFile[];
  readonly runbook: string | null;
  readonly changelog: string | null;
  readonly api: ApiChecks | null;
  readonly session: SessionCheck | null;
  /** What the annotated tag of a version is called, with `{version}` in it; null does not ask for one. */
  readonly tag: string | null;
  /** Approvals that each commit since the last release needs, where it is reviewed or, when `place` is null, by `Reviewed-by` lines. */
  readonly review: { readonly approvals: number; readonly place: ReviewPlace | null } | null;
  readonly custom: readonly CustomCheck[];
}

export interface ApiChecks {
  /** The description of its HTTP API, in the service's folder. */
  readonly openapi: string | null;
  /** Operations that are not asked in staging, as `GET /export`. */
  readonly skip: readonly string[];
  /** Time for asking all others. */
  readonly timeoutMs: number;
  /** Globs of recorded answers that are held against the description. */
  readonly mocks: readonly string[];
  readonly postman: { readonly run: string; readonly timeoutMs: number } | null;
}

/** A command that begins a visitor's session at one release and goes on with it at another. */
export interface SessionCheck {
  readonly run: string;
  /** For all of its runs together. */
  readonly timeoutMs: number;
}

/** Names of the checks that Belay brings, and of those that `belay check` adds: a check of one's own has another name. */
export const takenCheckNames: readonly string[] = [
  "config",
  "artifact",
  "secrets",
  "lockfile",
  "migrations",
  "windows",
  "rollback",
  "changelog",
  "tag",
  "api",
  "mocks",
  "conformance",
  "postman",
  "session",
  "runbook",
  "infrastructure",
  "review",
  "tests",
  "audit",
  "kpis",
  "parity",
  "waivers",
  "git",
  "command",
  "include",
  "health",
  "listening",
];

/** `fail`: findings and what could not be checked stop the release. `warn`: they are told. `off`: it does not run. */
export type PolicyLevel = "off" | "warn" | "fail";

export type Severity = "low" | "medium" | "high" | "critical";

export interface Waiver {
  readonly check: string;
  /** All rules when null: then also what could not be checked. */
  readonly rule: string | null;
  /** A glob; all files when null. */
  readonly file: string | null;
  readonly reason: string;
  readonly by: string;
  /** The last day on which it counts, in UTC: `2026-12-31`. */
  readonly until: string;
}

export interface Scanner {
  readonly name: string;
  /** A shell command line; null when only a report is read. */
  readonly run: string | null;
  readonly timeoutMs: number;
  readonly format: "sarif" | "bandit";
  /** File of the report; null is the command's standard output. */
  readonly report: string | null;
  readonly failOn: Severity;
}

/** What `terraform show -json` or `tofu show -json` wrote of a plan. */
export interface PlanFile {
  readonly plan: string;
  /** Types of resources whose deletion or replacement fails. */
  readonly protect: readonly string[];
}

/** Where commits are reviewed. */
export interface ReviewPlace {
  readonly provider: "github" | "gitlab";
  /** Of its API, without a `/` at the end. */
  readonly api: string;
  /** Of the repository: `acme/shop`. */
  readonly path: string;
  /** Name of a secret; null asks without. */
  readonly token: string | null;
}

export interface CustomCheck {
  readonly name: string;
  readonly run: string;
  readonly timeoutMs: number;
}
