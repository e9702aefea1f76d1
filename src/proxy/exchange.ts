import type { Readable } from "node:stream";
import type { Target } from "../routing/table.ts";

/** A request as an instance gets it. */
export interface UpstreamRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** Name, value, name, value. */
  readonly headers: string[];
  /** Makes the body's stream anew for each attempt; null when there is no body. It is read only once the instance has been reached. */
  readonly openBody: (() => Readable) | null;
}

/**
 * How an exchange with one instance ended.
 * - `complete`: the whole answer was had.
 * - `refused`: no connection; nothing was sent.
 * - `withdrawn`: `mayStart` said no; nothing was sent.
 * - `invalid`: the request cannot be expressed; nothing was sent.
 * - `reset`: the connection broke before an answer's head.
 * - `truncated`: the answer broke off after its head.
 */
export type UpstreamEnd = "complete" | "refused" | "withdrawn" | "invalid" | "reset" | "truncated";

/** Hears of one exchange: at most one head, then data, perhaps trailers, then exactly one end, unless it was aborted. */
export interface ExchangeObserver {
  /** Asked when the connection stands and nothing was sent yet. */
  mayStart(): boolean;
  /** An answer before the answer, such as 103 Early Hints; any number of them, before the head. */
  informationArrived(head: { readonly status: number; readonly headers: readonly string[] }): void;
  headArrived(head: { readonly status: number; readonly statusText: string; readonly headers: readonly string[] }): void;
  /** False asks for a pause, until `resume`. */
  dataArrived(chunk: Buffer): boolean;
  /** Fields behind the body; before the end, and only when there are any. */
  trailersArrived(trailers: readonly string[]): void;
  ended(end: UpstreamEnd): void;
}

export interface UpstreamExchange {
  resume(): void;
  /** Ends the exchange and its connection at once. The observer hears nothing any more. */
  abort(): void;
}

/** Talks to instances. Behind this interface stands undici for now; another engine replaces it whole. */
export interface Upstream {
  start(target: Target, request: UpstreamRequest, observer: ExchangeObserver): UpstreamExchange;
  /** Lets go of idle connections to all but these. */
  retain(targets: readonly Target[]): void;
  close(): Promise<void>;
}
