/** Chance that a seed replays: mulberry32 by Tommy Ettinger (public domain). */
export class Seeded {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** Whole, in [0, below). */
  below(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  }

  one<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }

  /** Cuts text into pieces at `cuts` places. */
  pieces(text: string, cuts: number): readonly string[] {
    const places = Array.from({ length: cuts }, () => this.below(text.length + 1)).sort((a, b) => a - b);
    return [0, ...places].map((place, index) => text.slice(place, places[index]));
  }
}
