import { BelayError } from "../errors.ts";

/** The failures that every ledger shares, so that the simulator's throws what the one on disk throws. */
export function conflict(asked: number, present: number): BelayError {
  return new BelayError({
    code: "BELAY_LEDGER_CONFLICT",
    message: `the ledger is at entry ${present}, not at ${asked}: something else was recorded in between`,
    next: "Read the ledger from where you stopped, then decide again.",
  });
}

export function unwritable(path: string, words: string, cause?: unknown): BelayError {
  return new BelayError({
    code: "BELAY_LEDGER_UNWRITABLE",
    message: `the ledger ${path} cannot be written: ${words}`,
    next: "Free disk space or repair the permissions of the data folder; Belay tries again by itself.",
    cause,
  });
}

export function inUse(path: string, cause?: unknown): BelayError {
  return new BelayError({
    code: "BELAY_LEDGER_IN_USE",
    message: `another process has the ledger ${path} open`,
    next: "Stop the other Belay with `belay down`, or use another data folder with --data.",
    cause,
  });
}

export function closedLedger(): BelayError {
  return new BelayError({
    code: "BELAY_LEDGER_CLOSED",
    message: "the ledger was closed",
    next: "Start Belay again with `belay up`.",
  });
}

export function damaged(words: string, cause?: unknown): BelayError {
  return new BelayError({
    code: "BELAY_LEDGER_DAMAGED",
    message: `the ledger is damaged or is no ledger: ${words}`,
    next: "Stop Belay and put back a copy of the ledger file from before; what is serving keeps serving.",
    cause,
  });
}
