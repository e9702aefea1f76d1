/** Far more than any client says of itself: those that measure their line say as much as one ping for each of its turns, and not for long. */
const atOnce = 1_000;
const perSecond = 100;

/**
 * How much a client of HTTP/2 says that is about its connection only. Pings and settings are free to send at any time, and each has to be
 * answered: who says nothing else may keep a worker busy for as long as it likes (RFC 9113, 10.5).
 */
export class Chatter {
  #left = atOnce;
  #countedAtMs: number;

  constructor(nowMs: number) {
    this.#countedAtMs = nowMs;
  }

  /** One more. False when it is too many. */
  isBearable(nowMs: number): boolean {
    this.#left = Math.min(atOnce, this.#left + ((nowMs - this.#countedAtMs) / 1_000) * perSecond) - 1;
    this.#countedAtMs = nowMs;
    return this.#left >= 0;
  }
}
