import { join } from "node:path";
import * as z from "zod";
import type { TokenHashes } from "../control/principals.ts";
import { BelayError } from "../errors.ts";
import { readJsonFile, writeFileDurably } from "../ports/durable-file.ts";

const stored = z.strictObject({
  tokens: z.record(z.string().regex(/^[0-9a-f]{10}$/), z.string().regex(/^[0-9a-f]{64}$/)),
});

/** `tokens.json` in the folder of keys, 0600: hashes only. Throws `BELAY_TOKENS_UNUSABLE`. */
export function openTokenFile(keysFolder: string): TokenHashes {
  const file = join(keysFolder, "tokens.json");
  return {
    load: () => {
      try {
        const content = readJsonFile(file);
        return content === undefined ? {} : stored.parse(content).tokens;
      } catch (cause) {
        throw unusable(file, cause);
      }
    },
    save: (tokens) => {
      try {
        writeFileDurably(file, `${JSON.stringify({ tokens })}\n`, 0o600);
      } catch (cause) {
        throw unusable(file, cause);
      }
    },
  };
}

function unusable(file: string, cause: unknown): BelayError {
  return new BelayError({
    code: "BELAY_TOKENS_UNUSABLE",
    message: `the hashes of tokens in ${file} cannot be used: ${(cause as Error).message}`,
    next: "Put the file of a backup in its place, or remove it and make new tokens with `belay token create`.",
    cause,
  });
}
