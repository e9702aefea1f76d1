/** What every expected failure carries: the three fields that a person, the API and the log are shown. */
export interface ErrorDetails {
  /** Stable API: scripts may match on it. Documented in docs/reference/errors.md. */
  readonly code: `BELAY_${string}`;
  /** What happened, with the names and places involved. */
  readonly message: string;
  /** One imperative sentence: what the reader should do now. */
  readonly next: string;
  readonly cause?: unknown;
}

/** An expected failure. Anything that is not a BelayError is a bug and crashes the process. */
export class BelayError extends Error {
  override readonly name = "BelayError";
  readonly code: ErrorDetails["code"];
  readonly next: string;

  constructor({ code, message, next, cause }: ErrorDetails) {
    super(message, { cause });
    this.code = code;
    this.next = next;
  }
}
