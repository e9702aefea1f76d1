import type { ClientConnection, ClientRequest, ClientResponse } from "./client.ts";
import type { ProxyContext } from "./proxy-context.ts";
import { type OwnAnswer, respond, respondUnended } from "./respond.ts";
import { dropRestOf } from "./rest-of-body.ts";

export interface Asking {
  readonly incoming: ClientRequest;
  readonly response: ClientResponse;
  readonly connection: ClientConnection;
}

/** Answers in Belay's own name a request that went nowhere, and of whose body nobody has read anything. */
export function refuse({ clock, unread }: Pick<ProxyContext, "clock" | "unread">, asking: Asking, answer: OwnAnswer): void {
  const { incoming, response, connection } = asking;
  const ended = () => unread.add(response, connection, clock.monotonicMs());
  // Node ends a stream of HTTP/2 by itself once it is answered, without an error, and takes no more of it.
  const isSending = incoming.httpVersion !== "2" && hasBody(incoming) && incoming.headers.expect === undefined;
  if (isSending && answer.isLast === true) {
    respondUnended(response, answer);
    incoming.resume();
    const close = () => connection.endGently(clock);
    // An answer to an earlier request may still be under way. Node writes what waits for its turn once it has said that this is it.
    if (response.socket !== null) close();
    else response.once("socket", () => queueMicrotask(close));
    return;
  }
  if (isSending) dropRestOf(incoming, { connection, clock });
  respond(response, answer);
  ended();
}

function hasBody({ headers }: ClientRequest): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) !== 0;
}
