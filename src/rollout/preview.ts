import type { ReleaseId } from "./rollout.ts";

/** What one key may sign: a link that is redeemed once, or the cookie that a redeemed link is exchanged for. */
export type PreviewPurpose = "link" | "cookie";

/** The public half of a key. */
export interface PreviewKey {
  readonly purpose: PreviewPurpose;
  readonly id: string;
  /** 32 bytes, base64url. */
  readonly publicKey: string;
}

/** A link that lets one person see a release before others do. Instants are wall clock, ISO 8601. */
export interface Preview {
  /** What the signed link carries, and nothing else does. */
  readonly nonce: string;
  readonly release: ReleaseId;
  readonly by: string;
  readonly madeAt: string;
  /** Until then the link can be redeemed. */
  readonly redeemBefore: string;
  /** How long the cookie is good for. */
  readonly lastsSeconds: number;
  readonly redeemedAt: string | null;
  /** Id of the key that signed the link, and, once it was redeemed, of the one that signed its cookie; null where the entry does not say. */
  readonly key: string | null;
}

/** Until when the preview may be used by somebody. */
export function endOfPreview({ redeemBefore, redeemedAt, lastsSeconds }: Preview): Temporal.Instant {
  return redeemedAt === null
    ? Temporal.Instant.from(redeemBefore)
    : Temporal.Instant.from(redeemedAt).add({ seconds: lastsSeconds });
}

/** Why something that claims to be a preview is not taken. */
export type PreviewRefusal = "forged" | "expired" | "foreign" | "replayed";
