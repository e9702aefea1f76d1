import type { TurnedAwayBy } from "../routing/front-counts.ts";
import type { Limits } from "./limits.ts";

/**
 * How well a client keeps up with its request. What an instance waits for a body counts, not what Belay or the instance
 * take: each second of it uses up a second of patience, which bytes give back.
 */
export class ClientPace {
  readonly #limits: Limits;
  #patienceMs: number;
  #awaitedSinceMs: number | null = null;
  #stalledSinceMs: number | null = null;

  constructor(limits: Limits) {
    this.#limits = limits;
    this.#patienceMs = limits.uploadGraceMs;
  }

  bodyAwaited(nowMs: number): void {
    this.#awaitedSinceMs ??= nowMs;
  }

  bodyArrived(bytes: number, nowMs: number): void {
    const { uploadBytesPerSecondMin, uploadCreditMsMax } = this.#limits;
    const left = this.#patienceLeftMs(nowMs) + (bytes / uploadBytesPerSecondMin) * 1_000;
    this.#patienceMs = Math.min(uploadCreditMsMax, left);
    this.#awaitedSinceMs = null;
  }

  /** Nobody waits for the body for now. What was waited until then stays used up. */
  bodyLetGo(nowMs: number): void {
    this.#patienceMs = this.#patienceLeftMs(nowMs);
    this.#awaitedSinceMs = null;
  }

  /** The client takes no more of its answer for now. */
  answerStalled(nowMs: number): void {
    this.#stalledSinceMs ??= nowMs;
  }

  answerTaken(): void {
    this.#stalledSinceMs = null;
  }

  /** Null as long as it keeps up. */
  faultAt(nowMs: number): Extract<TurnedAwayBy, "body-late" | "reader-late"> | null {
    if (this.#awaitedSinceMs !== null && this.#patienceLeftMs(nowMs) <= 0) return "body-late";
    if (this.#stalledSinceMs !== null && nowMs - this.#stalledSinceMs >= this.#limits.readerStallMs) return "reader-late";
    return null;
  }

  #patienceLeftMs(nowMs: number): number {
    return this.#patienceMs - (nowMs - (this.#awaitedSinceMs ?? nowMs));
  }
}
