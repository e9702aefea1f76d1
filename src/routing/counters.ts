import type { Counter } from "./wire.ts";

interface Cell {
  readonly counter: Omit<Counter, "count">;
  count: number;
}

/** Long enough for the last requests of a rollout to have ended. What comes later is counted anew, which nobody asks for any more. */
const keptUnnamedMs = 3_600_000;

/** Cumulative counts since the worker's boot. */
export class Counters {
  #cells = new Map<string, Cell>();
  #changed = new Set<Cell>();
  /** Since when no table has named the rollout. */
  #unnamedSinceMs = new Map<string, number>();

  add(counter: Omit<Counter, "count">): void {
    const { environment, service, rollout, release, arm, weight, route, outcome, isHarm, shield = "", isSlow = false } = counter;
    const key = `${environment}\n${service}\n${rollout}\n${release}\n${arm}\n${weight}\n${route}\n${outcome}\n${isHarm}\n${shield}\n${isSlow}`;
    const cell = this.#cells.getOrInsertComputed(key, () => ({ counter, count: 0 }));
    cell.count += 1;
    this.#changed.add(cell);
  }

  get hasChanged(): boolean {
    return this.#changed.size > 0;
  }

  /** After a reconnect the receiver may know nothing: everything is said again. */
  markAllChanged(): void {
    for (const cell of this.#cells.values()) this.#changed.add(cell);
  }

  /** Forgets what was counted for rollouts that no table has named for an hour; without it each rollout would leave its counters for ever. */
  retain(named: ReadonlySet<string>, nowMs: number): void {
    for (const rollout of named) this.#unnamedSinceMs.delete(rollout);
    const gone = new Set<string>();
    for (const [key, cell] of this.#cells) {
      const { rollout } = cell.counter;
      if (rollout === "" || named.has(rollout)) continue;
      const unnamedForMs = nowMs - this.#unnamedSinceMs.getOrInsert(rollout, nowMs);
      if (unnamedForMs < keptUnnamedMs || this.#changed.has(cell)) continue;
      this.#cells.delete(key);
      gone.add(rollout);
    }
    for (const rollout of gone) this.#unnamedSinceMs.delete(rollout);
  }

  /** What changed since the last call. */
  takeChanged(): readonly Counter[] {
    const changed = Array.from(this.#changed, ({ counter, count }) => ({ ...counter, count }));
    this.#changed.clear();
    return changed;
  }
}
