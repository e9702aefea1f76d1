import { chmodSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { BelayError } from "../errors.ts";
import { readJsonFile, writeFileDurably } from "../ports/durable-file.ts";
import type { Random } from "../ports/random.ts";

/** Form of the data folder as a whole. Raised when an older program could not use what a newer one wrote. */
const formatNow = 1;

/** Where everything lies. One folder, so that a backup is a copy of it. */
export interface DataFolder {
  readonly path: string;
  readonly ledger: string;
  readonly keys: string;
  readonly visitorKey: string;
  /** Secrets and config versions, sealed with the key that lies beside the data folder. */
  readonly config: string;
  readonly evidence: string;
  /** Hours of requests that are over, for error budgets. */
  readonly budgets: string;
  readonly table: string;
}

export function dataFolderAt(path: string): DataFolder {
  const keys = join(path, "keys");
  return {
    path,
    ledger: join(path, "ledger.sqlite"),
    keys,
    visitorKey: join(keys, "visitor.key"),
    config: join(path, "config"),
    evidence: join(path, "evidence.json"),
    budgets: join(path, "error-budgets.json"),
    table: join(path, "run", "routing-table.json"),
  };
}

/**
 * Makes the folder and Belay's own keys at the first use, 0700 and 0600. Throws `BELAY_DATA_NEWER` for the folder of a newer
 * program and `BELAY_DATA_NO_PERMISSION` when it cannot be made or written.
 */
export function prepareDataFolder(path: string, random: Random): DataFolder {
  const folder = dataFolderAt(path);
  try {
    for (const part of [folder.path, folder.keys, join(path, "run"), join(path, "logs"), join(path, "certificates")])
      mkdirSync(part, { recursive: true, mode: 0o700 });
    chmodSync(folder.path, 0o700);
    requireFormat(path);
    if (!existsSync(folder.visitorKey)) writeFileDurably(folder.visitorKey, random.bytes(32));
    return folder;
  } catch (cause) {
    if (cause instanceof BelayError) throw cause;
    throw new BelayError({
      code: "BELAY_DATA_NO_PERMISSION",
      message: `the data folder ${path} cannot be used: ${(cause as Error).message}`,
      next: "Choose a folder that you may write with --data or BELAY_DATA.",
      cause,
    });
  }
}

/** Throws `BELAY_DATA_NEWER` when the folder was written by a program that this one does not understand. */
export function requireFormat(path: string): void {
  const file = join(path, "format.json");
  const content = readJsonFile(file);
  if (content === undefined) {
    writeFileDurably(file, `${JSON.stringify({ format: formatNow })}\n`);
    return;
  }
  const format = typeof content === "object" && content !== null && "format" in content ? content.format : undefined;
  if (format === formatNow) return;
  throw new BelayError({
    code: "BELAY_DATA_NEWER",
    message: `the data folder ${path} has format ${String(format)}; this program knows format ${formatNow}`,
    next: "Run the version of Belay that wrote it, or choose another folder with --data.",
  });
}
