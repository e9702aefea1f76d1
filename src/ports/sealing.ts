import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from "node:crypto";
import type { Random } from "./random.ts";

/** Encrypts what may not lie on a disk in clear, and names values without telling them. All by one key. */
export interface Sealing {
  /** AES-256-GCM under a nonce of its own. What was sealed for one purpose opens for no other. */
  seal(text: string, purpose: string): string;
  /** Throws when it was changed, was sealed with another key, or for another purpose. */
  open(sealed: string, purpose: string): string;
  /** The same for the same text under the same key; without the key it tells nothing about the text, however short that is. */
  fingerprint(text: string): string;
}

/** What an environment that goes through the keeper's state is sealed for. */
export const environmentPurpose = "environment";

const version = "v1.";
const nonceBytes = 12;
const tagBytes = 16;

export function createSealing(key: Uint8Array, random: Pick<Random, "bytes">): Sealing {
  const encryption = derive(key, "sealing");
  const naming = derive(key, "fingerprint");
  return {
    seal: (text, purpose) => {
      const nonce = random.bytes(nonceBytes);
      const cipher = createCipheriv("aes-256-gcm", encryption, nonce).setAAD(Buffer.from(purpose));
      const content = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
      return `${version}${Buffer.concat([nonce, cipher.getAuthTag(), content]).toString("base64")}`;
    },
    open: (sealed, purpose) => openSealed(key, sealed, purpose),
    fingerprint: (text) => createHmac("sha256", naming).update(text).digest("hex").slice(0, 12),
  };
}

/** As `Sealing.open`, for whoever seals nothing. */
export function openSealed(key: Uint8Array, sealed: string, purpose: string): string {
  const bytes = Buffer.from(sealed.startsWith(version) ? sealed.slice(version.length) : "", "base64");
  if (bytes.length < nonceBytes + tagBytes) throw new Error("this is nothing that was sealed");
  const tag = bytes.subarray(nonceBytes, nonceBytes + tagBytes);
  const options = { authTagLength: tagBytes };
  const decipher = createDecipheriv("aes-256-gcm", derive(key, "sealing"), bytes.subarray(0, nonceBytes), options)
    .setAAD(Buffer.from(purpose))
    .setAuthTag(tag);
  return Buffer.concat([decipher.update(bytes.subarray(nonceBytes + tagBytes)), decipher.final()]).toString("utf8");
}

function derive(key: Uint8Array, use: string): Buffer {
  return Buffer.from(hkdfSync("sha256", key, "", `belay ${use}`, 32));
}
