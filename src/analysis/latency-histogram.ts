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

/** The bandwidth of the smoothing, in standard deviations of the logarithm, at one duration; it falls with the fifth root of their number. */
const bandwidthShare = 0.7;

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

  /**
   * The share of durations before a bin, as a function of it, smoothed by a normal kernel over the logarithm (Silverman's rule,
   * a little narrower). After some dozen durations a plain count is too rough to bet on: it has gaps.
   */
  smoothed(): (bin: number) => number {
    const bins = Array.from(this.#counts.keys()).filter((bin) => (this.#counts[bin] ?? 0) > 0);
    const total = this.#total;
    let mean = 0;
    for (const bin of bins) mean += (this.#counts[bin] ?? 0) * (bin + 0.5);
    mean /= total;
    let variance = 0;
    for (const bin of bins) variance += (this.#counts[bin] ?? 0) * (bin + 0.5 - mean) ** 2;
    const width = bandwidthShare * (Math.sqrt(variance / total) + 0.5) * total ** -0.2;
    return (before) => {
      let sum = 0;
      for (const bin of bins) sum += (this.#counts[bin] ?? 0) * normalShare((before - bin - 0.5) / width);
      return sum / total;
    };
  }

  /** In milliseconds, to 4 %; null when there are too few durations to speak of. */
  quantileMs(q: number): number | null {
    return this.#total * (1 - q) < 1 ? null : binStartMs(this.edgeAt(q) - 0.5);
  }

  state(): readonly (readonly [bin: number, count: number])[] {
    return Array.from(this.#counts.entries()).filter(([, count]) => count > 0);
  }
}

/** The share of a standard normal before `x`, to 1e-5 (Abramowitz and Stegun 26.2.16). */
function normalShare(x: number): number {
  if (x > 6) return 1;
  if (x < -6) return 0;
  const t = 1 / (1 + 0.33267 * Math.abs(x));
  const beyond = 0.3989423 * Math.exp((-x * x) / 2) * t * (0.4361836 + t * (-0.1201676 + t * 0.937298));
  return x > 0 ? 1 - beyond : beyond;
}
