import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Asks every `everyMs` until the answer is neither undefined, null nor false; fails, with the last error or answer, after `deadlineMs`:
 * long, for it is waited for in full only where something is broken, and a loaded machine must not be taken for that.
 */
export async function waitFor<Value>(
  what: string,
  ask: () => Promise<Value> | Value,
  { deadlineMs = 90_000, everyMs = 100 }: { readonly deadlineMs?: number; readonly everyMs?: number } = {},
): Promise<NonNullable<Exclude<Value, false>>> {
  const endMs = performance.now() + deadlineMs;
  let last: unknown;
  do {
    try {
      const value = await ask();
      if (value !== undefined && value !== null && value !== false) return value as NonNullable<Exclude<Value, false>>;
      last = value;
    } catch (cause) {
      last = cause;
    }
    await sleep(everyMs);
  } while (performance.now() < endMs);
  throw new assert.AssertionError({ message: `waited ${deadlineMs} ms in vain for: ${what} (last: ${String(last)})` });
}
