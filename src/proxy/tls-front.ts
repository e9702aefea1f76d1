import {
  constants,
  createServer as createHttp2Server,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import { Server as NetServer, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from "node:tls";
import type { Certificates } from "./certificates.ts";
import { Chatter } from "./chatter.ts";

export interface TlsFrontOptions {
  readonly nowMs: () => number;
  readonly certificates: Certificates;
  /** Whether a connection may stay, asked before its handshake. */
  readonly mayOpen: (socket: Socket) => boolean;
  readonly handshakeMs: number;
  /** A handshake did not come in time. */
  readonly onLateHandshake: () => void;
  /** Takes connections that speak HTTP/1.1. */
  readonly onHttp1: (socket: TLSSocket) => void;
  readonly onHttp2: (socket: TLSSocket) => void;
  readonly onStream: (
    stream: ServerHttp2Stream,
    head: { readonly headers: IncomingHttpHeaders; readonly raw: readonly string[]; readonly socket: Socket },
  ) => void;
}

/** Ends TLS, and hands connections on by what the client has agreed to speak. */
export class TlsFront {
  readonly server: TlsServer;
  readonly #http2: Http2Server;
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #sockets = new Set<Socket>();
  /** A session shows its socket through a proxy object only, which is not the socket that is counted. */
  readonly #socketOf = new WeakMap<ServerHttp2Session, Socket>();
  #handshakes = new Set<string>();

  readonly #certificates: Certificates;
  readonly #nowMs: () => number;

  constructor({ nowMs, certificates, mayOpen, handshakeMs, onLateHandshake, onHttp1, onHttp2, onStream }: TlsFrontOptions) {
    this.#certificates = certificates;
    this.#nowMs = nowMs;
    this.#http2 = createHttp2Server({
      settings: { maxConcurrentStreams: 100, enablePush: false },
      // Each cookie may come as a field of its own, and browsers keep up to 180 of a site.
      maxHeaderListPairs: 512,
      // A service that says a field twice is passed on as it is, over HTTP/1.1 too.
      strictSingleValueFields: false,
    } as Parameters<typeof createHttp2Server>[0] & object);
    this.#http2.on("session", (session) => this.#opened(session));
    this.#http2.on("stream", (stream, headers, _flags, raw) => {
      stream.on("error", () => stream.destroy());
      const session = stream.session as ServerHttp2Session | undefined;
      const socket = session === undefined ? undefined : this.#socketOf.get(session);
      // Without its connection it is gone already.
      if (socket === undefined) stream.destroy();
      else onStream(stream as ServerHttp2Stream, { headers, raw: raw as unknown as readonly string[], socket });
    });
    // What a client does wrong ends its own session, which is all that can be done about it.
    this.#http2.on("sessionError", (_error, session) => session.destroy());
    this.server = createTlsServer({
      ALPNProtocols: ["h2", "http/1.1"],
      handshakeTimeout: handshakeMs,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 30_000,
      minVersion: "TLSv1.2",
      SNICallback: (name, done) => done(null, certificates.contextFor(name)),
    });
    this.server.on("connection", (socket: Socket) => {
      if (mayOpen(socket)) this.#began(socket);
      else socket.destroy();
    });
    this.server.on("secureConnection", (socket: TLSSocket) => {
      this.#handshakes.delete(peerOf(socket));
      socket.on("error", () => socket.destroy());
      if (socket.alpnProtocol !== "h2") onHttp1(socket);
      else {
        this.#sockets.add(socket);
        socket.once("close", () => this.#sockets.delete(socket));
        onHttp2(socket);
        const known = (session: ServerHttp2Session) => this.#socketOf.set(session, socket);
        this.#http2.once("session", known).emit("connection", socket);
        this.#http2.off("session", known);
      }
    });
    // A failed handshake is the client's affair. Node closes its connection, but not that of one which does not come at all.
    this.server.on("tlsClientError", (error: NodeJS.ErrnoException, socket) => {
      if (error.code === "ERR_TLS_HANDSHAKE_TIMEOUT") onLateHandshake();
      socket.destroy();
    });
    this.reload();
  }

  /** Takes over what `certificates` has read anew, for clients that name no host too. */
  reload(): void {
    this.#certificates.reload();
    const first = this.#certificates.first;
    if (first !== undefined) this.server.setSecureContext({ ...first, minVersion: "TLSv1.2" });
  }

  /** Connections that have not agreed on anything yet. */
  get handshakes(): number {
    return this.#handshakes.size;
  }

  /** Ends the sessions whose connections have not been used for long. */
  closeIdle(isIdle: (socket: Socket) => boolean): void {
    for (const session of this.#sessions) {
      const socket = this.#socketOf.get(session);
      if (socket === undefined || session.destroyed || !isIdle(socket)) continue;
      // One that has been asked to end and did not has half a head on its way, for which Node would wait for ever.
      if (session.closed) session.destroy();
      else session.close();
    }
  }

  /** Accepts no more, and asks clients of HTTP/2 to open their next stream elsewhere. Returns the connections of those. */
  drain(): readonly Socket[] {
    NetServer.prototype.close.call(this.server);
    // A stream that is on its way to us is refused, which says that nobody has read it and the client may ask again. An early
    // GOAWAY, which RFC 9113 6.8 prefers, was tried: Node then reads no more from a session without streams, and those hang.
    for (const session of this.#sessions) if (!session.destroyed) session.close();
    return Array.from(this.#sockets.values());
  }

  #began(socket: Socket): void {
    const key = peerOf(socket);
    this.#handshakes.add(key);
    socket.once("close", () => this.#handshakes.delete(key));
  }

  #opened(session: ServerHttp2Session): void {
    this.#sessions.add(session);
    session.on("close", () => this.#sessions.delete(session));
    session.on("error", () => session.destroy());
    const chatter = new Chatter(this.#nowMs());
    const heard = () => {
      if (!chatter.isBearable(this.#nowMs())) session.destroy(new Error("talks too much"), constants.NGHTTP2_ENHANCE_YOUR_CALM);
    };
    session.on("ping", heard).on("remoteSettings", heard);
  }
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
