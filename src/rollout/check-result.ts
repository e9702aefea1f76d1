/**
 * How a check of preflight ended.
 *
 * - `pass`: it looked at something, and found nothing.
 * - `warn`: it found what may be in the way one day. `fail`: it found what is in the way now.
 * - `error`: it could not be checked. Never the same as a pass.
 * - `skipped`: there is nothing in this release that it is about, or nobody asked for it.
 */
export type CheckStatus = "pass" | "warn" | "fail" | "error" | "skipped";

/** Who accepted a finding, why, and until which day. */
export interface Waived {
  readonly reason: string;
  readonly by: string;
  /** The last day on which it counts, `2026-12-31`. */
  readonly until: string;
}

export interface CheckFinding {
  /** Stable name of the rule inside its check. */
  readonly rule: string;
  readonly level: "warn" | "fail";
  readonly message: string;
  /** A command or an edit. */
  readonly fix: string;
  /** Relative to the service's folder; absent for what lies in no file. Lines and columns count from 1. */
  readonly file?: string | undefined;
  readonly line?: number | undefined;
  readonly column?: number | undefined;
  readonly waived?: Waived | undefined;
}

/** How much was looked at, with what. Numbers and hashes only, never content. */
export interface CheckEvidence {
  readonly inspected: number;
  readonly tool: string;
  readonly toolVersion: string;
  /** Over everything that the check read; empty when it read nothing that stays. */
  readonly inputsSha256: string;
  readonly durationMs: number;
}

export interface CheckResult {
  readonly check: string;
  readonly status: CheckStatus;
  /** Whether the release may go no further because of it, by the policy of its environment. */
  readonly blocks: boolean;
  readonly summary: string;
  /** At most as many as an entry should hold; `findingCount` tells of all. */
  readonly findings: readonly CheckFinding[];
  readonly findingCount: number;
  readonly evidence: CheckEvidence;
  /** Of one that was skipped although somebody asked for it: it runs elsewhere, or nowhere. */
  readonly isAsked?: true | undefined;
}
