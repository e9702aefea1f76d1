/** Copies a second, of one service in one worker: what learning needs is had with far fewer, and comparing costs time too. */
const copiesPerSecondMax = 50;

/** A shadow that has given no answer, not yet or not any more, is asked this often. */
const unansweredEveryMs = 1_000;

const lookEveryMs = 1_000;
/** Below this many answers in a look nothing is said of stable. */
const answersMin = 5;
/** Stable is slow when its answers take this many times longer than they did. */
const slowRatio = 1.5;
/** What is slower by less than this is no matter. */
const slackMs = 3;
const weightOfLook = 0.1;
const firstShare = 0.25;
const growth = 0.1;

/**
 * How many of the wanted copies may be made now. It begins low; when stable's answers get slower than they were it goes to
 * nothing at once, and comes back a tenth of the wanted share each second. Times are compared as logarithms, so that one
 * answer that takes for ever does not stand for a thousand that do not.
 *
 * A shadow that hangs, sends without end or dies costs most of all, and each further copy tells the same: until it has answered,
 * and again from the first copy that it leaves without an answer, it is asked once a second.
 */
export class ShadowThrottle {
  #share = firstShare;
  /** Mean logarithm of stable's times when nothing was slow; null before the first look. */
  #usual: number | null = null;
  #lookBeganAtMs: number | null = null;
  #answers = 0;
  #sum = 0;
  #tokens = copiesPerSecondMax / 5;
  #filledAtMs: number | null = null;
  #isAnswering = false;
  #askedAtMs = Number.NEGATIVE_INFINITY;

  /** Share of the wanted copies, 0 to 1. */
  get share(): number {
    return this.#share;
  }

  stableAnswered(tookMs: number, nowMs: number): void {
    this.#lookBeganAtMs ??= nowMs;
    this.#answers += 1;
    this.#sum += Math.log(Math.max(0, tookMs) + slackMs);
    if (nowMs - this.#lookBeganAtMs >= lookEveryMs) this.#look(nowMs);
  }

  /** Whether the shadow gave a whole answer to the copy that ended last. */
  get isAnswering(): boolean {
    return this.#isAnswering;
  }

  copyEnded(isAnswered: boolean): void {
    this.#isAnswering = isAnswered;
  }

  /** Whether a copy may be asked for now: always of a shadow that answers. */
  isDue(nowMs: number): boolean {
    return this.#isAnswering || nowMs - this.#askedAtMs >= unansweredEveryMs;
  }

  /** As `isDue`, for the copy that is then asked for. */
  mayAsk(nowMs: number): boolean {
    if (!this.isDue(nowMs)) return false;
    this.#askedAtMs = nowMs;
    return true;
  }

  /** Whether one more copy fits into this second. */
  take(nowMs: number): boolean {
    if (!this.isDue(nowMs)) return false;
    const sinceMs = nowMs - (this.#filledAtMs ?? nowMs);
    this.#filledAtMs = nowMs;
    this.#tokens = Math.min(copiesPerSecondMax / 5, this.#tokens + (sinceMs / 1_000) * copiesPerSecondMax);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  #look(nowMs: number): void {
    const answers = this.#answers;
    const mean = this.#sum / answers;
    this.#lookBeganAtMs = nowMs;
    this.#answers = 0;
    this.#sum = 0;
    if (answers < answersMin) return;
    this.#usual ??= mean;
    if (mean > this.#usual + Math.log(slowRatio)) {
      this.#share = 0;
      // Whatever made it slow, it may stay so: after a while this is what is usual.
      this.#usual += (mean - this.#usual) * weightOfLook * 0.2;
      return;
    }
    this.#usual += (mean - this.#usual) * weightOfLook;
    this.#share = Math.min(1, this.#share + growth);
  }
}
