import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { FrontCounts } from "../routing/front-counts.ts";
import { type OwnAnswer, respondOnSocket } from "./respond.ts";

/** Answers what `node:http` could not read to its end, and closes the connection. */
export function answerBrokenRequest(
  { code }: NodeJS.ErrnoException,
  { socket, counts }: { readonly socket: Socket; readonly counts: FrontCounts },
): void {
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") counts.turnedAway("head-late");
  if (code === "HPE_HEADER_OVERFLOW") counts.turnedAway("head-large");
  // Behind a part of another answer it would be taken for that one's. Node's types do not know the answer under way.
  const { _httpMessage: answer } = socket as { _httpMessage?: ServerResponse | null };
  if (socket.writable && answer?.headersSent !== true) respondOnSocket(socket, answerTo(code));
  socket.destroySoon();
}

function answerTo(code: string | undefined): OwnAnswer {
  switch (code) {
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return { status: 408, reason: "The request did not arrive in time" };
    case "HPE_HEADER_OVERFLOW":
      return { status: 431, reason: "The request's head is too large" };
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return { status: 413, reason: "The extensions of a chunk are too large" };
    default:
      return { status: 400, reason: "The request does not follow the grammar of HTTP" };
  }
}
