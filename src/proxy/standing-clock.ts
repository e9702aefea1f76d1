import type { TestContext } from "node:test";
import type { Clock } from "../ports/clock.ts";
import { createSystemClock } from "../ports/system-clock.ts";

const roundMsMax = 50;
const hourMs = 3_600_000;

/**
 * For tests: a worker's time, which stands still until the test lets it pass. However long the machine takes, no deadline is over before its
 * time; and nobody waits for one. What comes round, comes round often. When the test is over, time goes on, so that the worker can drain.
 */
export class StandingClock implements Clock {
  readonly #system = createSystemClock();
  readonly #rounds = new Set<{ count: number }>();
  readonly #hurry: number;
  #standsAtMs: number | null = this.#system.monotonicMs();

  /** Sleeps, which are the machine's, are shorter by `hurry`: for what waits for somebody who never comes. */
  constructor(t: Pick<TestContext, "after">, hurry = 1) {
    this.#hurry = hurry;
    t.after(() => {
      this.#standsAtMs = null;
    });
  }

  now(): Temporal.Instant {
    return this.#system.now();
  }

  monotonicMs(): number {
    return this.#standsAtMs ?? this.#system.monotonicMs() + hourMs;
  }

  sleep(durationMs: number, signal?: AbortSignal): Promise<void> {
    return this.#system.sleep(durationMs / this.#hurry, signal);
  }

  every(periodMs: number, action: () => void): () => void {
    const round = { count: 0 };
    this.#rounds.add(round);
    const stop = this.#system.every(Math.min(periodMs, roundMsMax), () => {
      action();
      round.count += 1;
    });
    return () => {
      this.#rounds.delete(round);
      stop();
    };
  }

  /** Resolves when all that comes round has come round since. */
  async pass(durationMs: number): Promise<void> {
    this.#standsAtMs = this.monotonicMs() + durationMs;
    const before = [...this.#rounds].map((round) => ({ round, count: round.count }));
    while (before.some(({ round, count }) => this.#rounds.has(round) && round.count === count)) await this.#system.sleep(5);
  }
}
