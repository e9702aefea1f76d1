import { poolsOf, type RoutingTable } from "./table.ts";
import type { Counter } from "./wire.ts";

/** What tables name. */
interface Named {
  readonly rollouts: ReadonlySet<string>;
  readonly releases: ReadonlySet<string>;
}

export function namedBy({ services }: RoutingTable): Named {
  const rollouts = services.flatMap(({ exposure, watch }) => [exposure?.rollout, watch?.rollout]);
  return {
    rollouts: new Set(rollouts.filter((rollout) => rollout !== undefined)),
    releases: new Set(services.flatMap(poolsOf).map(({ release }) => release)),
  };
}

interface Cell {
  readonly counter: Omit<Counter, "count">;
  count: number;
}

/**
 * Long enough for the last requests of a rollout, or of a release, to have ended. What comes later is counted anew: of a rollout nobody asks for
 * it any more, and a release that comes back after so long begins at none again.
 */
const keptUnnamedMs = 3_600_000;

/** Cumulative counts since the worker's boot. */
export class Counters {
  #cells = new Map<string, Cell>();
  #changed = new Set<Cell>();
  /** Since when no table has named the rollout, or the release of what was counted while none exposed. */
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

  /**
   * Forgets what was counted for rollouts and releases that no table has named for an hour; without it each deploy would leave its counters for
   * ever. Called with each table, which may come long after the one before: what it names again after an hour is forgotten first.
   */
  retain({ rollouts, releases }: Named, nowMs: number): void {
    const seen = new Set<string>();
    for (const [key, cell] of this.#cells) {
      const { rollout, release } = cell.counter;
      const owner = rollout === "" ? `release ${release}` : `rollout ${rollout}`;
      const isNamed = rollout === "" ? releases.has(release) : rollouts.has(rollout);
      const sinceMs = this.#unnamedSinceMs.get(owner) ?? nowMs;
      if (nowMs - sinceMs >= keptUnnamedMs && !this.#changed.has(cell)) this.#cells.delete(key);
      else if (!isNamed) seen.add(owner);
      if (!isNamed) this.#unnamedSinceMs.set(owner, sinceMs);
    }
    for (const owner of this.#unnamedSinceMs.keys()) if (!seen.has(owner)) this.#unnamedSinceMs.delete(owner);
  }

  /** What changed since the last call. */
  takeChanged(): readonly Counter[] {
    const changed = Array.from(this.#changed, ({ counter, count }) => ({ ...counter, count }));
    this.#changed.clear();
    return changed;
  }
}
