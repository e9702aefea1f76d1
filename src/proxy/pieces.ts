/** Smaller pieces than this are copied together. */
const smallBytes = 256;
const blockBytes = 1_024;

/**
 * Bytes in the order in which they came. A piece takes memory beside its bytes, a hundred times as much when each has but one,
 * and whoever sends them chooses how small they are: small ones are put together, so that bytes stay the measure of memory.
 */
export class Pieces {
  #whole: Buffer[] = [];
  /** The last of `#whole` begins at the same place, and is as long as what stands in this one. */
  #block: Buffer | null = null;
  #used = 0;

  add(piece: Buffer): void {
    if (piece.length >= smallBytes) {
      this.#block = null;
      this.#whole.push(piece);
      return;
    }
    if (piece.length === 0) return;
    if (this.#block === null || this.#used + piece.length > blockBytes) {
      this.#block = Buffer.allocUnsafeSlow(blockBytes);
      this.#used = 0;
      this.#whole.push(this.#block);
    }
    this.#used += piece.copy(this.#block, this.#used);
    this.#whole[this.#whole.length - 1] = this.#block.subarray(0, this.#used);
  }

  get all(): readonly Buffer[] {
    return this.#whole;
  }
}
