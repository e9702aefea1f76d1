import type { Clock } from "../ports/clock.ts";
import type { BodySource, ClientConnection } from "./client.ts";

/** How long the rest of a body is read whose answer is there already. */
const dropRestMs = 30_000;

/**
 * Reads and drops what is left of a body whose answer is there, so that the connection can be used again. Some clients read the answer only when
 * they have sent everything, and one that goes on for ever has had it long since.
 */
export function dropRestOf(
  body: BodySource,
  { connection, clock }: { readonly connection: ClientConnection; readonly clock: Clock },
): void {
  const ended = new AbortController();
  const end = () => ended.abort();
  // Node does not tell a request whose answer is there of the end of its connection.
  const forget = connection.onceClosed(end);
  const settle = () => {
    body.off("close", settle);
    forget();
    end();
  };
  body.on("close", settle);
  body.resume();
  const atLimit = () => void (body.complete || connection.destroy());
  clock.sleep(dropRestMs, ended.signal).then(atLimit, atLimit);
}
