import { type ClientRequest, type IncomingMessage, request as sendRequest } from "node:http";
import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { ExchangeEnd } from "../routing/outcome.ts";
import type { Target } from "../routing/table.ts";
import { type Admission, shownRelease } from "./admission.ts";
import type { Interruptible, ProxyContext } from "./proxy-context.ts";
import { letGoWhenTold, type OwnAnswer, respondOnSocket } from "./respond.ts";
import { headersForClient } from "./response-head.ts";

const connectTimeoutMs = 1_000;

/**
 * Whether a request asks for a WebSocket. What only looks like it is answered as any other request: a body would be read as the tunnel's
 * first bytes by some, HTTP/1.0 has no upgrades (RFC 9110, 7.8), and another method has no handshake (RFC 6455, 4.1).
 */
export function isHandshake({ method, httpVersion, headers }: IncomingMessage): boolean {
  const hasBody = headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) !== 0;
  return method === "GET" && httpVersion === "1.1" && !hasBody && headers.upgrade?.toLowerCase() === "websocket";
}

/** A WebSocket: its handshake, and then bytes both ways until either side has enough. It is judged by its handshake. */
export class Tunnel implements Interruptible {
  readonly #context: ProxyContext;
  readonly #admission: Admission;
  readonly #incoming: IncomingMessage;
  readonly #client: Duplex;
  readonly #firstBytes: Buffer;
  #upstream: Socket | null = null;
  #isAnswered = false;
  #isOver = false;
  /** When the client took something last of an answer that is no tunnel. */
  #takenAtMs: number | null = null;

  constructor(options: {
    readonly context: ProxyContext;
    readonly admission: Admission;
    readonly incoming: IncomingMessage;
    readonly client: Duplex;
    /** What the client sent right behind its handshake. */
    readonly firstBytes: Buffer;
  }) {
    this.#context = options.context;
    this.#admission = options.admission;
    this.#incoming = options.incoming;
    this.#client = options.client;
    this.#firstBytes = options.firstBytes;
  }

  begin(): void {
    this.#context.requests.set(this.#admission.request, this);
    this.#client.on("error", () => this.#end("aborted"));
    this.#client.on("close", () => this.#end("aborted"));
    this.#tryNext();
  }

  deadlinePassed(): void {
    this.#answer("overdue", { status: 504, reason: "The service did not answer in time" });
  }

