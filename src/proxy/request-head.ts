import { normalizeHost } from "../routing/find-route.ts";
import type { PreviewCookie } from "../routing/preview-desk.ts";
import { splitCookieHeader } from "../routing/visitor-cookie.ts";
import { isTraceParent } from "./trace-parent.ts";

/** What the front has read of a request. `node:http`'s IncomingMessage is one. */
export interface RawRequest {
  readonly url?: string | undefined;
  readonly httpVersion: string;
  /** Name, value, name, value, as they came. */
  readonly rawHeaders: readonly string[];
  /** Said by the frames of HTTP/2; of HTTP/1.1 the headers say it. */
  readonly hasBody?: boolean;
  /** Counted where HTTP/2 came in; `node:http` itself refuses a head that is too large. */
  readonly headBytes?: number;
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
  /** The client waits for `100 Continue` before it sends the body. */
  readonly expectsContinue: boolean;
  /** What the request says of those before: true only of a proxy that is trusted. */
  readonly claims: ForwardingClaims;
  /** The hops that the request names, without this one; empty when it names none. */
  readonly via: string;
  readonly httpVersion: string;
  /** Headers that are passed on: name, value, name, value. */
  readonly headers: readonly string[];
}

export interface ForwardingClaims {
  readonly forwardedFor: readonly string[];
  /** The last value; empty when there is none. */
  readonly forwardedProto: string;
  readonly forwardedPort: string;
}

const requestIdPattern = /^[\w.:/+=-]{1,128}$/;

/** Far above what browsers and their proxies send; Node alone would drop what is beyond its limit without a word. */
const headersMax = 200;

/** Whitespace, control characters and bytes beyond ASCII, which HTTP/2 could carry into a request line; `node:http` refuses them. */
const isBeyondUris = /[^\x21-\x7e]/;

/** A name or an address, and a port. */
const hostPattern = /^(?:[\w.~%-]*|\[[\da-f:.]+\])(?::\d{0,5})?$/i;

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
  // Belay gives the answer to it, once the instance takes the body.
  "expect",
  // X-Forwarded-* says the same. A trusted proxy that sets those may let a client's Forwarded through.
  "forwarded",
  "x-forwarded-host",
  "x-real-ip",
  "x-request-id",
  "belay-visitor",
]);

/** Read by their own names; in another spelling they would be a client's word in the place of Belay's. */
const spokenFor = new Set([
  ...notPassed,
  "host",
  "content-length",
  "via",
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-port",
]);

/** Reads what routing needs and leaves out what must not be passed on. A string is the reason to refuse the request with 400. */
export function readRequestHead(request: RawRequest): RequestHead | string {
  const fields = new HeaderFields();
  for (let index = 0; index + 1 < request.rawHeaders.length; index += 2) {
    fields.add(request.rawHeaders[index] ?? "", request.rawHeaders[index + 1] ?? "");
  }
  const [hostHeader = ""] = fields.hosts;
  const target = originForm(request.url ?? "", hostHeader);
  const fault = faultOf(request, fields);
  if (fault !== null) return fault;
  if (target === null) return "a request target that is neither a path nor a URL of this host";
  const query = target.indexOf("?");
  const headers = fields.hasSoundTrace ? fields.passed : fields.passedWithoutTrace();
  return {
    hostHeader,
    host: normalizeHost(hostHeader),
    target,
    path: query === -1 ? target : target.slice(0, query),
    visitorCookies: fields.visitorCookies,
    previewCookies: fields.previewCookies,
    requestId: fields.requestId,
    hasBody: request.hasBody ?? (fields.isChunked || fields.contentLength > 0),
    expectsContinue: fields.expectsContinue && request.httpVersion !== "1.0",
    claims: fields,
    via: fields.via,
    httpVersion: request.httpVersion,
    headers: withoutNominated(headers, fields.connection),
  };
}

