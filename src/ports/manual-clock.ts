import type { Clock } from "./clock.ts";

interface Alarm {
  readonly atMs: number;
  readonly order: number;
  readonly ring: () => void;
}

/** A clock that stands still until a test or the simulator moves it. Alarms ring in the order of their time, then of their setting. */
export class ManualClock implements Clock {
  #monotonicMs = 0;
  #wallOffsetMs: number;
  #order = 0;
  #alarms: Alarm[] = [];

  constructor(startIso = "2026-01-01T00:00:00Z") {
    this.#wallOffsetMs = Temporal.Instant.from(startIso).epochMilliseconds;
  }

  now(): Temporal.Instant {
    return Temporal.Instant.fromEpochMilliseconds(Math.round(this.#wallOffsetMs + this.#monotonicMs));
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  sleep(durationMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason);
        return;
      }
      const cancel = this.#at(durationMs, () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      });
      const onAbort = () => {
        cancel();
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  every(periodMs: number, action: () => void): () => void {
    let cancel = () => {};
    const arm = () => {
      cancel = this.#at(periodMs, () => {
        arm();
        action();
      });
    };
    arm();
    return () => cancel();
  }

  /** Moves monotonic and wall time forward and rings what is due. Does not await what the alarms started. */
  advance(durationMs: number): void {
    const endMs = this.#monotonicMs + durationMs;
    for (let next = this.#next(endMs); next !== undefined; next = this.#next(endMs)) {
      this.#monotonicMs = Math.max(this.#monotonicMs, next.atMs);
      this.#alarms = this.#alarms.filter((alarm) => alarm !== next);
      next.ring();
    }
    this.#monotonicMs = endMs;
  }

  /** Moves the wall clock alone, as an operator or NTP does. Monotonic time is untouched. */
  stepWall(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }

  #at(durationMs: number, ring: () => void): () => void {
    const alarm: Alarm = { atMs: this.#monotonicMs + durationMs, order: this.#order++, ring };
    this.#alarms.push(alarm);
    return () => {
      this.#alarms = this.#alarms.filter((other) => other !== alarm);
    };
  }

  #next(endMs: number): Alarm | undefined {
    let first: Alarm | undefined;
    for (const alarm of this.#alarms) {
      if (alarm.atMs > endMs) continue;
      if (first === undefined || alarm.atMs < first.atMs || (alarm.atMs === first.atMs && alarm.order < first.order))
        first = alarm;
    }
    return first;
  }
}
