import { BelayError } from "../errors.ts";
import type { Waiver } from "../manifest/checks.ts";
import type { CheckEvidence, CheckFinding, CheckResult } from "../rollout/check-result.ts";
import { type Earlier, judgeEarlier, seenElsewhere, seenInStaging } from "./built-elsewhere.ts";
import type { Check, Outcome, Subject, Tool } from "./check.ts";
import { applyWaivers, blocks, statusOf, strictnessOf } from "./policy.ts";
import { checkWaivers } from "./waivers.ts";

/** What an entry of the ledger holds of one check; the rest is counted. */
const findingsMax = 20;
const wordsMax = 500;

/** Nouns of checks, and what their plural adds. */
const plurals = /\b(file|migration|dependenc|package|waiver|commit|test|result|change|line|version|KPI)(ies|s)\b/;

export interface RunOptions {
  readonly subject: Subject;
  readonly signal: AbortSignal;
  /** Belay's own version, as the evidence of checks without a tool names it. */
  readonly version: string;
  /** Called when a check begins or ends. */
  readonly onProgress?: (progress: Progress) => void;
}

export interface Progress {
  readonly done: number;
  readonly total: number;
  /** Checks that run now. */
  readonly running: readonly string[];
}

/**
 * Runs all checks at once, each with a time limit of its own, and judges what they saw by the policy of the manifest. One that
 * breaks or takes too long is an `error` and keeps no other from ending. Rejects with the signal's reason on abort.
 */
export async function runChecks(checks: readonly Check[], options: RunOptions): Promise<readonly CheckResult[]> {
  const { subject, signal, onProgress } = options;
  const wanted = checks.filter(({ name }) => strictnessOf(subject.manifest.checks, name, subject.environment).level !== "off");
  const running = new Set<string>();
  let done = 0;
  const tell = () => onProgress?.({ done, total: wanted.length, running: [...running] });
  const used = new Set<Waiver>();
  const runOne = async (check: Check): Promise<CheckResult> => {
    running.add(check.name);
    tell();
    const startedAtMs = subject.clock.monotonicMs();
    const outcome = await outcomeOf(check, subject, signal);
    const durationMs = Math.round(subject.clock.monotonicMs() - startedAtMs);
    running.delete(check.name);
    done += 1;
    tell();
    return outcome.kind === "earlier"
      ? judgeEarlier(outcome, subject, used)
      : judge({ check: check.name, outcome, durationMs, used }, options);
  };
  const results = await Promise.all(wanted.map(runOne));
  signal.throwIfAborted();
  const notYet = checks.filter((check) => isNotYet(check, subject)).map(({ name }) => name);
  for (const waiver of subject.manifest.checks.waivers) if (notYet.includes(waiver.check)) used.add(waiver);
  const waivers = checkWaivers(subject, used, new Set(checks.map(({ name }) => name)));
  return waivers === null ? results : [...results, judge({ check: "waivers", outcome: waivers, durationMs: 0, used }, options)];
}

/** Whether it asks a running release, and there is none yet. */
function isNotYet({ inStaging }: Check, { running }: Subject): boolean {
  return inStaging !== undefined && running === null;
}

async function outcomeOf(check: Check, subject: Subject, signal: AbortSignal): Promise<Outcome | Earlier> {
  if (isNotYet(check, subject)) return seenInStaging(check, subject);
  const timeoutMs = check.timeoutMs(subject.manifest.checks);
  const over = new AbortController();
  const stopWaiting = subject.clock.every(timeoutMs, () => over.abort(new TimeUp()));
  try {
    return await check.run(subject, AbortSignal.any([signal, over.signal]));
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof BelayError && cause.code === "BELAY_CHECK_NO_FOLDER") return seenElsewhere(check.name, subject);
    return couldNotCheck(cause, check.name, timeoutMs);
  } finally {
    stopWaiting();
  }
}

class TimeUp extends Error {}

