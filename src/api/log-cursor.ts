import { BelayError } from "../errors.ts";
import type { LogPlace } from "../keeper/read-log.ts";

/** How far each instance's log was read. */
export type LogCursor = Map<string, LogPlace>;

/** Kept by the client, opaque to it. */
export function printLogCursor(cursor: LogCursor): string {
  const places = [...cursor].map(([instance, { offset, rotated }]) => [instance, offset, rotated]);
  return Buffer.from(JSON.stringify(places)).toString("base64url");
}

/** Throws `BELAY_API_BAD_REQUEST` for what is no cursor. */
export function parseLogCursor(text: string): LogCursor {
  const cursor: LogCursor = new Map();
  for (const place of placesIn(text)) {
    const [instance, offset, rotated]: readonly unknown[] = Array.isArray(place) ? place : [];
    if (typeof instance !== "string" || !isCount(offset) || !isCount(rotated)) throw noCursor();
    cursor.set(instance, { offset, rotated });
  }
  return cursor;
}

function placesIn(text: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
    if (Array.isArray(value)) return value;
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
  }
  throw noCursor();
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function noCursor(): BelayError {
  return new BelayError({
    code: "BELAY_API_BAD_REQUEST",
    message: "the cursor is not one that this route gave",
    next: "Send the cursor of the answer before, or none.",
  });
}