  /** A tunnel may rest for as long as both sides like; an answer instead of one is to be taken, as any other. */
  checkPace(nowMs: number): void {
    if (this.#takenAtMs === null || this.#isOver) return;
    if (!this.#client.writableNeedDrain) this.#takenAtMs = nowMs;
    if (nowMs - this.#takenAtMs < this.#context.limits.readerStallMs) return;
    this.#context.counts.turnedAway("reader-late");
    this.#end("aborted");
    this.#client.destroy();
  }

  cut(): void {
    this.#end("cut");
    this.#client.destroy();
  }

  #tryNext(): void {
    const target = this.#admission.attempts.next(this.#nowMs());
    if (target === null) {
      this.#answer("refused", { status: 503, reason: "No instance of the service takes requests now" });
      return;
    }
    const socket = connect({
      host: target.host,
      port: target.port,
      noDelay: true,
      allowHalfOpen: true,
      timeout: connectTimeoutMs,
    });
    this.#upstream = socket;
    const refused = () => {
      if (this.#upstream !== socket) return;
      this.#upstream = null;
      socket.destroy();
      this.#admission.attempts.refused(target, this.#nowMs());
      this.#tryNext();
    };
    socket.once("timeout", refused).once("error", refused);
    socket.once("connect", () => {
      socket.off("timeout", refused).off("error", refused);
      this.#connected(socket, target);
    });
  }

  #connected(socket: Socket, target: Target): void {
    if (this.#isOver) return;
    if (!this.#admission.attempts.mayStart(this.#nowMs())) {
      this.#upstream = null;
      socket.destroy();
      this.#tryNext();
      return;
    }
    this.#sendHandshake(socket, target);
  }

  #sendHandshake(socket: Socket, target: Target): void {
    const { head, headers } = this.#admission;
    const request = sendRequest({
      createConnection: () => socket,
      method: this.#incoming.method,
      path: head.target,
      headers: [...headers, "Connection", "Upgrade", "Upgrade", "websocket"],
    });
    request.on("upgrade", (answer: IncomingMessage, _socket: unknown, bytes: Buffer) => {
      this.#context.state.targetAnswered(target.instance);
      this.#open(answer, socket, bytes);
    });
    request.on("response", (answer) => {
      this.#context.state.targetAnswered(target.instance);
      this.#relayRefusal(answer);
    });
    request.on("error", () => this.#handshakeBroke(target));
    request.end();
    this.#destroyWithClient(request);
  }

  #handshakeBroke(target: Target): void {
    if (this.#isOver || this.#isAnswered) return;
    this.#context.state.targetUnreachable(this.#admission.request.choice, target.instance, this.#nowMs());
    this.#answer("reset", { status: 502, reason: "The service broke the connection without an answer" });
  }

  #open(answer: IncomingMessage, upstream: Socket, bytes: Buffer): void {
    if (this.#isOver) {
      upstream.destroy();
      return;
    }
    this.#writeHead(answer, ["Connection", "Upgrade", "Upgrade", answer.headers.upgrade ?? "websocket"]);
    this.#context.state.headArrived(this.#admission.request, { status: 101, kind: "tunnel", nowMs: this.#nowMs() });
    this.#context.judged();
    if (bytes.length > 0) this.#client.write(bytes);
    if (this.#firstBytes.length > 0) upstream.write(this.#firstBytes);
    upstream.on("error", () => this.#client.destroy());
    upstream.on("close", () => {
      this.#end("complete");
      this.#client.end(() => this.#client.destroy());
    });
    upstream.pipe(this.#client);
    this.#client.pipe(upstream);
  }

  /** The instance answered, and not with a tunnel. */
  #relayRefusal(answer: IncomingMessage): void {
    if (this.#isOver) return;
    this.#writeHead(answer, ["Connection", "close"]);
    const { request } = this.#admission;
    this.#context.state.headArrived(request, { status: answer.statusCode ?? 502, kind: "body", nowMs: this.#nowMs() });
    answer.on("error", () => {
      this.#end("truncated");
      this.#client.destroy();
    });
    const { unread } = this.#context;
    this.#takenAtMs = this.#nowMs();
    this.#client.on("drain", () => {
      this.#takenAtMs = this.#nowMs();
      unread.taken(this.#client, this.#nowMs());
    });
    this.#client.once("close", () => unread.closed(this.#client));
    answer.on("end", () => {
      this.#end("complete");
      unread.add(this.#client, { breakOff: () => void this.#client.destroy() }, this.#nowMs());
    });
    letGoWhenTold(this.#client);
    answer.pipe(this.#client);
  }

  #writeHead(answer: IncomingMessage, connection: readonly string[]): void {
    this.#isAnswered = true;
    const { setCookie, request } = this.#admission;
    const { headers } = headersForClient(answer.rawHeaders, {
      setCookie,
      shownRelease: shownRelease(request),
      isCanary: false,
      isLast: false,
    });
    const all = [...headers, ...connection];
    let text = `HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}\r\n`;
    for (let index = 0; index + 1 < all.length; index += 2) text += `${all[index]}: ${all[index + 1]}\r\n`;
    this.#client.write(`${text}\r\n`, "latin1");
  }

  #destroyWithClient(request: ClientRequest): void {
    this.#client.once("close", () => request.destroy());
  }

  #answer(end: ExchangeEnd, answer: OwnAnswer): void {
    if (this.#isOver) return;
    this.#end(end);
    respondOnSocket(this.#client, { ...answer, setCookie: this.#admission.setCookie }, this.#context.clock);
  }

  #end(end: ExchangeEnd): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (end !== "complete") this.#upstream?.destroy();
    this.#context.requests.delete(this.#admission.request);
    this.#context.state.exchangeEnded(this.#admission.request, end, this.#nowMs());
    this.#context.judged();
  }

  #nowMs(): number {
    return this.#context.clock.monotonicMs();
  }
}
