import type { ManualClock } from "../ports/manual-clock.ts";

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly action: () => void;
}

/** What will happen, in the order of its time and then of its planning. The only thing that moves the simulated clock. */
export class Agenda {
  readonly #clock: ManualClock;
  /** A binary heap, the next event first. */
  readonly #heap: Event[] = [];
  #order = 0;

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  get nowMs(): number {
    return this.#clock.monotonicMs();
  }

  /** A time that is over means now. */
  at(atMs: number, action: () => void): void {
    const event = { atMs: Math.max(atMs, this.nowMs), order: this.#order, action };
    this.#order += 1;
    let index = this.#heap.length;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = this.#heap[parent];
      if (above === undefined || !isBefore(event, above)) break;
      this.#heap[index] = above;
      index = parent;
    }
    this.#heap[index] = event;
  }

  after(delayMs: number, action: () => void): void {
    this.at(this.nowMs + delayMs, action);
  }

  /** Lets the next event happen. False when there is none. */
  runNext(): boolean {
    const event = this.#take();
    if (event === undefined) return false;
    this.#clock.advance(event.atMs - this.nowMs);
    event.action();
    return true;
  }

  #take(): Event | undefined {
    const [first] = this.#heap;
    const last = this.#heap.pop();
    if (first === undefined || last === undefined || this.#heap.length === 0) return first;
    let index = 0;
    for (;;) {
      const child = this.#smallerChild(index);
      const below = this.#heap[child];
      if (below === undefined || !isBefore(below, last)) break;
      this.#heap[index] = below;
      index = child;
    }
    this.#heap[index] = last;
    return first;
  }

  #smallerChild(index: number): number {
    const left = 2 * index + 1;
    const leftEvent = this.#heap[left];
    const rightEvent = this.#heap[left + 1];
    return leftEvent !== undefined && rightEvent !== undefined && isBefore(rightEvent, leftEvent) ? left + 1 : left;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
