import type { Played } from "./play.ts";
import type { RehearsedRelease } from "./releases.ts";

export interface Spread {
  readonly median: number;
  readonly p90: number;
}

/** How one kind of release fares, over its runs. */
export interface Fate {
  readonly release: Pick<RehearsedRelease, "name" | "words" | "isBad">;
  readonly runs: number;
  readonly rolledBack: number;
  readonly promoted: number;
  /** Of those promoted, by evidence at every gate. */
  readonly earned: number;
  /** Of those promoted, with a metric put on record as failed (`onFail: notify`). */
  readonly noticed: number;
  readonly held: number;
  /** What the first of those held waits for; empty when none is. */
  readonly heldReason: string;
  readonly running: number;
  /** From the first visitor on the canary, or from the fault's beginning when that is later; of the runs rolled back. */
  readonly rollbackMs: Spread | null;
  /** Of the runs promoted. */
  readonly promotionMs: Spread | null;
  readonly harmedVisitors: Spread;
  readonly harmedRequests: Spread;
  /** Failed requests that stable answered in its place; 0 where the traffic does not say what is shielded. */
  readonly shieldedRequests: Spread;
  /** Visitors on the canary when it was taken back, in ten-thousandths; the median. */
  readonly weightAtRollback: number | null;
  /** The metrics that decided, the most frequent first. */
  readonly metrics: readonly string[];
}

export function fateOf({ name, words, isBad, fromMs }: RehearsedRelease, all: readonly Played[]): Fate {
  const back = all.filter(({ outcome }) => outcome === "rolled-back");
  const promoted = all.filter(({ outcome }) => outcome === "promoted");
  const metrics = Object.entries(Object.groupBy(back, ({ metric }) => metric ?? "the plan"));
  return {
    release: { name, words, isBad },
    runs: all.length,
    rolledBack: back.length,
    promoted: promoted.length,
    earned: promoted.filter(({ isEarned }) => isEarned).length,
    noticed: promoted.filter(({ alarms }) => alarms.length > 0).length,
    held: all.filter(({ outcome }) => outcome === "held").length,
    heldReason: all.find(({ outcome }) => outcome === "held")?.reason ?? "",
    running: all.filter(({ outcome }) => outcome === "running").length,
    rollbackMs: spreadOf(back.map(({ tookMs }) => Math.max(0, tookMs - fromMs))),
    promotionMs: spreadOf(promoted.map(({ tookMs }) => tookMs)),
    harmedVisitors: spreadOf(all.map((run) => run.harmedVisitors)) ?? { median: 0, p90: 0 },
    harmedRequests: spreadOf(all.map((run) => run.harmedRequests)) ?? { median: 0, p90: 0 },
    shieldedRequests: spreadOf(all.map((run) => run.shieldedRequests)) ?? { median: 0, p90: 0 },
    weightAtRollback: spreadOf(back.map(({ weight }) => weight))?.median ?? null,
    metrics: metrics.toSorted(([, a = []], [, b = []]) => b.length - a.length).map(([metric]) => metric),
  };
}

/** Null without values. The lower of two middle values, so that it is one that was measured. */
export function spreadOf(values: readonly number[]): Spread | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
  return { median: at(0.5), p90: at(0.9) };
}
