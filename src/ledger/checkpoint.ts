import { createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { canonicalJson } from "./canonical-json.ts";
import type { Checkpoint } from "./ledger.ts";

/** Signs checkpoints with the log's own Ed25519 key. */
export interface Signer {
  /** SPKI in base64. */
  readonly publicKey: string;
  /** Over the text's UTF-8 bytes, in base64. */
  sign(text: string): string;
}

export function createSigner(privateKey: KeyObject): Signer {
  const publicKey = createPublicKey(privateKey).export({ type: "spki", format: "der" }).toString("base64");
  return { publicKey, sign: (text) => sign(null, Buffer.from(text), privateKey).toString("base64") };
}

export function signCheckpoint(signer: Signer, statement: Omit<Checkpoint, "publicKey" | "signature">): Checkpoint {
  const unsigned = { ...statement, publicKey: signer.publicKey };
  return { ...unsigned, signature: signer.sign(canonicalJson(unsigned)) };
}

/**
 * Whether the checkpoint was signed by the key that it names. It says nothing about whose key that is: a client compares
 * the key with the one it saw first.
 */
export function verifyCheckpoint(checkpoint: Checkpoint): boolean {
  const { log, position, hash, at, publicKey, signature } = checkpoint;
  let key: KeyObject;
  try {
    key = createPublicKey({ key: Buffer.from(publicKey, "base64"), format: "der", type: "spki" });
  } catch {
    // Bytes that are no key signed nothing: that is the answer, not a failure.
    return false;
  }
  if (key.asymmetricKeyType !== "ed25519") return false;
  return verify(null, Buffer.from(canonicalJson({ log, position, hash, at, publicKey })), key, Buffer.from(signature, "base64"));
}
