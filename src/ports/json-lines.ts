import type { Socket } from "node:net";
import { BelayError } from "../errors.ts";

const lineBytesMax = 16 * 1024 * 1024;

/**
 * Newline-delimited JSON over a local socket: the framing of Belay's own control links.
 * `onMessage` gets each parsed document, unvalidated. A line that is too long or is not JSON
 * ends the connection with `BELAY_LINK_BROKEN`, which reaches the socket's `error` listeners.
 */
export function readJsonLines(socket: Socket, onMessage: (message: unknown) => void): void {
  let partial: Buffer[] = [];
  let partialBytes = 0;
  const fail = (message: string) => {
    socket.destroy(
      new BelayError({ code: "BELAY_LINK_BROKEN", message, next: "Run `belay status`; the link is made anew by itself." }),
    );
  };
  const accept = (line: Buffer) => {
    let message: unknown;
    try {
      message = JSON.parse(line.toString("utf8"));
    } catch {
      fail("a local control link carried a line that is not JSON");
      return;
    }
    onMessage(message);
  };
  socket.on("data", (chunk: Buffer) => {
    let from = 0;
    for (let end = chunk.indexOf(10); end !== -1 && !socket.destroyed; end = chunk.indexOf(10, from)) {
      partial.push(chunk.subarray(from, end));
      accept(partial.length === 1 && partial[0] !== undefined ? partial[0] : Buffer.concat(partial));
      partial = [];
      partialBytes = 0;
      from = end + 1;
    }
    if (from < chunk.length) {
      partial.push(chunk.subarray(from));
      partialBytes += chunk.length - from;
      if (partialBytes > lineBytesMax) fail(`a local control link carried a line above ${lineBytesMax} bytes`);
    }
  });
}

/** Queues one document. Returns false when the socket's buffer is full, as `Socket.write` does. */
export function sendJsonLine(socket: Socket, message: unknown): boolean {
  return socket.write(`${JSON.stringify(message)}\n`);
}