function couldNotCheck(cause: unknown, name: string, timeoutMs: number): Outcome {
  if (cause instanceof TimeUp) {
    const message = `it was not done after ${timeoutMs / 1000} s`;
    return { kind: "unchecked", message, fix: "Make it faster, or give it more time in belay.yml where it can be given." };
  }
  if (cause instanceof BelayError) return { kind: "unchecked", message: cause.message, fix: cause.next };
  // A bug of one check; as an error of it, it stops what must not go on unchecked and is seen by whoever can report it.
  const stack = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
  return {
    kind: "unchecked",
    message: `the check itself broke: ${stack.split("\n").slice(0, 3).join(" ")}`,
    fix: `Report it as a bug of Belay's check ${name}.`,
  };
}

interface Seen {
  readonly check: string;
  readonly outcome: Outcome;
  readonly durationMs: number;
  /** Waivers that accepted something are added. */
  readonly used: Set<Waiver>;
}

function judge({ check, outcome, durationMs, used }: Seen, { subject, version }: RunOptions): CheckResult {
  const { manifest, environment, clock } = subject;
  const strictness = strictnessOf(manifest.checks, check, environment);
  const { waivers } = manifest.checks;
  const findings = applyWaivers({ check, findings: sorted(findingsOf(outcome)), waivers, now: clock.now(), used });
  const status = outcome.kind === "skipped" ? "skipped" : statusOf(findings);
  return {
    check,
    status,
    blocks: blocks(status, strictness),
    summary: summarize(outcome, findings),
    findings: findings.slice(0, findingsMax).map(shorten),
    findingCount: findings.length,
    evidence: evidenceOf(outcome, durationMs, version),
    ...(outcome.kind === "skipped" && outcome.isAsked ? { isAsked: true } : {}),
  };
}

/** What could not be checked is a finding too, so that it is shown, waived and exported like any other. */
function findingsOf(outcome: Outcome): readonly CheckFinding[] {
  switch (outcome.kind) {
    case "skipped":
      return [];
    case "unchecked":
      return [{ rule: "unchecked", level: "fail", message: outcome.message, fix: outcome.fix }];
    case "inspected": {
      if (outcome.inspected > 0) return outcome.findings;
      const message = `there was nothing to look at (0 ${outcome.noun})`;
      const fix = "Correct what belay.yml says that it should look at, or switch the check off under checks.policy.";
      return [{ rule: "unchecked", level: "fail", message, fix }, ...outcome.findings];
    }
  }
}

function summarize(outcome: Outcome, findings: readonly CheckFinding[]): string {
  if (outcome.kind === "skipped") return outcome.why;
  if (outcome.kind === "unchecked") return outcome.message;
  const waived = findings.filter((finding) => finding.waived !== undefined).length;
  const noun =
    outcome.inspected === 1
      ? outcome.noun.replace(plurals, (_, word: string, end: string) => (end === "ies" ? `${word}y` : word))
      : outcome.noun;
  const parts = [`${outcome.inspected} ${noun}`, ...(outcome.note === undefined ? [] : [outcome.note])];
  const open = findings.length - waived;
  if (open > 0) parts.push(`${open} ${open === 1 ? "finding" : "findings"}`);
  if (waived > 0) parts.push(`${waived} waived`);
  return parts.join(", ");
}

function evidenceOf(outcome: Outcome, durationMs: number, version: string): CheckEvidence {
  const tool: Tool = ("tool" in outcome ? outcome.tool : undefined) ?? { name: "belay", version };
  return {
    inspected: outcome.kind === "inspected" ? outcome.inspected : 0,
    tool: tool.name,
    toolVersion: tool.version,
    inputsSha256: outcome.kind === "inspected" ? outcome.inputsSha256 : "",
    durationMs,
  };
}

/** Failures first, then by place. */
function sorted(findings: readonly CheckFinding[]): readonly CheckFinding[] {
  return findings.toSorted(
    (one, other) =>
      Number(one.level === "warn") - Number(other.level === "warn") ||
      compare(one.file ?? "", other.file ?? "") ||
      (one.line ?? 0) - (other.line ?? 0),
  );
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

function shorten(finding: CheckFinding): CheckFinding {
  const cut = (text: string) => (text.length > wordsMax ? `${text.slice(0, wordsMax)}…` : text);
  return { ...finding, message: cut(finding.message), fix: cut(finding.fix) };
}
