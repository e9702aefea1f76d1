import { closeSync, readFileSync } from "node:fs";
import { BelayError } from "../errors.ts";

/** What the keeper handed to this process: descriptors by name. Names are words without `=` and `,`. */
export interface Inherited {
  /** Listening sockets, bound already (`BELAY_SOCKETS`: `name=fd,name=fd`). */
  readonly sockets: Readonly<Record<string, number>>;
  /** Pipes from which a key is read once (`BELAY_KEYS`: `name=fd`); see `readInheritedKey`. */
  readonly keys: Readonly<Record<string, number>>;
  /** Keeper and holder only: the link to the other half (`BELAY_PAIR`: fd). */
  readonly pairFd: number | null;
  /** Keeper only: where to report how the start went (`BELAY_STARTUP`: fd). */
  readonly startupFd: number | null;
}

/** Reads this process's environment. */
export function readInherited(): Inherited {
  return parseInherited(process.env);
}

/** Throws `BELAY_KEEPER_HANDOVER_BROKEN` for anything but `name=fd`. */
export function parseInherited(environment: Readonly<Record<string, string | undefined>>): Inherited {
  return {
    sockets: parseDescriptors("BELAY_SOCKETS", environment["BELAY_SOCKETS"]),
    keys: parseDescriptors("BELAY_KEYS", environment["BELAY_KEYS"]),
    pairFd: parseDescriptor("BELAY_PAIR", environment["BELAY_PAIR"]),
    startupFd: parseDescriptor("BELAY_STARTUP", environment["BELAY_STARTUP"]),
  };
}

/** The inverse of what a process reads: the value of `BELAY_SOCKETS` or `BELAY_KEYS`. */
export function printDescriptors(descriptors: Readonly<Record<string, number>>): string {
  return Object.entries(descriptors)
    .map(([name, descriptor]) => `${name}=${descriptor}`)
    .join(",");
}

/**
 * Reads a key to its end and closes the pipe; call once for each name. Throws `BELAY_KEEPER_KEY_MISSING` when the name was
 * not handed over, or nothing came (the keeper ended while it handed over; the next start gets it).
 */
export function readInheritedKey(inherited: Pick<Inherited, "keys">, name: string): Uint8Array {
  const descriptor = inherited.keys[name];
  const next = "Run `belay down`, then `belay up`.";
  if (descriptor === undefined) {
    throw new BelayError({ code: "BELAY_KEEPER_KEY_MISSING", message: `the keeper handed over no key called ${name}`, next });
  }
  const key = readFileSync(descriptor);
  closeSync(descriptor);
  if (key.length > 0) return key;
  throw new BelayError({ code: "BELAY_KEEPER_KEY_MISSING", message: `the key ${name} came empty from the keeper`, next });
}

function parseDescriptors(variable: string, text: string | undefined): Readonly<Record<string, number>> {
  if (text === undefined || text === "") return {};
  return Object.fromEntries(
    text.split(",").map((part) => {
      const match = /^([^=,]+)=(\d+)$/.exec(part);
      if (match?.[1] === undefined) throw broken(variable, text);
      return [match[1], Number(match[2])];
    }),
  );
}

function parseDescriptor(variable: string, text: string | undefined): number | null {
  if (text === undefined || text === "") return null;
  if (!/^\d+$/.test(text)) throw broken(variable, text);
  return Number(text);
}

function broken(variable: string, text: string): BelayError {
  return new BelayError({
    code: "BELAY_KEEPER_HANDOVER_BROKEN",
    message: `${variable}=${text} does not name descriptors`,
    next: "Start Belay's processes with `belay up`, not by hand.",
  });
}
