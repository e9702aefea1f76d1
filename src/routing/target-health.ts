import { Outliers } from "./outliers.ts";
import type { Pool, Target } from "./table.ts";

const streakLength = 5;
const streakSpanMs = 10_000;
const suspectMs = 1_000;
/** Only so that it stays a small number: a multiple of every count of instances up to 10. */
const turnsMax = 5_040 * 1_000;

/** What a worker knows of instances by talking to them: how often in a row they refused or reset with no answer between, and which fail where their peers do not. */
export class TargetHealth {
  /** Times of the last refusals or resets since the last answer, at most five. */
  #streaks = new Map<string, number[]>();
  #turns = new Map<string, number>();
  readonly outliers: Outliers = new Outliers();

  /** An answer of any status ends the streak: a failing answer is evidence, not absence. */
  answered(instance: string): void {
    if (this.#streaks.size > 0) this.#streaks.delete(instance);
  }

  unreachable(instance: string, nowMs: number): void {
    const streak = this.#streaks.getOrInsertComputed(instance, () => []);
    streak.push(nowMs);
    if (streak.length > streakLength) streak.shift();
  }

  forget(pool: Pool): void {
    for (const { instance } of pool.targets) this.#streaks.delete(instance);
    this.#streaks.delete(nobodyIn(pool));
  }

  /** Drops what is known of instances that no table names any more. */
  retain(pools: readonly Pool[]): void {
    const named = new Set(pools.flatMap((pool) => [nobodyIn(pool), ...pool.targets.map(({ instance }) => instance)]));
    for (const instance of this.#streaks.keys()) if (!named.has(instance)) this.#streaks.delete(instance);
    this.outliers.retain(named);
    const releases = new Set(pools.map(({ release }) => release));
    for (const release of this.#turns.keys()) if (!releases.has(release)) this.#turns.delete(release);
  }

  /** A request found no instance in the pool at all; it counts as refused by an instance that stands for them. */
  foundNobody(pool: Pool, nowMs: number): void {
    this.unreachable(nobodyIn(pool), nowMs);
  }

  /** True when every instance of the pool refused or reset five times in a row within ten seconds. */
  isGone(pool: Pool, nowMs: number): boolean {
    const instances = pool.targets.length === 0 ? [nobodyIn(pool)] : pool.targets.map(({ instance }) => instance);
    return instances.every((instance) => {
      const streak = this.#streaks.get(instance);
      const [first] = streak ?? [];
      return streak?.length === streakLength && first !== undefined && nowMs - first <= streakSpanMs;
    });
  }

  /** The pool's targets in the order in which to try them: in turn, those that refused in the last second, or are ejected, at the end. */
  order(pool: Pool, nowMs: number): readonly Target[] {
    const { targets } = pool;
    if (targets.length < 2) return targets;
    const turn = this.#turns.get(pool.release) ?? 0;
    this.#turns.set(pool.release, (turn + 1) % turnsMax);
    if (this.#streaks.size === 0 && !this.outliers.mayHaveEjected(nowMs)) return rotated(targets, turn);
    const isSuspect = ({ instance }: Target) =>
      nowMs - (this.#streaks.get(instance)?.at(-1) ?? Number.NEGATIVE_INFINITY) < suspectMs ||
      this.outliers.isEjected(instance, nowMs);
    // Each kind by itself: else whoever comes after a suspect would get its share, too.
    return [
      ...rotated(
        targets.filter((target) => !isSuspect(target)),
        turn,
      ),
      ...rotated(targets.filter(isSuspect), turn),
    ];
  }
}

function rotated(targets: readonly Target[], turn: number): readonly Target[] {
  if (targets.length < 2) return targets;
  const first = turn % targets.length;
  return [...targets.slice(first), ...targets.slice(0, first)];
}

function nobodyIn(pool: Pool): string {
  return `nobody in ${pool.release}`;
}
