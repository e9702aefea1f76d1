import { createHash } from "node:crypto";
import type { Entry } from "../rollout/entry.ts";
import { canonicalJson } from "./canonical-json.ts";
import type { ChainedEntry } from "./ledger.ts";

/** The chain value before the first entry. */
export const genesisHash: string = "0".repeat(64);

/** A place in the chain: the log up to `position` hashes to `hash`. */
export interface ChainPoint {
  readonly position: number;
  readonly hash: string;
}

export const chainStart: ChainPoint = { position: 0, hash: genesisHash };

/** sha256(previous hash + "\n" + canonical JSON of the entry), in hex. */
export function chainHash(previousHash: string, canonicalEntry: string): string {
  return createHash("sha256").update(`${previousHash}\n${canonicalEntry}`).digest("hex");
}

export function hashEntry(previousHash: string, entry: Entry): string {
  return chainHash(previousHash, canonicalJson(entry));
}

export type ChainCheck =
  | { readonly ok: true; readonly end: ChainPoint }
  /** `position` is the first place that does not follow from the ones before it. */
  | { readonly ok: false; readonly position: number; readonly words: string };

/** Whether `entries` follow, without a gap, on `from` (by default the start of the log) and on each other. */
export function verifyChain(entries: readonly ChainedEntry[], from: ChainPoint = chainStart): ChainCheck {
  let end = from;
  for (const { entry, hash } of entries) {
    const position = end.position + 1;
    if (entry.position !== position) {
      return { ok: false, position, words: `entry ${position} is missing: entry ${entry.position} stands in its place` };
    }
    if (hashEntry(end.hash, entry) !== hash) {
      return {
        ok: false,
        position,
        words: `entry ${position} does not hash to its chain value: it, or one before it, was changed`,
      };
    }
    end = { position, hash };
  }
  return { ok: true, end };
}
