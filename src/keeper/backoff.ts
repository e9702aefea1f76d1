import type { Clock } from "../ports/clock.ts";

const firstMs = 100;
const mostMs = 30_000;

/** What has lived this long was healthy: its next end counts as the first. */
export const backoffResetMs = 60_000;

/** Pause before the next start, in ms, after `endsInARow` ends (1 or more): none at first, then 100 ms doubling to 30 s. */
export function backoffMs(endsInARow: number): number {
  if (endsInARow <= 1) return 0;
  return Math.min(mostMs, firstMs * 2 ** Math.min(endsInARow - 2, 20));
}

/** The pause in place of `backoffMs`'s for what gives way to everything else: no visitor waits for it, and each start takes processor time from them. */
export const backgroundPauseMs = 5_000;

/** Resolves after the pause. Resolves early, and without an error, when `signal` aborts. */
export async function pauseBeforeStart(pauseMs: number, clock: Clock, signal: AbortSignal): Promise<void> {
  if (pauseMs === 0) return;
  await clock.sleep(pauseMs, signal).catch((cause: unknown) => {
    if (!signal.aborted) throw cause;
  });
}
