import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import type { Clock } from "../ports/clock.ts";
import type { ClientResponse } from "./client.ts";
import { closeGently } from "./lingering.ts";

export interface OwnAnswer {
  readonly status: 308 | 400 | 403 | 404 | 405 | 408 | 413 | 429 | 431 | 502 | 503 | 504;
  /** What happened, in one line that a visitor may read. */
  readonly reason: string;
  readonly setCookie?: string | null;
  readonly isLast?: boolean;
  /** When to ask again, as Retry-After. */
  readonly retryAfterSeconds?: number;
  /** Methods that would do, as Allow. */
  readonly allow?: string;
  /** Where the visitor is sent, as Location. */
  readonly location?: string;
  /** A page instead of the line, for clients that show pages. */
  readonly html?: string;
}

/** Answers in Belay's own name. */
export function respond(response: ClientResponse, answer: OwnAnswer): void {
  response.writeHead(answer.status, headersOf(answer));
  response.end(bodyOf(answer));
}

/** The same without the end, with which Node closes a connection of HTTP/1.1 whose answer `isLast`. The client has all of it. */
export function respondUnended(response: ClientResponse, answer: OwnAnswer): void {
  response.writeHead(answer.status, headersOf(answer));
  response.write(Buffer.from(bodyOf(answer)));
}

/** The same on a socket that waits for a tunnel; it is closed after it. */
export function respondOnSocket(socket: Duplex, answer: OwnAnswer, clock: Clock): void {
  const headers = headersOf({ ...answer, isLast: true });
  let head = `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status]}\r\n`;
  for (let index = 0; index < headers.length; index += 2) head += `${headers[index]}: ${headers[index + 1]}\r\n`;
  socket.write(`${head}\r\n${bodyOf(answer)}`, "latin1");
  closeGently(socket, clock);
}

/**
 * Closes a socket that node:http has let go of as soon as its last word has left. To end it would close one half only: its client, which may
 * say nothing more and stay, would hold the other half, and with it a descriptor, for as long as it likes.
 */
export function letGoWhenTold(socket: Duplex): void {
  // What nobody will read would otherwise turn the end of the connection into its reset, and the answer may be lost with it.
  socket.resume();
  socket.once("finish", () => socket.destroy());
}

export type UnreadStatus = Extract<OwnAnswer["status"], 400 | 408 | 413 | 431>;

/** To a request that could not be read: it may have been a HEAD, whose answer has no body, so this one has none. */
export function respondUnread(socket: Duplex, status: UnreadStatus, clock: Clock): void {
  const headers = "Content-Length: 0\r\nCache-Control: no-store\r\nConnection: close";
  socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${headers}\r\n\r\n`, "latin1");
  closeGently(socket, clock);
}

function headersOf(answer: OwnAnswer): string[] {
  const type = answer.html === undefined ? "text/plain" : "text/html";
  const headers = ["Content-Type", `${type}; charset=utf-8`, "Content-Length", String(Buffer.byteLength(bodyOf(answer)))];
  if (answer.allow !== undefined) headers.push("Allow", answer.allow);
  if (answer.location !== undefined) headers.push("Location", answer.location);
  if (answer.retryAfterSeconds !== undefined) headers.push("Retry-After", String(answer.retryAfterSeconds));
  headers.push("Cache-Control", "no-store");
  if (answer.setCookie !== undefined && answer.setCookie !== null) headers.push("Set-Cookie", answer.setCookie);
  if (answer.isLast === true) headers.push("Connection", "close");
  return headers;
}

function bodyOf({ status, reason, html }: OwnAnswer): string {
  if (html !== undefined) return html;
  return `${status} ${STATUS_CODES[status]}: ${reason} (Belay)\n`;
}
