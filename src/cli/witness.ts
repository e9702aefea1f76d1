import { appendFileSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import type { Checkpoint } from "../api/views.ts";
import { BelayError } from "../errors.ts";

/** A checkpoint with the address at which it was seen: a log that is replaced as a whole has another id at the same address. */
interface Sighting {
  readonly address: string;
  readonly checkpoint: Checkpoint;
}

const sighting: z.ZodType<Sighting> = z.object({
  address: z.string(),
  checkpoint: z.object({
    log: z.string(),
    position: z.int(),
    hash: z.string(),
    at: z.string(),
    publicKey: z.string(),
    signature: z.string(),
  }),
});

/** The client's own memory of the logs that it has seen, a file for each log, only ever appended to. */
export interface Witness {
  /** Keeps a checkpoint unless it is kept already. Throws `BELAY_WITNESS_NOT_KEPT`. */
  keep(address: string, checkpoint: Checkpoint): void;
  /** What was kept of this log, and of whatever was seen at this address. Damaged lines are left out. */
  kept(address: string, log: string): readonly Checkpoint[];
}

export function openWitness(folder: string): Witness {
  return {
    keep(address, checkpoint) {
      const file = join(folder, `${fileName(checkpoint.log)}.jsonl`);
      try {
        const known = readSightings(file).some(
          (seen) =>
            seen.address === address &&
            seen.checkpoint.position === checkpoint.position &&
            seen.checkpoint.hash === checkpoint.hash,
        );
        if (known) return;
        mkdirSync(folder, { recursive: true, mode: 0o700 });
        // A line that was cut short by a crash must not take this one with it.
        const start = /[^\n]$/.test(readText(file)) ? "\n" : "";
        appendFileSync(file, `${start}${JSON.stringify({ address, checkpoint } satisfies Sighting)}\n`, { mode: 0o600 });
      } catch (cause) {
        throw new BelayError({
          code: "BELAY_WITNESS_NOT_KEPT",
          message: `the ledger's checkpoint could not be kept in ${file}: ${(cause as Error).message}`,
          next: "Make the folder writable; until then `belay history --verify` can say less.",
          cause,
        });
      }
    },
    kept(address, log) {
      return listFiles(folder)
        .flatMap((name) => readSightings(join(folder, name)))
        .filter((seen) => seen.address === address || seen.checkpoint.log === log)
        .map((seen) => seen.checkpoint);
    },
  };
}

/** The log's id comes from the other side: it must not lead out of the folder. */
function fileName(log: string): string {
  return log.replaceAll(/[^\w-]/g, "_").slice(0, 100);
}

function listFiles(folder: string): readonly string[] {
  return unlessMissing(() => readdirSync(folder).filter((name) => name.endsWith(".jsonl")), []);
}

function readSightings(file: string): readonly Sighting[] {
  return readText(file)
    .split("\n")
    .flatMap((line) => {
      const parsed = sighting.safeParse(parseLine(line));
      return parsed.success ? [parsed.data] : [];
    });
}

function readText(file: string): string {
  return unlessMissing(() => readFileSync(file, "utf8"), "");
}

function parseLine(line: string): unknown {
  if (line === "") return undefined;
  try {
    return JSON.parse(line);
  } catch {
    // Half a line, from a crash while it was written: it bears no witness.
    return undefined;
  }
}

function unlessMissing<Value>(read: () => Value, otherwise: Value): Value {
  try {
    return read();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return otherwise;
    throw cause;
  }
}
