import type { Duplex } from "node:stream";
import type { Clock } from "../ports/clock.ts";

/** Who has sent nothing for so long has read its answer, or never will. */
const silenceMs = 2_000;
const lingerMsMax = 10_000;

/**
 * Ends a connection whose last answer has just been written. A client that still sends would lose that answer if the socket was closed as
 * well: what lies unread then makes the system reset the connection (RFC 9112, section 9.6). So it is told the end, and what it sends is
 * dropped, until it is done, silent, or has had time enough.
 */
export function closeGently(socket: Duplex, clock: Clock): void {
  socket.end();
  const gone = new AbortController();
  socket.once("close", () => gone.abort());
  void letFinish(socket, { clock, signal: gone.signal }).then(() => socket.destroy());
}

async function letFinish(
  sender: Duplex,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
  let hasSent = true;
  sender.on("data", () => {
    hasSent = true;
  });
  sender.resume();
  for (let lingeredMs = 0; hasSent && lingeredMs < lingerMsMax && !signal.aborted; lingeredMs += silenceMs) {
    hasSent = false;
    await clock.sleep(silenceMs, signal).catch((cause: unknown) => {
      if (!signal.aborted) throw cause;
    });
  }
}
