import { closeSync, writeSync } from "node:fs";
import { BelayError } from "../errors.ts";

/** How a keeper's start went: the one line that it writes for whoever started it. */
export type StartupReport =
  | { readonly ok: true; readonly addresses: Readonly<Record<string, string>> }
  | { readonly ok: false; readonly code: string; readonly message: string; readonly next: string };

/** Writes the line and closes the descriptor; nothing when there is none. */
export function reportStartup(
  fd: number | null,
  outcome: { readonly addresses: Readonly<Record<string, string>> } | { readonly failure: unknown },
): void {
  if (fd === null) return;
  try {
    writeSync(
      fd,
      `${JSON.stringify("addresses" in outcome ? { ok: true, addresses: outcome.addresses } : describe(outcome.failure))}\n`,
    );
  } catch (cause) {
    // Nobody waits for the report any more. The keeper is no worse for it.
    if ((cause as NodeJS.ErrnoException).code !== "EPIPE") throw cause;
  } finally {
    closeSync(fd);
  }
}

function describe(failure: unknown): StartupReport {
  if (failure instanceof BelayError) return { ok: false, code: failure.code, message: failure.message, next: failure.next };
  const message = failure instanceof Error ? (failure.stack ?? failure.message) : String(failure);
  return { ok: false, code: "BELAY_BUG", message, next: "Report it with this text." };
}
