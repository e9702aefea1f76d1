import { createHmac, timingSafeEqual } from "node:crypto";
import type { Random } from "../ports/random.ts";
import type { PreviewCookie } from "./preview-desk.ts";

export const visitorCookieName = "belay_uid";

const lifetimeSeconds = 30 * 24 * 3600;
const renewalAgeSeconds = lifetimeSeconds * 0.75;
const idPattern = /^[\w-]{22}$/;

/** Who sends a request, as far as Belay knows. */
export interface Visitor {
  readonly id: string;
  /** The id was made just now: the visitor brought none of ours. */
  readonly isNew: boolean;
  /** The Set-Cookie value that the answer should carry; null when the visitor's cookie is good for longer. */
  readonly setCookie: string | null;
}

/**
 * Issues and checks `belay_uid`: `<id>.<issue time in seconds, base 36>.<mac>`. Only a cookie that was made with this key
 * and is younger than 30 days counts; nothing else that a client sends is ever hashed, so that nobody can choose a side.
 */
export class VisitorCookies {
  #key: Uint8Array;
  #random: Random;

  constructor({ key, random }: { readonly key: Uint8Array; readonly random: Random }) {
    this.#key = key;
    this.#random = random;
  }

  /** The visitor of the first authentic cookie among `values`, renewed with the same id in its last quarter; a new visitor when there is none. */
  identify(values: readonly string[], nowSeconds: number): Visitor {
    for (const value of values) {
      const known = this.#verify(value);
      if (known === null) continue;
      const ageSeconds = nowSeconds - known.issuedSeconds;
      if (ageSeconds >= lifetimeSeconds) continue;
      return {
        id: known.id,
        isNew: false,
        setCookie: ageSeconds >= renewalAgeSeconds ? this.#issue(known.id, nowSeconds) : null,
      };
    }
    const id = Buffer.from(this.#random.bytes(16)).toString("base64url");
    return { id, isNew: true, setCookie: this.#issue(id, nowSeconds) };
  }

  /** 16 hex digits that stand for a visitor outside of the worker. */
  unitOf(id: string): string {
    return this.#mac(`unit:${id}`).toString("hex", 0, 8);
  }

  #verify(value: string): { readonly id: string; readonly issuedSeconds: number } | null {
    const [id = "", issued = "", mac = "", ...rest] = value.split(".");
    if (!idPattern.test(id) || rest.length > 0) return null;
    const given = Buffer.from(mac, "base64url");
    const expected = this.#mac(`cookie:${id}.${issued}`).subarray(0, 16);
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null;
    return { id, issuedSeconds: Number.parseInt(issued, 36) };
  }

  #issue(id: string, nowSeconds: number): string {
    const issued = Math.floor(nowSeconds).toString(36);
    const mac = this.#mac(`cookie:${id}.${issued}`).toString("base64url", 0, 16);
    return `${visitorCookieName}=${id}.${issued}.${mac}; Path=/; Max-Age=${lifetimeSeconds}; HttpOnly; SameSite=Lax`;
  }

  #mac(text: string): Buffer {
    return createHmac("sha256", this.#key).update(text).digest();
  }
}

/** Cookies whose names begin so are Belay's own, with or without the prefix that ties a cookie to its host. */
const ownPrefix = "belay_";
const previewPattern = /^(?:__Host-)?belay_preview\./;

/** Whether a cookie, `name=value`, has a name that is Belay's own. */
export function isOwnCookie(pair: string): boolean {
  return pair.startsWith(ownPrefix) || pair.startsWith(`__Host-${ownPrefix}`);
}

/** Takes Belay's cookies out of a Cookie header: visitors' ids, previews, and what is left for the application. */
export function splitCookieHeader(header: string): {
  readonly values: readonly string[];
  readonly previews: readonly PreviewCookie[];
  readonly rest: string;
} {
  if (!header.includes(ownPrefix)) return { values: [], previews: [], rest: header };
  const values: string[] = [];
  const previews: PreviewCookie[] = [];
  const others: string[] = [];
  for (const pair of header.split(";")) {
    const trimmed = pair.trim();
    if (trimmed.startsWith(`${visitorCookieName}=`)) values.push(trimmed.slice(visitorCookieName.length + 1));
    else if (previewPattern.test(trimmed)) previews.push(cookieFrom(trimmed));
    else if (trimmed !== "" && !isOwnCookie(trimmed)) others.push(trimmed);
  }
  return { values, previews, rest: others.join("; ") };
}

function cookieFrom(pair: string): PreviewCookie {
  const at = pair.indexOf("=");
  return at === -1 ? { name: pair, value: "" } : { name: pair.slice(0, at), value: pair.slice(at + 1) };
}
