import type { Outcome } from "./wire.ts";

/**
 * How an exchange came to its end.
 * - `complete`: the whole answer was had.
 * - `refused`: no instance took the request; nothing was sent.
 * - `reset`: the instance broke the connection before an answer's head.
 * - `truncated`: the answer broke off after its head.
 * - `overdue`: no head by the deadline.
 * - `aborted`: the client went away first.
 * - `cut`: Belay ended it for a reason of its own, such as the drain of a worker.
 */
export type ExchangeEnd = "complete" | "refused" | "reset" | "truncated" | "overdue" | "aborted" | "cut";

export interface EndedExchange {
  /** When the instance had what it needs to answer: the deadline counts from here. */
  readonly waitingSinceMs: number;
  readonly headMs: number | null;
  readonly status: number | null;
  /** An open-ended answer (server-sent events, a tunnel): leaving it is its normal end. */
  readonly isStream: boolean;
  readonly end: ExchangeEnd;
  readonly endMs: number;
}

/** The one judgement of an exchange, on both arms alike. A failure that has happened stays one, whatever the client does after it. */
export function outcomeOf(exchange: EndedExchange, deadlineMs: number): Outcome {
  const { waitingSinceMs, headMs, status, isStream, end, endMs } = exchange;
  if ((headMs ?? endMs) - waitingSinceMs > deadlineMs) return "failed";
  if (status !== null && status >= 500) return "failed";
  switch (end) {
    case "complete":
      return "ok";
    case "aborted":
    case "cut":
      return headMs !== null && isStream ? "ok" : "excluded";
    case "refused":
    case "reset":
    case "truncated":
    case "overdue":
      return "failed";
  }
}
