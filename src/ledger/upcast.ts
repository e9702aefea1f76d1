import { BelayError } from "../errors.ts";
import type { Entry, Fact } from "../rollout/entry.ts";
import { damaged } from "./ledger-errors.ts";

/** Fields that each kind of fact needs beside `kind`. A new kind does not compile until it stands here. */
const neededFields: { readonly [Kind in Fact["kind"]]: readonly (keyof Extract<Fact, { kind: Kind }>)[] } = {
  "rollout-requested": ["rolloutKind", "plan"],
  "preflight-ended": ["checks"],
  "release-built": ["release"],
  "staging-checked": ["release", "checks"],
  "approval-awaited": ["needs"],
  "approval-given": ["needs", "digest", "plan", "until", "commits", "reason"],
  "override-requested": ["need"],
  "start-approved": [],
  "break-glass-reviewed": ["words"],
  "break-glass-overdue": ["reviewBefore"],
  "token-created": ["id", "name", "role", "scope", "until"],
  "token-revoked": ["id", "name"],
  "principal-mapped": ["name", "gitEmails"],
  "policy-pinned": ["scope", "text"],
  "policy-cleared": ["scope"],
  "rollout-refused": ["code", "reason", "next"],
  "task-started": ["run", "task", "release", "digest"],
  "task-ended": ["run", "task", "release", "end", "how", "ranMs"],
  "task-unknown": ["run", "task", "release", "reason"],
  "task-resolved": ["run", "task", "as"],
  "candidate-ready": [],
  "candidate-failed": ["reason"],
  "step-ended": ["step", "why", "evidence", "heldMs", "words"],
  "step-inconclusive": ["step", "reason", "evidence", "heldMs"],
  "verdict-failed": ["metric", "reason", "evidence", "heldMs"],
  "metric-failed": ["metric", "onFail", "reason", "evidence", "heldMs"],
  "bake-ended": ["evidence", "heldMs"],
  braked: ["by", "worker", "exposureEpoch"],
  "brake-settled": ["into", "reason", "evidence"],
  "promote-requested": ["isFull", "skipsAnalysis"],
  "abort-requested": ["reason"],
  "pause-requested": ["reason"],
  "resume-requested": [],
  superseded: ["by"],
  "routing-acknowledged": ["epoch", "tookMs", "evidence"],
  "instance-ready": ["instance", "release", "host", "port"],
  "instance-lost": ["instance", "release", "reason"],
  "warm-retired": ["release"],
  "preview-link-made": ["nonce", "release", "redeemBefore", "lastsSeconds"],
  "preview-link-redeemed": ["nonce"],
  "preview-keys-changed": ["keys"],
  attested: ["release", "digest", "checked"],
  "maintenance-changed": ["isOn", "message"],
  "secret-changed": ["name", "version", "change"],
  "run-started": ["run", "release", "command", "reason"],
  "run-ended": ["run", "exitCode", "how", "ranMs"],
  "rolled-back-directly": ["target", "plan", "reason", "doneAt"],
  "processes-moved": ["from", "release"],
  "job-started": ["job", "release", "due"],
  "job-ended": ["job", "release", "due", "outcome", "exitCode", "how", "durationMs"],
  "job-skipped": ["job", "first", "due", "count"],
  "job-missed": ["job", "first", "due", "count"],
  "control-started": ["boot", "program", "isolation"],
  "ledger-recovered": ["unwritableMs", "cause"],
};

/**
 * The one way from stored text to an entry. Entries are never rewritten: a form that is no longer written is brought to
 * today's here, by its version. Version 1 is today's.
 * Throws `BELAY_LEDGER_UNKNOWN_ENTRY` for a version or kind that this program does not know, `BELAY_LEDGER_DAMAGED` for what is no entry.
 */
export function parseEntry(text: string, position: number): Entry {
  const stored = parseJson(text, position);
  const { version, fact } = stored;
  if (version !== 1) throw unknownEntry(position, `has version ${JSON.stringify(version)}; this program knows version 1`);
  if (!isRecord(fact) || typeof fact["kind"] !== "string") throw damagedEntry(position, "has no fact");
  const kind = fact["kind"];
  const fields: readonly string[] | undefined = Object.hasOwn(neededFields, kind)
    ? neededFields[kind as Fact["kind"]]
    : undefined;
  if (fields === undefined) throw unknownEntry(position, `is of kind "${kind}", which this program does not know`);
  const missing = fields.filter((field) => !Object.hasOwn(fact, field));
  if (missing.length > 0) throw damagedEntry(position, `(${kind}) lacks ${missing.join(", ")}`);
  const lacking = ["environment", "service", "rollout", "at"].filter((field) => typeof stored[field] !== "string");
  if (!isRecord(stored["actor"])) lacking.push("actor");
  if (lacking.length > 0) throw damagedEntry(position, `(${kind}) lacks ${lacking.join(", ")}`);
  if (stored["position"] !== position)
    throw damagedEntry(position, `says that it is entry ${JSON.stringify(stored["position"])}`);
  // The shape was checked as far as reading depends on it; the chain tells whether the content is the one that was written.
  return stored as unknown as Entry;
}

function parseJson(text: string, position: number): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw damagedEntry(position, "is not JSON", cause);
  }
  if (!isRecord(value)) throw damagedEntry(position, "is not an object");
  return value;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function unknownEntry(position: number, what: string): BelayError {
  return new BelayError({
    code: "BELAY_LEDGER_UNKNOWN_ENTRY",
    message: `entry ${position} of the ledger ${what}`,
    next: "Run the newer version of Belay that wrote this data folder.",
  });
}

function damagedEntry(position: number, what: string, cause?: unknown): BelayError {
  return damaged(`entry ${position} ${what}`, cause);
}
