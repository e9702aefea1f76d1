/** Above what any verdict needs at a step, far below what stable would notice. */
const burst = 50;
const perSecond = 3;
const perCanaryRequest = 0.2;

/**
 * How many failed requests of the canary stable answers in one worker: one in five, at least three a second, and fifty at
 * once. A canary that needs more loses its visitors, who are then stable's in the first place.
 */
export class ShieldBudget {
  #left = burst;
  #atMs: number;
  #answered = 0;
  #failed = 0;

  constructor(nowMs: number) {
    this.#atMs = nowMs;
  }

  /** The canary was sent a request. */
  earn(nowMs: number): void {
    this.#add(perCanaryRequest, nowMs);
  }

  /** False when nothing is left. */
  spend(nowMs: number): boolean {
    this.#add(0, nowMs);
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }

  /** A replay has come to its end: stable answered it well, or failed it too. */
  replayEnded(hasFailed: boolean): void {
    if (hasFailed) this.#failed += 1;
    else this.#answered += 1;
  }

  get isSpent(): boolean {
    return this.#left < 1;
  }

  /** Whether stable does better at what the canary failed. Where it does not, moving visitors would help nobody. */
  get isStableBetter(): boolean {
    return this.#answered >= this.#failed;
  }

  #add(earned: number, nowMs: number): void {
    this.#left = Math.min(burst, this.#left + earned + ((nowMs - this.#atMs) / 1000) * perSecond);
    this.#atMs = nowMs;
  }
}
