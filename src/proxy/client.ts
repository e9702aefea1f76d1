import type { Socket } from "node:net";
import type { Clock } from "../ports/clock.ts";
import { closeGently } from "./lingering.ts";
import type { RawRequest } from "./request-head.ts";

/** A request's body as it arrives. */
export interface BodySource {
  /** All of it has arrived. */
  readonly complete: boolean;
  on(event: string, listener: (chunk: Buffer) => void): unknown;
  off(event: string, listener: (chunk: Buffer) => void): unknown;
  pause(): unknown;
  resume(): unknown;
}

/** A client's request. `node:http`'s IncomingMessage is one; HTTP/2 has its own. */
export interface ClientRequest extends RawRequest, BodySource {
  readonly method?: string | undefined;
  readonly headers: {
    readonly accept?: string | undefined;
    readonly expect?: string | undefined;
    readonly [name: string]: string | string[] | undefined;
  };
}

/** The way to answer it. `node:http`'s ServerResponse is one; HTTP/2 has its own. */
export interface ClientResponse {
  /** Null while answers to earlier requests of the connection are under way. HTTP/2 has no such order. */
  readonly socket?: unknown;
  readonly headersSent: boolean;
  readonly destroyed: boolean;
  sendDate: boolean;
  writeContinue(): void;
  writeInformation(status: number, headers: string[]): void;
  writeHead(status: number, statusText: string | undefined, headers: string[]): unknown;
  writeHead(status: number, headers: string[]): unknown;
  flushHeaders(): void;
  /** False asks to wait for `drain`. */
  write(chunk: Buffer): boolean;
  addTrailers(trailers: readonly [string, string][]): void;
  end(body?: string): unknown;
  destroy(): unknown;
  on(event: "close" | "drain", listener: () => void): unknown;
  once(event: "close" | "drain" | "socket", listener: () => void): unknown;
}

/** Where a request came from, and what can be done to that apart from answering. */
export interface ClientConnection {
  readonly peerAddress: string;
  readonly scheme: "http" | "https";
  /** Ends it so that nobody takes what was said for the whole. */
  breakOff(): void;
  /** Ends it behind what was said, and lets the client read that though it may still be sending. */
  endGently(clock: Clock): void;
  /** The client has said that it sends no more, and may still read. */
  readonly isDoneSending: boolean;
  /** Calls back when the client is done sending; returns how to stop listening. */
  onDoneSending(listener: () => void): () => void;
  onceClosed(listener: () => void): () => void;
  destroy(): void;
}

/** A connection of HTTP/1.1, which carries one exchange at a time. */
export function connectionOf(socket: Socket): ClientConnection {
  const isTls = "encrypted" in socket;
  const once = (event: "end" | "close", listener: () => void) => {
    socket.once(event, listener);
    return () => void socket.off(event, listener);
  };
  return {
    peerAddress: socket.remoteAddress ?? "unknown",
    scheme: isTls ? "https" : "http",
    // TLS tells a connection that was broken off from one that was ended by the missing end, without a reset.
    breakOff: () => void (isTls ? socket.destroy() : socket.resetAndDestroy()),
    endGently: (clock) => closeGently(socket, clock),
    get isDoneSending() {
      return socket.readableEnded;
    },
    onDoneSending: (listener) => once("end", listener),
    onceClosed: (listener) => once("close", listener),
    destroy: () => void socket.destroy(),
  };
}
