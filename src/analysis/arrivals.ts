/** The mean of about so many gaps: it follows the hour of the day, and a closed circle of visitors that runs dry. */
const gapsRemembered = 50;

export interface ArrivalsState {
  readonly gaps: number;
  readonly meanGapMs: number;
}

/** How far apart new visitors come. */
export class Arrivals {
  #gaps: number;
  #meanGapMs: number;

  constructor({ gaps, meanGapMs }: ArrivalsState = { gaps: 0, meanGapMs: 0 }) {
    this.#gaps = gaps;
    this.#meanGapMs = meanGapMs;
  }

  /** One came so long after the one before; workers may tell it late, and then it came at once. */
  came(gapMs: number): void {
    this.#gaps = Math.min(gapsRemembered, this.#gaps + 1);
    this.#meanGapMs += (Math.max(0, gapMs) - this.#meanGapMs) / this.#gaps;
  }

  /** Null while fewer than `gapsLeast` gaps were seen. */
  meanGapMs(gapsLeast: number): number | null {
    return this.#gaps < gapsLeast ? null : this.#meanGapMs;
  }

  state(): ArrivalsState {
    return { gaps: this.#gaps, meanGapMs: this.#meanGapMs };
  }
}
