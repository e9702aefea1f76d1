import { createPrivateKey, type KeyObject } from "node:crypto";
import { mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { BelayError } from "../errors.ts";
import { writeFileDurably } from "../ports/durable-file.ts";
import type { Random } from "../ports/random.ts";
import { createSigner, type Signer } from "./checkpoint.ts";

/** DER of a PKCS #8 Ed25519 private key up to its 32 secret bytes (RFC 8410, section 7). */
const pkcs8Prefix = Buffer.from("302e020100300506032b657004220420", "hex");

/**
 * The log's signing key, `<folder>/ledger.key`; made at the first use, 0600 in a folder of 0700.
 * Throws `BELAY_KEYS_READABLE` when others may read folder or file, `BELAY_KEYS_UNUSABLE` when the key cannot be read or made.
 */
export function openSigner(options: { readonly keysFolder: string; readonly random: Random }): Signer {
  const { keysFolder, random } = options;
  const file = join(keysFolder, "ledger.key");
  try {
    mkdirSync(keysFolder, { recursive: true, mode: 0o700 });
    refuseReadable(keysFolder, "700");
    if (statSync(file, { throwIfNoEntry: false }) === undefined)
      writeFileDurably(file, toPem(privateKeyFrom(random.bytes(32))), 0o600);
    refuseReadable(file, "600");
    return createSigner(parsePrivateKey(readFileSync(file, "utf8"), file));
  } catch (cause) {
    if (cause instanceof BelayError) throw cause;
    throw new BelayError({
      code: "BELAY_KEYS_UNUSABLE",
      message: `the ledger's signing key ${file} could not be read or made: ${(cause as Error).message}`,
      next: `Make ${keysFolder} a folder that only the user who runs Belay can read and write, then start again.`,
      cause,
    });
  }
}

/** A signer whose key is the 32 bytes given: for the simulator and tests, which replay. */
export function createSignerFrom(seed: Uint8Array): Signer {
  return createSigner(privateKeyFrom(seed));
}

function privateKeyFrom(seed: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([pkcs8Prefix, seed]), format: "der", type: "pkcs8" });
}

function toPem(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}

function parsePrivateKey(pem: string, file: string): KeyObject {
  const key = createPrivateKey(pem);
  if (key.asymmetricKeyType !== "ed25519") throw new Error(`${file} holds a key of type ${key.asymmetricKeyType}, not ed25519`);
  return key;
}

function refuseReadable(path: string, mode: string): void {
  if ((statSync(path).mode & 0o077) === 0) return;
  throw new BelayError({
    code: "BELAY_KEYS_READABLE",
    message: `${path} can be read or written by other users, and it holds Belay's signing key`,
    next: `Run \`chmod ${mode} ${path}\`, and make a new key if others were able to read this one.`,
  });
}
