import { genesisHash, verifyChain } from "./chain.ts";
import { verifyCheckpoint } from "./checkpoint.ts";
import type { ChainedEntry, Checkpoint } from "./ledger.ts";

export interface WitnessReport {
  readonly verdict: "consistent" | "rewritten" | "truncated";
  /**
   * consistent: the last position that a kept checkpoint vouches for, 0 when none does. rewritten: where the log is known
   * to differ, at the latest. truncated: where the log ends now.
   */
  readonly position: number;
  readonly words: string;
}

/**
 * Compares a whole log, read from its start, with what this client saw of it before. It claims no more than the kept
 * checkpoints can carry: what was appended after the last of them, and what was changed before the first, is not known to be
 * as it was; a client without checkpoints learns only that the log agrees with itself.
 */
export function compareWithWitness(options: {
  readonly log: string;
  readonly entries: readonly ChainedEntry[];
  readonly checkpoints: readonly Checkpoint[];
}): WitnessReport {
  const { log, entries, checkpoints } = options;
  const kept = checkpoints.filter(verifyCheckpoint).sort((a, b) => a.position - b.position);
  const ignored = checkpoints.length - kept.length;
  const remark = ignored === 0 ? "" : ` ${countOf(ignored, "kept checkpoint")} without a valid signature ignored.`;
  const report = judge(log, entries, kept);
  return { ...report, words: `${report.words}${remark}${remarkOnKeys(kept)}` };
}

function judge(log: string, entries: readonly ChainedEntry[], kept: readonly Checkpoint[]): WitnessReport {
  const other = kept.find((checkpoint) => checkpoint.log !== log);
  if (other !== undefined) {
    return {
      verdict: "rewritten",
      position: 0,
      words: `This is log ${log}; the one seen on ${other.at} was ${other.log}: the log was replaced as a whole.`,
    };
  }
  const chain = verifyChain(entries);
  if (!chain.ok)
    return { verdict: "rewritten", position: chain.position, words: `The log does not agree with itself: ${chain.words}.` };
  const hashAt = (position: number) => (position === 0 ? genesisHash : entries[position - 1]?.hash);
  const changed = kept.find(
    (checkpoint) => checkpoint.position <= entries.length && hashAt(checkpoint.position) !== checkpoint.hash,
  );
  if (changed !== undefined) {
    const words = `Something in entries 1 to ${changed.position} is not what this client saw on ${changed.at}.`;
    return { verdict: "rewritten", position: changed.position, words };
  }
  const last = kept.at(-1);
  if (last === undefined) {
    const words = `The log's ${countOf(entries.length, "entry", "entries")} agree with each other. This client never saw this log before, so it cannot say more.`;
    return { verdict: "consistent", position: 0, words };
  }
  if (last.position > entries.length) {
    const words = `The log ends at entry ${entries.length}; this client saw it reach ${last.position} on ${last.at}.`;
    return { verdict: "truncated", position: entries.length, words };
  }
  return {
    verdict: "consistent",
    position: last.position,
    words: `Entries 1 to ${last.position} are the ones this client saw on ${last.at}.${describeNew(last, entries)}`,
  };
}

function describeNew(last: Checkpoint, entries: readonly ChainedEntry[]): string {
  const count = entries.length - last.position;
  return count === 0 ? "" : ` ${countOf(count, "entry follows", "entries follow")} that it had not seen.`;
}

function remarkOnKeys(kept: readonly Checkpoint[]): string {
  return new Set(kept.map((checkpoint) => checkpoint.publicKey)).size > 1
    ? " The kept checkpoints were signed with more than one key."
    : "";
}

function countOf(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
