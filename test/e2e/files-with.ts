import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * What `read` reads, or undefined when it is gone by now: beside a running Belay, processes end and files are put in place by
 * renaming them, between a look at their folder and a look at them.
 */
export function readIfThere<Content>(read: () => Content): Content | undefined {
  try {
    return read();
  } catch (cause) {
    if (["ENOENT", "ESRCH"].includes(String((cause as NodeJS.ErrnoException).code))) return undefined;
    throw cause;
  }
}

/** Files in which one of the words stands, by the bytes that are on the disk; the copy of the program is not of interest. */
export function filesWith(folder: string, words: readonly string[]): readonly string[] {
  const entries = readIfThere(() => readdirSync(folder, { withFileTypes: true })) ?? [];
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === "program" ? [] : filesWith(path, words);
    const bytes = entry.isFile() ? readIfThere(() => readFileSync(path)) : undefined;
    return bytes !== undefined && words.some((word) => bytes.includes(word)) ? [path] : [];
  });
}
