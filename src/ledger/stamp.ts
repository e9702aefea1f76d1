import type { Clock } from "../ports/clock.ts";
import type { Entry, NewEntry } from "../rollout/entry.ts";
import { canonicalJson } from "./canonical-json.ts";
import { type ChainPoint, chainHash } from "./chain.ts";
import { parseEntry } from "./upcast.ts";

/** An entry as it goes to the disk. `text` is its canonical JSON, which `hash` covers. */
export interface StampedEntry {
  readonly entry: Entry;
  readonly text: string;
  readonly hash: string;
}

/** Gives new entries their positions after `end`, their time and their place in the chain. */
export function stampEntries(options: {
  readonly entries: readonly NewEntry[];
  readonly end: ChainPoint;
  readonly clock: Pick<Clock, "now">;
}): readonly StampedEntry[] {
  const at = options.clock.now().toString();
  let { position, hash } = options.end;
  return options.entries.map(({ environment, service, rollout, actor, fact }) => {
    position += 1;
    const text = canonicalJson({ position, version: 1, at, environment, service, rollout, actor, fact } satisfies Entry);
    hash = chainHash(hash, text);
    // What cannot be read back must not be written: a broken entry would stop every later start.
    return { entry: parseEntry(text, position), text, hash };
  });
}
