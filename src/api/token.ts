import { createHash, timingSafeEqual } from "node:crypto";
import * as z from "zod";
import { BelayError } from "../errors.ts";
import { readJsonFile, writeFileDurably } from "../ports/durable-file.ts";
import type { Random } from "../ports/random.ts";

/** What is kept of a token: its owner's name, and a hash that does not give it back. */
export interface ApiToken {
  readonly name: string;
  /** Hex. The token itself is 256 random bits, so that a plain hash is enough. */
  readonly sha256: string;
}

const storedToken: z.ZodType<ApiToken> = z.strictObject({
  name: z.string().min(1).max(100),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

/** Makes a token, stores its hash in `file` (0600), replacing the one before, and returns the token, which is shown once and kept nowhere. */
export function createApiToken({
  file,
  name,
  random,
}: {
  readonly file: string;
  readonly name: string;
  readonly random: Random;
}): string {
  const token = `belay_${Buffer.from(random.bytes(32)).toString("base64url")}`;
  writeFileDurably(file, `${JSON.stringify({ name, sha256: sha256(token).toString("hex") } satisfies ApiToken)}\n`);
  return token;
}

/** The stored token, or undefined when none was made. Throws `BELAY_API_TOKEN_FILE` when the file is damaged. */
export function readApiToken(file: string): ApiToken | undefined {
  let content: unknown;
  try {
    content = readJsonFile(file);
  } catch (cause) {
    throw damaged(file, cause);
  }
  if (content === undefined) return undefined;
  const parsed = storedToken.safeParse(content);
  if (!parsed.success) throw damaged(file, parsed.error);
  return parsed.data;
}

/** Takes the same time whatever part of the token is wrong. */
export function matchesToken(candidate: string, token: ApiToken): boolean {
  return timingSafeEqual(sha256(candidate), Buffer.from(token.sha256, "hex"));
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

function damaged(file: string, cause: unknown): BelayError {
  return new BelayError({
    code: "BELAY_API_TOKEN_FILE",
    message: `the file of the API token cannot be read: ${file}`,
    next: "Remove the file and run `belay up --api <host:port>` again; it makes a new token.",
    cause,
  });
}
