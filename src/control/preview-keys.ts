import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from "node:crypto";
import type { Random } from "../ports/random.ts";
import type { PreviewKey, PreviewPurpose } from "../rollout/preview.ts";

/** DER of a PKCS #8 Ed25519 private key up to its 32 secret bytes (RFC 8410, section 7). */
const pkcs8Prefix = Buffer.from("302e020100300506032b657004220420", "hex");
const purposes: readonly PreviewPurpose[] = ["link", "cookie"];

export interface StoredPreviewKey {
  readonly id: string;
  /** The 32 secret bytes, base64url. */
  readonly seed: string;
}

/** Where the keys of a purpose outlive the control plane, the newest first. Both throw when it cannot be used. */
export interface PreviewKeyStore {
  load(purpose: PreviewPurpose): readonly StoredPreviewKey[];
  save(purpose: PreviewPurpose, keys: readonly StoredPreviewKey[]): void;
}

/** The keys that sign previews: one for each purpose, so that neither can be used for the other's. */
export class PreviewKeys {
  readonly #store: PreviewKeyStore;
  readonly #random: Random;

  constructor(options: { readonly store: PreviewKeyStore; readonly random: Random }) {
    this.#store = options.store;
    this.#random = options.random;
  }

  /** Signs by the newest key of a purpose, which is made at the first use. */
  signer(purpose: PreviewPurpose): {
    readonly purpose: PreviewPurpose;
    readonly id: string;
    sign(text: string): Uint8Array;
  } {
    let [present] = this.#store.load(purpose);
    if (present === undefined) {
      present = this.#make();
      this.#store.save(purpose, [present]);
    }
    const key = privateKeyFrom(present.seed);
    return { purpose, id: present.id, sign: (text) => sign(null, Buffer.from(text), key) };
  }

  /** What is checked by: of each purpose the newest key, and the one before it unless that was revoked. */
  known(): readonly PreviewKey[] {
    return purposes.flatMap((purpose) =>
      this.#store.load(purpose).map(({ id, seed }): PreviewKey => ({ purpose, id, publicKey: publicPart(privateKeyFrom(seed)) })),
    );
  }

  /** Makes new keys. Those before are kept for checking once more, or with `isRevoking` not at all. */
  rotate({ isRevoking }: { readonly isRevoking: boolean }): void {
    for (const purpose of purposes) {
      const before = isRevoking ? [] : this.#store.load(purpose).slice(0, 1);
      this.#store.save(purpose, [this.#make(), ...before]);
    }
  }

  /** A key's id is the start of its public half's hash. */
  #make(): StoredPreviewKey {
    const seed = Buffer.from(this.#random.bytes(32)).toString("base64url");
    const publicKey = publicPart(privateKeyFrom(seed));
    return { id: createHash("sha256").update(publicKey).digest("hex").slice(0, 12), seed };
  }
}

/** Keys that nothing outlives: for the simulator and tests. */
export function createMemoryKeyStore(): PreviewKeyStore {
  const kept = new Map<PreviewPurpose, readonly StoredPreviewKey[]>();
  return { load: (purpose) => kept.get(purpose) ?? [], save: (purpose, keys) => void kept.set(purpose, keys) };
}

function privateKeyFrom(seed: string): KeyObject {
  return createPrivateKey({ key: Buffer.concat([pkcs8Prefix, Buffer.from(seed, "base64url")]), format: "der", type: "pkcs8" });
}

function publicPart(key: KeyObject): string {
  return createPublicKey(key).export({ format: "jwk" }).x ?? "";
}
