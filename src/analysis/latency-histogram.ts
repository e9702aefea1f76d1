const firstMs = 0.1;
const logRatio = Math.log(1.04);
/** Bins of 4 % from a tenth of a millisecond to an hour. */
const binCount = 450;

/** The bin of a duration; what is shorter or longer than all bins is in the first or the last. */
export function latencyBin(ms: number): number {
  if (!(ms > firstMs)) return 0;
  return Math.min(binCount - 1, Math.floor(Math.log(ms / firstMs) / logRatio));
}

/** Where a bin begins; fractions are within a bin. */
function binStartMs(bin: number): number {
  return firstMs * Math.exp(bin * logRatio);
}

/** How many bins a duration moves when everything takes `times` as long. */
export function binsFor(times: number): number {
  return Math.log(times) / logRatio;
}

/** Durations by size, to 4 %: constant memory, and counts of several places simply add up. */
export class LatencyHistogram {
  readonly #counts = new Float64Array(binCount);
  #total = 0;

  static restore(state: readonly (readonly [bin: number, count: number])[]): LatencyHistogram {
    const histogram = new LatencyHistogram();
    for (const [bin, count] of state) {
      histogram.#counts[bin] = count;
      histogram.#total += count;
    }
    return histogram;
  }

  add(bin: number): void {
    this.#counts[bin] = (this.#counts[bin] ?? 0) + 1;
    this.#total += 1;
  }

  get total(): number {
    return this.#total;
  }

  /** The first bin behind the quantile: at least the share `q` of durations is in the bins before it. */
  edgeAt(q: number): number {
    let sum = 0;
    for (let bin = 0; bin < binCount; bin += 1) {
      sum += this.#counts[bin] ?? 0;
      if (sum >= q * this.#total) return bin + 1;
    }
    return binCount;
  }

  /** Share of durations before `bin`, which may lie within one. */
  shareBefore(bin: number): number {
    if (bin <= 0 || this.#total === 0) return 0;
    const whole = Math.min(binCount, Math.floor(bin));
    let sum = 0;
    for (let index = 0; index < whole; index += 1) sum += this.#counts[index] ?? 0;
    if (whole < binCount) sum += (bin - whole) * (this.#counts[whole] ?? 0);
    return sum / this.#total;
  }

  /** In milliseconds, to 4 %; null when there are too few durations to speak of. */
  quantileMs(q: number): number | null {
    return this.#total * (1 - q) < 1 ? null : binStartMs(this.edgeAt(q) - 0.5);
  }

  state(): readonly (readonly [bin: number, count: number])[] {
    return Array.from(this.#counts.entries()).filter(([, count]) => count > 0);
  }
}
