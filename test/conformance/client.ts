import net from "node:net";

export interface Received {
  /** Latin-1. */
  readonly bytes: string;
  /** `open` when the other side had fallen silent. */
  readonly end: "closed" | "reset" | "open";
}

export interface Talk {
  readonly port: number;
  /** Pieces that leave one by one. */
  readonly pieces: readonly string[];
  /** Says that nothing follows, behind the last piece. */
  readonly isEnding?: boolean;
  /** How long a silent connection is waited for, at least. */
  readonly silenceMs: number;
}

const lookEveryMs = 100;

/** Sends bytes on a connection of their own and takes what comes back, until the end of it. */
export function talk({ port, pieces, isEnding = false, silenceMs }: Talk): Promise<Received> {
  return new Promise((resolve) => {
    const socket = net.connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
    let bytes = "";
    let end: Received["end"] = "closed";
    // Counted in looks and not by the clock: a process that was held up has not been silent, and the engine may be in this very process.
    let silentLooks = 0;
    const looking = setInterval(() => {
      silentLooks += 1;
      if (silentLooks * lookEveryMs < silenceMs) return;
      end = "open";
      socket.destroy();
    }, lookEveryMs);
    socket.on("data", (chunk: Buffer) => {
      bytes += chunk.toString("latin1");
      silentLooks = 0;
    });
    // Writing to a side that has closed meanwhile is no news: what it said before counts.
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNRESET") end = "reset";
    });
    socket.on("end", () => socket.destroy());
    socket.on("close", () => {
      clearInterval(looking);
      resolve({ bytes, end });
    });
    void send(socket, pieces, isEnding);
  });
}

async function send(socket: net.Socket, pieces: readonly string[], isEnding: boolean): Promise<void> {
  for (const [index, piece] of pieces.entries()) {
    if (index > 0) await new Promise((resolve) => setImmediate(resolve));
    if (socket.destroyed || !socket.writable) return;
    socket.write(piece, "latin1");
  }
  if (isEnding && socket.writable) socket.end();
}
