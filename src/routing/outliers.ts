import type { Pool } from "./table.ts";

const windowMs = 10_000;
const slotMs = 1_000;
/** Fewer answers than this in the window say nothing, of an instance or of its peers. */
const answersMin = 10;
const failedShareMin = 0.5;
const firstEjectionMs = 10_000;
const longestEjectionMs = 300_000;

/**
 * What became of a request that an instance worked on. `beaten`: another instance was asked as well and answered first, and nobody
 * waited for this one any more.
 */
export type WorkEnd = "answered" | "failed" | "beaten";

interface Slot {
  readonly atMs: number;
  answers: number;
  failed: number;
  beaten: number;
}

interface Watched {
  slots: Slot[];
  ejectedUntilMs: number;
  lastEjectionMs: number;
}

/**
 * Instances that fail where their peers of the same release do not. Such a one is ejected: tried after the others, for 10 s at first
 * and twice as long each time that it comes back no better. A release that fails as a whole has no outliers: that is evidence, and
 * nothing to hide. At most half of a pool is ejected; beyond that nobody can tell who is to blame. To be beaten is no failure by itself;
 * of an instance that gave no good answer in the whole window it is one, for nobody knows that it would ever have answered.
 */
export class Outliers {
  #watched = new Map<string, Watched>();
  #lastEndsAtMs = Number.NEGATIVE_INFINITY;

  /** A request that this instance of the pool worked on was judged. True when the instance is ejected by it. */
  judged({ pool, instance, end }: { pool: Pool; instance: string; end: WorkEnd }, nowMs: number): boolean {
    if (pool.targets.length < 2) return false;
    const watched = this.#watched.getOrInsertComputed(instance, () => ({
      slots: [],
      ejectedUntilMs: Number.NEGATIVE_INFINITY,
      lastEjectionMs: 0,
    }));
    count(watched, end, nowMs);
    if (end === "answered" || nowMs < watched.ejectedUntilMs || !this.#isOutlier(pool, instance, nowMs)) return false;
    const ejected = pool.targets.filter((target) => this.isEjected(target.instance, nowMs)).length;
    if ((ejected + 1) * 2 > pool.targets.length) return false;
    const isBackSoon = nowMs - watched.ejectedUntilMs <= Math.max(windowMs, watched.lastEjectionMs);
    watched.lastEjectionMs = isBackSoon ? Math.min(longestEjectionMs, watched.lastEjectionMs * 2) : firstEjectionMs;
    watched.ejectedUntilMs = nowMs + watched.lastEjectionMs;
    this.#lastEndsAtMs = Math.max(this.#lastEndsAtMs, watched.ejectedUntilMs);
    // What comes back is judged by what it does then.
    watched.slots = [];
    return true;
  }

  isEjected(instance: string, nowMs: number): boolean {
    const watched = this.#watched.get(instance);
    return watched !== undefined && nowMs < watched.ejectedUntilMs;
  }

  /** Whether anybody needs to be asked about at all: most of the time nobody is ejected. */
  mayHaveEjected(nowMs: number): boolean {
    return nowMs < this.#lastEndsAtMs;
  }

  retain(instances: ReadonlySet<string>): void {
    for (const instance of this.#watched.keys()) if (!instances.has(instance)) this.#watched.delete(instance);
  }

  #isOutlier(pool: Pool, instance: string, nowMs: number): boolean {
    const own = { answers: 0, failed: 0, beaten: 0 };
    const peers = { answers: 0, failed: 0, beaten: 0 };
    for (const target of pool.targets) {
      const sum = target.instance === instance ? own : peers;
      for (const slot of this.#watched.get(target.instance)?.slots ?? []) {
        if (nowMs - slot.atMs >= windowMs) continue;
        sum.answers += slot.answers;
        sum.failed += slot.failed;
        sum.beaten += slot.beaten;
      }
    }
    if (own.failed === own.answers) {
      own.failed += own.beaten;
      own.answers = own.failed;
    }
    if (own.answers < answersMin || peers.answers < answersMin) return false;
    const share = own.failed / own.answers;
    return share >= failedShareMin && peers.failed / peers.answers < share / 2;
  }
}

function count(watched: Watched, end: WorkEnd, nowMs: number): void {
  const atMs = Math.floor(nowMs / slotMs) * slotMs;
  let slot = watched.slots.at(-1);
  if (slot === undefined || slot.atMs < atMs) {
    slot = { atMs, answers: 0, failed: 0, beaten: 0 };
    watched.slots = [...watched.slots.filter((old) => nowMs - old.atMs < windowMs), slot];
  }
  if (end === "beaten") slot.beaten += 1;
  else slot.answers += 1;
  if (end === "failed") slot.failed += 1;
}