/** Why a request that node:http lets through is refused: each could be read differently by whoever reads it next. Null when it is sound. */
function faultOf({ httpVersion, rawHeaders }: RawRequest, fields: HeaderFields): string | null {
  if (rawHeaders.length > 2 * headersMax) return `more than ${headersMax} headers`;
  // "2" is what the front says of HTTP/2; a request line that says so says "2.0".
  if (!["1.1", "1.0", "2"].includes(httpVersion)) return "a version of HTTP that is not 1.0, 1.1 or 2";
  if (fields.hosts.length === 0 && httpVersion !== "1.0") return "no Host header";
  if (fields.hosts.length > 1) return "more than one Host header";
  if (!hostPattern.test(fields.hosts[0] ?? "")) return "a Host header that is not a host";
  if (fields.isChunked && httpVersion !== "1.1") return "Transfer-Encoding on a version of HTTP without it";
  if (fields.isChunked && fields.transferEncoding.trim().toLowerCase() !== "chunked")
    return "a Transfer-Encoding other than chunked";
  if (!Number.isSafeInteger(fields.contentLength)) return "a Content-Length that is no length";
  return null;
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

class HeaderFields implements ForwardingClaims {
  readonly hosts: string[] = [];
  readonly visitorCookies: string[] = [];
  readonly previewCookies: PreviewCookie[] = [];
  readonly passed: string[] = [];
  readonly forwardedFor: string[] = [];
  forwardedProto = "";
  forwardedPort = "";
  via = "";
  connection = "";
  requestId: string | null = null;
  transferEncoding = "";
  isChunked = false;
  contentLength = 0;
  expectsContinue = false;
  hasSoundTrace = true;
  #hasTraceParent = false;

  add(name: string, value: string): void {
    const lower = name.toLowerCase();
    switch (lower) {
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
        this.connection = joined(this.connection, value);
        return;
      case "transfer-encoding":
        this.isChunked = true;
        this.transferEncoding = joined(this.transferEncoding, value);
        return;
      case "expect":
        this.expectsContinue = value.trim().toLowerCase() === "100-continue";
        return;
      case "via":
        this.via = joined(this.via, value);
        return;
      case "x-request-id":
        if (requestIdPattern.test(value)) this.requestId = value;
        return;
      case "x-forwarded-for":
        this.forwardedFor.push(...value.split(",").map((address) => address.trim()));
        return;
      case "x-forwarded-proto":
        this.forwardedProto = value.split(",").at(-1)?.trim().toLowerCase() ?? "";
        return;
      case "x-forwarded-port":
        this.forwardedPort = value.split(",").at(-1)?.trim() ?? "";
        return;
      case "traceparent":
        if (this.#hasTraceParent || !isTraceParent(value)) this.hasSoundTrace = false;
        this.#hasTraceParent = true;
        break;
      default:
        // Names that begin with belay- are Belay's own: nobody outside speaks for it.
        if (notPassed.has(lower) || lower.startsWith("belay-") || isMisspelled(lower)) return;
    }
    this.passed.push(name, value);
  }

  /** A trace that cannot be read is no trace, and its state says nothing without it. */
  passedWithoutTrace(): readonly string[] {
    return withoutNominated(this.passed, "traceparent, tracestate");
  }

  #addCookies(name: string, value: string): void {
    const { values, previews, rest } = splitCookieHeader(value);
    this.visitorCookies.push(...values);
    this.previewCookies.push(...previews);
    if (rest !== "") this.passed.push(name, rest);
  }
}

/** CGI, WSGI and their like know no hyphens: to them `X_Forwarded_For` is `X-Forwarded-For`. */
function isMisspelled(lower: string): boolean {
  if (!lower.includes("_")) return false;
  const name = lower.replaceAll("_", "-");
  return spokenFor.has(name) || name.startsWith("belay-");
}

function joined(before: string, value: string): string {
  return before === "" ? value : `${before},${value}`;
}

/** The path and query of a request target; null for `*`, and for a URL of another host than the Host header says. */
function originForm(url: string, hostHeader: string): string | null {
  // A fragment is never sent; what stands behind it is read as a part of the path by some and not by others.
  if (url.includes("#") || isBeyondUris.test(url)) return null;
  if (url.startsWith("/")) return url;
  const absolute = /^https?:\/\/([^/?#]+)(.*)$/i.exec(url);
  if (absolute?.[1] === undefined || absolute[1].toLowerCase() !== hostHeader.toLowerCase()) return null;
  const rest = absolute[2] ?? "";
  return rest.startsWith("/") ? rest : `/${rest}`;
}
