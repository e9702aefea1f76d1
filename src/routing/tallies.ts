import type { Choice, InFlight } from "./in-flight.ts";
import type { Outcome, Side } from "./wire.ts";

/** `none` is a request that ended without an answer's head. */
export type StatusClass = "1xx" | "2xx" | "3xx" | "4xx" | "5xx" | "none";

/** Upper bounds of the buckets for the time to an answer's head, in milliseconds; one more bucket holds what is above. */
export const headBoundsMs: readonly number[] = [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000];

/**
 * What a worker counted of one release on one side, for dashboards: cumulative since its boot. It is in no verdict, so it is kept
 * apart from the counters of evidence, whose cells it would multiply.
 */
export interface Tally {
  readonly service: string;
  readonly environment: string;
  readonly release: string;
  readonly arm: Side;
  readonly answers: readonly {
    readonly outcome: Outcome;
    readonly status: StatusClass;
    /** The release failed, and the user got stable's answer. */
    readonly isShielded: boolean;
    readonly count: number;
  }[];
  /** For each bucket of `headBoundsMs`, and the one above: how many heads of the release's own answers came that late. */
  readonly heads: readonly number[];
  readonly headsSumMs: number;
  /** How often an instance was ejected. */
  readonly ejections: number;
}

interface Answer {
  readonly outcome: Outcome;
  readonly status: StatusClass;
  readonly isShielded: boolean;
  count: number;
}

interface Cell {
  readonly about: Pick<Tally, "service" | "environment" | "release" | "arm">;
  readonly answers: Map<string, Answer>;
  readonly heads: number[];
  headsSumMs: number;
  ejections: number;
}

/** As long as a release is kept warm by default. One that comes back later is counted anew, which a reader of counters takes for a restart. */
const keptUnnamedMs = 3_600_000;

/** The tallies of one worker. Bounded by the releases that tables have named in the last hour. */
export class Tallies {
  #cells = new Map<string, Cell>();
  #changed = new Set<Cell>();
  /** Since when no table has named the release. */
  #unnamedSinceMs = new Map<string, number>();

  /** A request was judged: `outcome` is its release's, `seen` is what the user saw. */
  judged({ choice, status, headMs, waitingSinceMs, hasFallenBack }: InFlight, outcome: Outcome, seen: Outcome): void {
    const cell = this.#cellOf(choice, choice.pool.release);
    const answer = { outcome, status: statusClass(status), isShielded: outcome === "failed" && seen === "ok" };
    const key = `${answer.outcome} ${answer.status} ${answer.isShielded}`;
    cell.answers.getOrInsertComputed(key, () => ({ ...answer, count: 0 })).count += 1;
    // Stable's answer says nothing of how fast the release that failed would have been.
    if (headMs !== null && !hasFallenBack && !answer.isShielded) addHead(cell, headMs - waitingSinceMs);
    this.#changed.add(cell);
  }

  /** The release whose instance it was, which is stable's when that stood in. */
  ejected(choice: Choice, release: string): void {
    const cell = this.#cellOf(choice, release);
    cell.ejections += 1;
    this.#changed.add(cell);
  }

  /** After a reconnect the receiver may know nothing: everything is said again. */
  markAllChanged(): void {
    for (const cell of this.#cells.values()) this.#changed.add(cell);
  }

  /** Forgets releases that no table has named for an hour. */
  retain(named: ReadonlySet<string>, nowMs: number): void {
    for (const release of named) this.#unnamedSinceMs.delete(release);
    const gone = new Set<string>();
    for (const [key, cell] of this.#cells) {
      const { release } = cell.about;
      if (named.has(release) || this.#changed.has(cell)) continue;
      if (nowMs - this.#unnamedSinceMs.getOrInsert(release, nowMs) < keptUnnamedMs) continue;
      this.#cells.delete(key);
      gone.add(release);
    }
    for (const release of gone) this.#unnamedSinceMs.delete(release);
  }

  /** What changed since the last call. */
  takeChanged(): readonly Tally[] {
    const changed = Array.from(this.#changed, ({ about, answers, heads, headsSumMs, ejections }) => ({
      ...about,
      answers: Array.from(answers.values(), (answer) => ({ ...answer })),
      heads: [...heads],
      headsSumMs,
      ejections,
    }));
    this.#changed.clear();
    return changed;
  }

  #cellOf(choice: Choice, release: string): Cell {
    const { service, environment } = choice.service;
    const arm = release === choice.pool.release ? choice.arm : "stable";
    return this.#cells.getOrInsertComputed(`${environment}\n${service}\n${release}\n${arm}`, () => ({
      about: { service, environment, release, arm },
      answers: new Map(),
      heads: new Array<number>(headBoundsMs.length + 1).fill(0),
      headsSumMs: 0,
      ejections: 0,
    }));
  }
}

function addHead(cell: Cell, tookMs: number): void {
  const bucket = headBoundsMs.findIndex((boundMs) => tookMs <= boundMs);
  const at = bucket === -1 ? headBoundsMs.length : bucket;
  cell.heads[at] = (cell.heads[at] ?? 0) + 1;
  cell.headsSumMs += Math.max(0, tookMs);
}

function statusClass(status: number | null): StatusClass {
  if (status === null) return "none";
  if (status < 200) return "1xx";
  if (status < 300) return "2xx";
  if (status < 400) return "3xx";
  return status < 500 ? "4xx" : "5xx";
}
