import { normalizeHost } from "../routing/find-route.ts";
import type { PreviewCookie } from "../routing/preview-desk.ts";
import { splitCookieHeader } from "../routing/visitor-cookie.ts";

/** What the front has read of a request. `node:http`'s IncomingMessage is one. */
export interface RawRequest {
  readonly url?: string | undefined;
  readonly httpVersion: string;
  /** Name, value, name, value, as they came. */
  readonly rawHeaders: readonly string[];
}

export interface RequestHead {
  /** As the client sent it; empty when it sent none. */
  readonly hostHeader: string;
  /** As routes are compared with it. */
  readonly host: string;
  /** Path and query, as they are passed on. */
  readonly target: string;
  readonly path: string;
  /** Values of `belay_uid`, which the application never sees. */
  readonly visitorCookies: readonly string[];
  /** Cookies that claim to let their holder see a release; the application never sees them either. */
  readonly previewCookies: readonly PreviewCookie[];
  /** The client's X-Request-Id when it is well formed. */
  readonly requestId: string | null;
  readonly hasBody: boolean;
  /** Headers that are passed on: name, value, name, value. */
  readonly headers: readonly string[];
}

const requestIdPattern = /^[\w.:/+=-]{1,128}$/;

/** Of one connection, or replaced by what Belay itself knows. */
const notPassed = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
  // The front has answered it already.
  "expect",
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-proto",
  "x-real-ip",
  "x-request-id",
]);

/** Reads what routing needs and leaves out what must not be passed on. A string is the reason to refuse the request with 400. */
export function readRequestHead(request: RawRequest): RequestHead | string {
  const fields = new HeaderFields();
  for (let index = 0; index + 1 < request.rawHeaders.length; index += 2) {
    fields.add(request.rawHeaders[index] ?? "", request.rawHeaders[index + 1] ?? "");
  }
  if (fields.hosts.length > 1) return "more than one Host header";
  if (fields.isChunked && request.httpVersion !== "1.1") return "Transfer-Encoding on a version of HTTP without it";
  if (request.httpVersion !== "1.1" && request.httpVersion !== "1.0") return "a version of HTTP that is not 1.0 or 1.1";
  const [hostHeader = ""] = fields.hosts;
  const target = originForm(request.url ?? "", hostHeader);
  if (target === null) return "a request target that is neither a path nor a URL of this host";
  const query = target.indexOf("?");
  return {
    hostHeader,
    host: normalizeHost(hostHeader),
    target,
    path: query === -1 ? target : target.slice(0, query),
    visitorCookies: fields.visitorCookies,
    previewCookies: fields.previewCookies,
    requestId: fields.requestId,
    hasBody: fields.isChunked || fields.contentLength > 0,
    headers: withoutNominated(fields.passed, fields.connection),
  };
}

/** Headers as the instance gets them. */
export function headersForInstance(
  head: RequestHead,
  about: { readonly clientAddress: string; readonly requestId: string },
): string[] {
  const { hostHeader, headers } = head;
  const forwarded = ["X-Forwarded-For", about.clientAddress, "X-Forwarded-Proto", "http", "X-Request-Id", about.requestId];
  return hostHeader === "" ? [...headers, ...forwarded] : [...headers, ...forwarded, "X-Forwarded-Host", hostHeader];
}

/** Leaves out the headers that a Connection header names, as RFC 9110 7.6.1 asks; Host stays whatever it says. */
export function withoutNominated(headers: readonly string[], connection: string): readonly string[] {
  const named = connection
    .toLowerCase()
    .split(",")
    .map((token) => token.trim())
    .filter((token) => token !== "" && token !== "close" && token !== "keep-alive" && token !== "upgrade" && token !== "host");
  if (named.length === 0) return headers;
  return headers.filter((_, index) => !named.includes((headers[index - (index % 2)] ?? "").toLowerCase()));
}

class HeaderFields {
  readonly hosts: string[] = [];
  readonly visitorCookies: string[] = [];
  readonly previewCookies: PreviewCookie[] = [];
  readonly passed: string[] = [];
  connection = "";
  requestId: string | null = null;
  isChunked = false;
  contentLength = 0;

  add(name: string, value: string): void {
    switch (name.toLowerCase()) {
      case "host":
        this.hosts.push(value);
        break;
      case "cookie":
        this.#addCookies(name, value);
        return;
      case "content-length":
        this.contentLength = Number(value);
        break;
      case "connection":
        this.connection = this.connection === "" ? value : `${this.connection},${value}`;
        return;
      case "transfer-encoding":
        this.isChunked = true;
        return;
      case "x-request-id":
        if (requestIdPattern.test(value)) this.requestId = value;
        return;
      default:
        // Names that begin with belay- are Belay's own: nobody outside speaks for it.
        if (notPassed.has(name.toLowerCase()) || name.toLowerCase().startsWith("belay-")) return;
    }
    this.passed.push(name, value);
  }

  #addCookies(name: string, value: string): void {
    const { values, previews, rest } = splitCookieHeader(value);
    this.visitorCookies.push(...values);
    this.previewCookies.push(...previews);
    if (rest !== "") this.passed.push(name, rest);
  }
}

/** The path and query of a request target; null for `*`, and for a URL of another host than the Host header says. */
function originForm(url: string, hostHeader: string): string | null {
  if (url.startsWith("/")) return url;
  const absolute = /^https?:\/\/([^/?#]+)(.*)$/i.exec(url);
  if (absolute?.[1] === undefined || absolute[1].toLowerCase() !== hostHeader.toLowerCase()) return null;
  const rest = absolute[2] ?? "";
  return rest.startsWith("/") ? rest : `/${rest}`;
}
