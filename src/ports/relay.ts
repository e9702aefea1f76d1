import type { AddressInfo } from "node:net";
import { connect, createServer, type Socket } from "node:net";

/** An address of this machine that stands for another one, so that it is known whether anybody asked there. */
export interface Relay {
  readonly host: string;
  readonly port: number;
  /** Whether an answer, or the start of one, has come back through it. */
  hasAnswered(): boolean;
  /** Breaks what is still connected. */
  close(): Promise<void>;
}

const host = "127.0.0.1";

/** Passes on each connection as it is. One that cannot be made ends without an answer. */
export async function openRelay(target: { readonly host: string; readonly port: number }): Promise<Relay> {
  const open = new Set<Socket>();
  let hasAnswered = false;
  const server = createServer((client) => {
    const upstream = connect(target);
    upstream.once("data", () => {
      hasAnswered = true;
    });
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(socket);
      // Whoever asks sees it at the other end, as it would without anybody between.
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        open.delete(socket);
        other.end();
      });
      socket.pipe(other);
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, host, resolve);
  });
  return {
    host,
    port: (server.address() as AddressInfo).port,
    hasAnswered: () => hasAnswered,
    close: async () => {
      for (const socket of open) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
