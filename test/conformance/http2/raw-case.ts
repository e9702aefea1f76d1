/**
 * What may become of a case.
 * - `answered`: the upstream sees `seen`, each stream is answered with 200, and the connection goes on.
 * - `refused`: a stream is reset, or answered with an error, and the connection goes on.
 * - `reset`: a stream is reset, perhaps behind its answer, and the connection goes on.
 * - `ended`: the connection is closed.
 */
export type Outcome = "answered" | "refused" | "reset" | "ended";

/** Frames, byte for byte, and what an engine may do with them. */
export interface RawCase {
  readonly name: string;
  /** Instead of the preface and empty settings. */
  readonly begin?: Uint8Array;
  /** What is sent; a number is a stream whose end is waited for. */
  readonly steps: readonly (Uint8Array | number)[];
  readonly streams: readonly number[];
  readonly allowed: readonly Outcome[];
  /** Requests at the upstream, as method, target and body: these and no others. */
  readonly seen: readonly string[];
  /** Whoever does not answer need not have let the upstream see anything. */
  readonly maySeeNothing?: boolean;
  /** Of each request at the upstream the values of a field, joined by `|`. */
  readonly fields?: Readonly<Record<string, readonly string[]>>;
}
