import { setTimeout as sleepFor } from "node:timers/promises";
import type { Clock } from "./clock.ts";

/** The machine's clock. Monotonic time is CLOCK_MONOTONIC, which every process of the machine reads alike. */
export function createSystemClock(): Clock {
  return {
    now: () => Temporal.Now.instant(),
    monotonicMs: () => Number(process.hrtime.bigint() / 1000n) / 1000,
    sleep: async (durationMs, signal) => {
      await sleepFor(durationMs, undefined, signal === undefined ? {} : { signal });
    },
    every: (periodMs, action) => {
      const timer = setInterval(action, periodMs);
      timer.unref();
      return () => clearInterval(timer);
    },
  };
}
