import { isOwnCookie } from "../routing/visitor-cookie.ts";
import { withoutNominated } from "./request-head.ts";
import { withoutSharing } from "./shared-cache.ts";

export interface ResponseHead {
  /** Headers as the client gets them: name, value, name, value. */
  readonly headers: readonly string[];
  readonly hasDate: boolean;
  /** Server-sent events: open-ended, and left by its reader. */
  readonly isStream: boolean;
  /** One of the service's own cookies. */
  readonly setsCookie: boolean;
}

export interface ResponseAdditions {
  /** Value of the Set-Cookie that makes the visitor known; null when it is known. */
  readonly setCookie: string | null;
  /** Release to show in `belay-release`; null when it is not shown. */
  readonly shownRelease: string | null;
  /** The release is not everybody's yet, so no cache that visitors share may keep what it says. */
  readonly isCanary: boolean;
  /** The worker is being replaced: the client is asked to connect anew. */
  readonly isLast: boolean;
}

/** Of one connection, or Belay's own. */
const notPassed = new Set([
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** May not stand behind a body, because they say how the message is read, who may read it, or belong to Belay. */
const noTrailers = new Set([
  ...notPassed,
  "authorization",
  "cache-control",
  "connection",
  "content-encoding",
  "content-length",
  "content-range",
  "content-type",
  "host",
  "set-cookie",
]);

/** The fields of a 1xx answer as the client gets them: none of its connection, and no cookies. */
export function informationForClient(raw: readonly string[]): readonly string[] {
  return withoutNames(raw, noTrailers, ["content-type", "cache-control"]);
}

export function trailersForClient(raw: readonly string[]): readonly string[] {
  return withoutNames(raw, noTrailers, []);
}

function withoutNames(raw: readonly string[], names: ReadonlySet<string>, butNot: readonly string[]): readonly string[] {
  return raw.filter((_, index) => {
    const name = (raw[index - (index % 2)] ?? "").toLowerCase();
    return (!names.has(name) && !name.startsWith("belay-")) || butNot.includes(name);
  });
}

/** An instance's headers as the client gets them. An answer that caches may share never carries a visitor's cookie. */
export function headersForClient(raw: readonly string[], additions: ResponseAdditions): ResponseHead {
  const passed: string[] = [];
  let connection = "";
  let hasDate = false;
  let isShared = false;
  let isStream = false;
  let setsCookie = false;
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] ?? "";
    const value = raw[index + 1] ?? "";
    const lower = name.toLowerCase();
    if (lower === "connection") {
      connection = connection === "" ? value : `${connection},${value}`;
      continue;
    }
    if (notPassed.has(lower) || lower.startsWith("belay-") || (lower === "set-cookie" && isOwnCookie(value))) continue;
    if (lower === "date") hasDate = true;
    else if (lower === "set-cookie") setsCookie = true;
    else if (lower === "cache-control") isShared ||= /\bpublic\b|\bs-maxage\b/i.test(value);
    else if (lower === "content-type") isStream ||= /^\s*text\/event-stream\b/i.test(value);
    passed.push(name, value);
  }
  const own = withoutNominated(passed, connection);
  const headers = additions.isCanary ? [...withoutSharing(own)] : [...own];
  if (additions.setCookie !== null && !isShared) headers.push("Set-Cookie", additions.setCookie);
  if (additions.shownRelease !== null) headers.push("belay-release", additions.shownRelease);
  if (additions.isLast) headers.push("Connection", "close");
  return { headers, hasDate, isStream, setsCookie };
}
