import type { Entry, NewEntry } from "../rollout/entry.ts";

/** A signed statement that the log up to `position` hashes to `hash`. Witnesses outside the machine keep it. */
export interface Checkpoint {
  /** The log's own id, made once at its creation. */
  readonly log: string;
  readonly position: number;
  /** sha256 chain value in hex. */
  readonly hash: string;
  readonly at: string;
  /** Ed25519 public key, SPKI in base64. */
  readonly publicKey: string;
  /** Over the canonical JSON of the fields above, in base64. */
  readonly signature: string;
}

/** An entry with its place in the chain: `hash` = sha256(previous hash + "\n" + canonical JSON of the entry). */
export interface ChainedEntry {
  readonly entry: Entry;
  readonly hash: string;
}

/**
 * An append-only log with one writer, optimistic on its position. Methods are synchronous where the caller must know
 * before it acts: what `append` returned is on disk.
 */
export interface Ledger {
  readonly log: string;
  /** 0 for an empty log. */
  readonly position: number;
  /**
   * Appends all entries or none, at `afterPosition` + 1 and on. Throws `BELAY_LEDGER_CONFLICT` when the log is not at
   * `afterPosition`, `BELAY_LEDGER_UNWRITABLE` when it could not be made durable (full disk, permissions); both change nothing.
   */
  append(options: { readonly afterPosition: number; readonly entries: readonly NewEntry[] }): readonly Entry[];
  /** Entries after `afterPosition` in order, at most `limit`. */
  read(options: { readonly afterPosition: number; readonly limit?: number; readonly rollout?: string }): readonly ChainedEntry[];
  /** Signs the log as it stands now. */
  checkpoint(): Checkpoint;
  close(): void;
}
