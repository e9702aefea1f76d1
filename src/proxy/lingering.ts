import type { Duplex } from "node:stream";
import type { Clock } from "../ports/clock.ts";
import type { BodySource, ClientConnection } from "./client.ts";

/** Who has sent nothing for so long has read its answer, or never will. */
const silenceMs = 2_000;
const lingerMsMax = 10_000;

/** What a client sends is dropped, until it is done, silent, or has had time enough. */
interface Sender {
  on(event: string, listener: (chunk: Buffer) => void): unknown;
  resume(): unknown;
}

/**
 * Closes a connection whose last answer has just been written. A client that still sends would lose that answer: what lies unread when a
 * socket is closed makes the system reset the connection (RFC 9112, section 9.6).
 */
export function closeGently(socket: Duplex, clock: Clock): void {
  const gone = new AbortController();
  socket.once("close", () => gone.abort());
  void letFinish(socket, { clock, signal: gone.signal }).then(() => socket.destroy());
}

/** The same for a connection of HTTP/1.1 that Node closes with the end of its answer: calls back when that may come. */
export function afterRestOf(
  body: BodySource,
  { connection, clock }: { readonly connection: ClientConnection; readonly clock: Clock },
  then: () => void,
): void {
  const done = new AbortController();
  const forget = connection.onceClosed(() => done.abort());
  body.on("end", () => done.abort());
  void letFinish(body, { clock, signal: done.signal }).then(() => {
    forget();
    then();
  });
}

async function letFinish(
  sender: Sender,
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
