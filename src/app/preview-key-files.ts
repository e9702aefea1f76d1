import { statSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import type { PreviewKeyStore } from "../control/preview-keys.ts";
import { BelayError } from "../errors.ts";
import { readJsonFile, writeFileDurably } from "../ports/durable-file.ts";

const stored = z.strictObject({
  keys: z.array(z.strictObject({ id: z.string().regex(/^[\w-]{1,40}$/), seed: z.string().regex(/^[\w-]{43}$/) })).min(1),
});

/** `preview-link.json` and `preview-cookie.json` in the folder of keys, 0600. Throws `BELAY_KEYS_READABLE` and `BELAY_KEYS_UNUSABLE`. */
export function openPreviewKeyFiles(keysFolder: string): PreviewKeyStore {
  const fileOf = (purpose: string) => join(keysFolder, `preview-${purpose}.json`);
  return {
    load: (purpose) => read(fileOf(purpose)),
    save: (purpose, keys) => {
      const file = fileOf(purpose);
      try {
        writeFileDurably(file, `${JSON.stringify({ keys })}\n`, 0o600);
      } catch (cause) {
        throw unusable(file, cause);
      }
    },
  };
}

function read(file: string): z.infer<typeof stored>["keys"] {
  let content: unknown;
  try {
    content = readJsonFile(file);
  } catch (cause) {
    throw unusable(file, cause);
  }
  if (content === undefined) return [];
  if ((statSync(file).mode & 0o077) !== 0) {
    throw new BelayError({
      code: "BELAY_KEYS_READABLE",
      message: `${file} can be read or written by other users, and it holds keys that sign previews`,
      next: `Run \`chmod 600 ${file}\`, then \`belay preview --rotate-keys --revoke\`.`,
    });
  }
  const parsed = stored.safeParse(content);
  if (!parsed.success) throw unusable(file, new Error("it is not what Belay writes"));
  return parsed.data.keys;
}

function unusable(file: string, cause: unknown): BelayError {
  return new BelayError({
    code: "BELAY_KEYS_UNUSABLE",
    message: `the keys of previews in ${file} cannot be used: ${(cause as Error).message}`,
    next: "Remove the file: new keys are made, and what the old ones signed ends.",
    cause,
  });
}
