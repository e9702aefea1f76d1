import { createHash } from "node:crypto";

/** A part of a name that may name a file. Words that had to be changed get a hash, so that two of them stay two. */
export function safeWord(word: string): string {
  const safe = word
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, "-")
    .replace(/^-+/, "")
    .slice(0, 48);
  if (safe === word && safe !== "") return safe;
  const hash = createHash("sha256").update(word).digest("hex").slice(0, 8);
  return safe === "" ? hash : `${safe}-${hash}`;
}
