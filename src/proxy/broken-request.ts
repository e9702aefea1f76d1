import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Clock } from "../ports/clock.ts";
import type { FrontCounts } from "../routing/front-counts.ts";
import { respondUnread, type UnreadStatus } from "./respond.ts";

/** Answers what `node:http` could not read to its end, and closes the connection. */
export function answerBrokenRequest(
  { code }: NodeJS.ErrnoException,
  { socket, counts, clock }: { readonly socket: Socket; readonly counts: FrontCounts; readonly clock: Clock },
): void {
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") counts.turnedAway("head-late");
  if (code === "HPE_HEADER_OVERFLOW") counts.turnedAway("head-large");
  // Behind a part of another answer it would be taken for that one's. Node's types do not know the answer under way.
  const { _httpMessage: answer = null } = socket as { _httpMessage?: ServerResponse | null };
  const isHeard = socket.writable && answer?.headersSent !== true;
  if (isHeard) respondUnread(socket, statusOf(code), clock);
  // Whoever works on its request is told at once.
  if (!isHeard || answer !== null) socket.destroySoon();
}

function statusOf(code: string | undefined): UnreadStatus {
  switch (code) {
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return 408;
    case "HPE_HEADER_OVERFLOW":
      return 431;
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return 413;
    default:
      return 400;
  }
}
