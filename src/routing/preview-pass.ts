import { createPublicKey, type KeyObject, verify } from "node:crypto";
import type { PreviewKey, PreviewPurpose } from "../rollout/preview.ts";

/** What a link or a cookie says of itself. Signed, not secret. */
export interface PreviewPass {
  readonly environment: string;
  readonly service: string;
  readonly release: string;
  readonly nonce: string;
  /** Seconds since 1970. */
  readonly expires: number;
}

const lengthMax = 1_024;
const rememberedMax = 1_000;

/** What a key signs for a pass. The purpose is a part of it, so that a link is never taken for a cookie, whichever key signed it. */
export function signedText(purpose: PreviewPurpose, keyId: string, payload: string): string {
  return `belay preview ${purpose}\n${keyId}.${payload}`;
}

/** `<key id>.<payload>.<signature>`, of characters that a URL and a cookie take as they are. */
export function writePass(
  pass: PreviewPass,
  key: { readonly purpose: PreviewPurpose; readonly id: string; sign(text: string): Uint8Array },
): string {
  const { environment, service, release, nonce, expires } = pass;
  const payload = Buffer.from(JSON.stringify([environment, service, release, nonce, expires])).toString("base64url");
  return `${key.id}.${payload}.${Buffer.from(key.sign(signedText(key.purpose, key.id, payload))).toString("base64url")}`;
}

/** Reads passes that one of the present keys has signed. */
export class PassReader {
  #keys: ReadonlyMap<string, KeyObject> = new Map();
  #keysText = "";
  /** By purpose and text: a signature costs as much to check as a request costs to pass on. */
  #remembered = new Map<string, PreviewPass>();

  useKeys(keys: readonly PreviewKey[]): void {
    const text = JSON.stringify(keys);
    if (text === this.#keysText) return;
    this.#keysText = text;
    this.#remembered.clear();
    this.#keys = new Map(keys.map(({ purpose, id, publicKey }) => [`${purpose} ${id}`, keyFrom(publicKey)]));
  }

  /** Null for what none of the keys of this purpose has signed. Whether it has expired is for the caller to see. */
  read(purpose: PreviewPurpose, text: string): PreviewPass | null {
    if (text.length > lengthMax) return null;
    const remembered = this.#remembered.get(`${purpose} ${text}`);
    if (remembered !== undefined) return remembered;
    const [id = "", payload = "", signature = "", ...rest] = text.split(".");
    const key = this.#keys.get(`${purpose} ${id}`);
    if (key === undefined || rest.length > 0) return null;
    if (!verify(null, Buffer.from(signedText(purpose, id, payload)), key, Buffer.from(signature, "base64url"))) return null;
    const pass = parsePayload(payload);
    if (this.#remembered.size >= rememberedMax) this.#remembered.clear();
    this.#remembered.set(`${purpose} ${text}`, pass);
    return pass;
  }
}

/** Only what was signed comes here, and only `writePass` writes that. */
function parsePayload(payload: string): PreviewPass {
  const [environment, service, release, nonce, expires]: readonly [string, string, string, string, number] = JSON.parse(
    Buffer.from(payload, "base64url").toString(),
  );
  return { environment, service, release, nonce, expires };
}

function keyFrom(publicKey: string): KeyObject {
  return createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: publicKey }, format: "jwk" });
}
