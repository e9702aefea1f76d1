import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import type { ClientConnection, ClientRequest, ClientResponse } from "./client.ts";

/** Fields of HTTP/1.1 that say how a message lies on its connection, which HTTP/2 forbids. */
const ofHttp1 = new Set(["connection", "http2-settings", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"]);

/** A request on one stream of HTTP/2, as the rest of the proxy reads requests. */
export class Http2Request implements ClientRequest {
  readonly method: string;
  readonly url: string;
  readonly httpVersion = "2";
  readonly rawHeaders: readonly string[];
  readonly headers: ClientRequest["headers"];
  readonly hasBody: boolean;
  readonly headBytes: number;
  readonly #stream: ServerHttp2Stream;
  #hasEnded = false;
  #listeners = new Map<unknown, () => void>();

  constructor(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders & { readonly ":authority"?: string | undefined },
    raw: readonly string[],
  ) {
    this.#stream = stream;
    this.method = String(headers[":method"] ?? "");
    this.url = String(headers[":path"] ?? "");
    this.headers = headers;
    this.rawHeaders = fieldsOf(raw, headers[":authority"]);
    this.hasBody = !stream.endAfterHeaders;
    this.headBytes = raw.reduce((sum, part) => sum + part.length, 0);
    stream.on("end", () => {
      this.#hasEnded = true;
    });
  }

  get complete(): boolean {
    return this.#stream.endAfterHeaders || (this.#hasEnded && !this.#isBroken);
  }

  on(event: string, listener: (chunk: Buffer) => void): this {
    if (event !== "end") {
      this.#stream.on(event, listener);
      return this;
    }
    // A stream that the client resets may end like one that is whole.
    const onEnd = () => void (this.#isBroken || (listener as () => void)());
    this.#listeners.set(listener, onEnd);
    this.#stream.on("end", onEnd);
    // Node tells of the end of a body of which nothing has come before anybody reads it.
    if (this.#hasEnded && !this.#stream.readableDidRead) queueMicrotask(() => void (this.#listeners.has(listener) && onEnd()));
    return this;
  }

  off(event: string, listener: (chunk: Buffer) => void): this {
    this.#stream.off(event, event === "end" ? (this.#listeners.get(listener) ?? listener) : listener);
    this.#listeners.delete(listener);
    return this;
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  get #isBroken(): boolean {
    return this.#stream.aborted || (this.#stream.rstCode ?? 0) !== 0;
  }
}

/** The answer on one stream of HTTP/2. What is written to a stream that is gone is dropped, as `node:http` does it. */
export class Http2Response implements ClientResponse {
  sendDate = true;
  readonly #stream: ServerHttp2Stream;
  #trailers: readonly [string, string][] = [];

  constructor(stream: ServerHttp2Stream) {
    this.#stream = stream;
    stream.on("wantTrailers", () => {
      // None is said too: to close the stream instead is a reset, which Node keeps back while it still reads the request.
      stream.sendTrailers(Object.fromEntries(this.#trailers));
    });
  }

  get headersSent(): boolean {
    return this.#stream.headersSent;
  }

  get destroyed(): boolean {
    return this.#stream.destroyed;
  }

  writeContinue(): void {
    this.writeInformation(100, []);
  }

  writeInformation(status: number, headers: string[]): void {
    if (this.#isGone || this.headersSent) return;
    const fields: Record<string, string[]> = {};
    for (const [name, value] of pairsOf(headers)) fields[name] = [...(fields[name] ?? []), value];
    this.#stream.additionalHeaders({ ...fields, ":status": status });
  }

  writeHead(status: number, ...rest: [string | undefined, string[]] | [string[]]): void {
    if (this.#isGone) return;
    const headers = pairsOf(rest.at(-1) as string[]);
    const raw = [":status", String(status), ...headers.filter(([name]) => !ofHttp1.has(name)).flat()];
    // Node's types know objects only, which have no place for a field that comes twice.
    const respond = this.#stream.respond as unknown as (raw: string[], options: object) => void;
    respond.call(this.#stream, raw, { waitForTrailers: true, sendDate: this.sendDate });
  }

  flushHeaders(): void {
    // They have left already.
  }

  write(chunk: Buffer): boolean {
    return this.#isGone || this.#stream.writableEnded || this.#stream.write(chunk);
  }

  addTrailers(trailers: readonly [string, string][]): void {
    this.#trailers = trailers
      .map(([name, value]): [string, string] => [name.toLowerCase(), value])
      .filter(([name]) => !ofHttp1.has(name));
  }

  end(body = ""): void {
    if (!this.#isGone && !this.#stream.writableEnded) this.#stream.end(body);
  }

  destroy(): void {
    this.#stream.close(constants.NGHTTP2_CANCEL);
  }

  on(event: "close" | "drain", listener: () => void): this {
    this.#stream.on(event, listener);
    return this;
  }

  once(event: "close" | "drain" | "socket", listener: () => void): this {
    this.#stream.once(event, listener);
    return this;
  }

  get #isGone(): boolean {
    return this.#stream.destroyed || this.#stream.closed;
  }
}

/** A stream stands for the connection of its exchange: the others on the same one are none of its business. */
export function connectionOfStream(stream: ServerHttp2Stream, socket: Socket): ClientConnection {
  return {
    peerAddress: socket.remoteAddress ?? "unknown",
    scheme: "https",
    breakOff: () => stream.close(constants.NGHTTP2_INTERNAL_ERROR),
    // A stream that is closed takes nothing from what was said on it.
    endGently: () => void stream.end(),
    // A client ends each request's side of its stream; one that has gone has closed the stream.
    isDoneSending: false,
    onDoneSending: () => () => {},
    onceClosed: (listener) => {
      stream.once("close", listener);
      return () => void stream.off("close", listener);
    },
    destroy: () => stream.close(constants.NGHTTP2_CANCEL),
  };
}

/**
 * As HTTP/1.1 would have said it: a Host, and one Cookie header however many fields the client made of it. A Host that is another than
 * the authority stays beside it, so that the request is refused for its two (RFC 9113, 8.3.1).
 */
function fieldsOf(raw: readonly string[], authority: string | undefined): readonly string[] {
  const cookies: string[] = [];
  const fields: string[] = [];
  let host = authority;
  for (const [name, value] of pairsOf(raw)) {
    if (name.startsWith(":")) continue;
    if (name === "cookie") cookies.push(value);
    else if (name !== "host") fields.push(name, value);
    else if (host === undefined) host = value;
    else if (value.toLowerCase() !== host.toLowerCase()) fields.push(name, value);
  }
  if (cookies.length > 0) fields.push("cookie", cookies.join("; "));
  return host === undefined ? fields : ["host", host, ...fields];
}

function pairsOf(fields: readonly string[]): readonly [string, string][] {
  return fields.flatMap((name, index): [string, string][] =>
    index % 2 === 0 ? [[name.toLowerCase(), fields[index + 1] ?? ""]] : [],
  );
}
