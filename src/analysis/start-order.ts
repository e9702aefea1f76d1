import type { Arm, UnitRecord } from "../routing/wire.ts";

/** How long after its deadline a request may still be on its way from a worker. */
const reportSlackMs = 2_000;
const waitingMax = 65_536;

/** A failure whose request others may have begun before, that are still open. */
export interface Waiting {
  readonly arm: Arm;
  readonly weight: number;
  readonly atMs: number;
}

/**
 * Holds failures back until every request that began before them is known, and gives them on in the order of their beginnings.
 * Shows nothing by itself; it makes a test that follows exact where both sides fail equally often and one of them sooner after
 * the request: scored as they come, the fast side's failures are seen first (measured: up to 98 % of such releases rolled back).
 */
export class StartOrder {
  readonly #deadlineMs: number;
  readonly #waiting: Waiting[];

  /** A worker that is gone for good holds nothing up for longer than `deadlineMs` and a little. */
  constructor(deadlineMs: number, waiting: readonly Waiting[] = []) {
    this.#deadlineMs = deadlineMs;
    this.#waiting = [...waiting];
  }

  add({ arm, weight, atMs }: UnitRecord): void {
    let index = this.#waiting.length;
    while (index > 0 && (this.#waiting[index - 1]?.atMs ?? 0) > atMs) index -= 1;
    this.#waiting.splice(index, 0, { arm, weight, atMs });
  }

  /** Those that nothing open can precede any more. So many that memory is at stake are given on as well. */
  release(time: { readonly nowMs: number; readonly settledUntilMs: number }, give: (failure: Waiting) => void): void {
    const lateMs = time.nowMs - this.#deadlineMs - reportSlackMs;
    const open = this.#waiting.findIndex(({ atMs }) => atMs >= time.settledUntilMs && atMs > lateMs);
    const settled = open === -1 ? this.#waiting.length : open;
    for (const failure of this.#waiting.splice(0, Math.max(settled, this.#waiting.length - waitingMax))) give(failure);
  }

  state(): readonly Waiting[] {
    return [...this.#waiting];
  }
}
