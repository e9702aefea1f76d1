import { chmodSync, mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import * as z from "zod";
import { BelayError } from "../errors.ts";
import { writeFileDurably } from "../ports/durable-file.ts";

/** Names for servers, kept by the user's own command line. */
export type Remotes = Readonly<Record<string, string>>;

const format = z.object({ format: z.literal(1), remotes: z.record(z.string(), z.string()) });

export function isRemoteName(text: string): boolean {
  return /^[a-z0-9][a-z0-9-]{0,62}$/.test(text);
}

/** Empty when nothing was ever kept. Throws `BELAY_REMOTES_UNREADABLE`. */
export function readRemotes(file: string): Remotes {
  try {
    return format.parse(JSON.parse(readFileSync(file, "utf8"))).remotes;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw new BelayError({
      code: "BELAY_REMOTES_UNREADABLE",
      message: `the names of servers in ${file} cannot be read: ${(cause as Error).message.slice(0, 300)}`,
      next: "Mend the file, or remove it and add the servers again with `belay remote add`.",
      cause,
    });
  }
}

/** Throws `BELAY_REMOTES_NOT_KEPT`. */
export function writeRemotes(file: string, remotes: Remotes): void {
  const sorted = Object.fromEntries(Object.entries(remotes).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    chmodSync(dirname(file), 0o700);
    writeFileDurably(file, `${JSON.stringify({ format: 1, remotes: sorted }, null, 2)}\n`, 0o600);
  } catch (cause) {
    throw new BelayError({
      code: "BELAY_REMOTES_NOT_KEPT",
      message: `the names of servers could not be kept in ${file}: ${(cause as Error).message}`,
      next: "Make the folder writable, or give the address itself with --server.",
      cause,
    });
  }
}

/** The address that a name stands for. Throws `BELAY_REMOTE_UNKNOWN`. */
export function requireRemote(remotes: Remotes, name: string): string {
  const address = Object.hasOwn(remotes, name) ? remotes[name] : undefined;
  if (address !== undefined) return address;
  const known = Object.keys(remotes);
  throw new BelayError({
    code: "BELAY_REMOTE_UNKNOWN",
    message: `there is no server called ${name}${known.length === 0 ? "" : ` (known: ${known.join(", ")})`}`,
    next: `Run \`belay remote add ${name} ssh://user@host\`, or name one that \`belay remote list\` shows.`,
  });
}
