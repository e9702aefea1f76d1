import { createSeededRandom, type Random } from "../ports/random.ts";

/**
 * Draws from one named stream of a seed. What is drawn from one stream moves nothing in another, so that a run with a fault
 * meets the very visitors of the run without it.
 */
export class Draw {
  readonly random: Random;

  constructor(seed: number, stream: string) {
    let mixed = Math.imul(seed ^ 0x5bd1e995, 0x9e3779b1);
    for (let index = 0; index < stream.length; index += 1) mixed = Math.imul(mixed ^ stream.charCodeAt(index), 0x01000193);
    this.random = createSeededRandom(mixed ^ (mixed >>> 15));
  }

  /** Uniform in [0, 1). */
  share(): number {
    return this.random.float();
  }

  between(low: number, high: number): number {
    return low + (high - low) * this.random.float();
  }

  /** A whole number from `low` to `high`, both included. */
  int(low: number, high: number): number {
    return low + Math.floor(this.random.float() * (high - low + 1));
  }

  chance(share: number): boolean {
    return this.random.float() < share;
  }

  pick<T>(items: readonly [T, ...(readonly T[])]): T {
    return items[Math.floor(this.random.float() * items.length)] ?? items[0];
  }

  /** Waiting time of a Poisson stream, in milliseconds. */
  waitMs(perSecond: number): number {
    return (-Math.log(1 - this.random.float()) * 1000) / perSecond;
  }

  hex(digits: number): string {
    let text = "";
    while (text.length < digits)
      text += Math.floor(this.random.float() * 2 ** 32)
        .toString(16)
        .padStart(8, "0");
    return text.slice(0, digits);
  }
}
