import type { FrontCounts } from "../routing/front-counts.ts";
import type { ClientConnection, ClientResponse } from "./client.ts";
import type { Limits } from "./limits.ts";

/** What it was written to: a response, or the socket of a handshake that got no tunnel. */
type Written = Pick<ClientResponse, "destroyed" | "socket">;
type Breakable = Pick<ClientConnection, "breakOff">;

interface Unread {
  readonly connection: Breakable;
  sinceMs: number;
}

/**
 * Answers that are whole, and that their clients have still to take. Nothing else ends those: a client of HTTP/2 may allow no byte
 * of an answer to be sent, and its stream and all that is kept for it would stay for as long as it likes.
 */
export class UnreadAnswers {
  readonly #limits: Limits;
  readonly #counts: FrontCounts;
  #all = new Map<Written, Unread>();

  constructor(limits: Limits, counts: FrontCounts) {
    this.#limits = limits;
    this.#counts = counts;
  }

  add(response: Written, connection: Breakable, nowMs: number): void {
    if (!response.destroyed) this.#all.set(response, { connection, sinceMs: nowMs });
  }

  /** The client has taken a part of it. */
  taken(response: Written, nowMs: number): void {
    const unread = this.#all.get(response);
    if (unread !== undefined) unread.sinceMs = nowMs;
  }

  /** Its client has all of it, or has left. */
  closed(response: Written): void {
    this.#all.delete(response);
  }

  /** Lets go of clients that took nothing for too long. Called every second. */
  check(nowMs: number): void {
    for (const [response, unread] of this.#all) {
      // An answer to an earlier request of its connection is not there yet.
      if (response.socket === null) unread.sinceMs = nowMs;
      if (nowMs - unread.sinceMs < this.#limits.readerStallMs) continue;
      this.#all.delete(response);
      this.#counts.turnedAway("reader-late");
      unread.connection.breakOff();
    }
  }
}
