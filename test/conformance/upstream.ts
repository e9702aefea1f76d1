import { once } from "node:events";
import net from "node:net";
import { type Message, readRequests } from "./strict-reader.ts";

export interface Upstream {
  readonly port: number;
  /** Every whole request, in the order in which they came. */
  readonly seen: Message[];
  /** What no strict reader takes for a request. */
  readonly malformed: string[];
  close(): Promise<void>;
}

/** What an upstream does with a request: bytes to say, and how to go on. */
export interface Answer {
  readonly say: string;
  readonly next: "keep" | "close" | "reset" | "nothing";
}

/** Says what it was asked, so that a proxy that mixes up answers is found out. */
export function echo({ start: [method, target], body }: Message): Answer {
  const text = method === "HEAD" ? "" : `${method} ${target} ${body.length}`;
  return { say: `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`, next: "keep" };
}

export async function openUpstream(answer: (request: Message, socket: net.Socket) => Answer | null): Promise<Upstream> {
  const seen: Message[] = [];
  const malformed: string[] = [];
  const sockets = new Set<net.Socket>();
  const server = net.createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => socket.destroy());
    let bytes = "";
    socket.on("data", (chunk: Buffer) => {
      bytes += chunk.toString("latin1");
      const { messages, rest, why, end } = readRequests(bytes);
      bytes = bytes.slice(end);
      if (rest === "invalid") {
        malformed.push(`${why}: ${JSON.stringify(bytes.slice(0, 300))}`);
        socket.destroy();
        return;
      }
      for (const request of messages) {
        seen.push(request);
        const given = answer(request, socket);
        if (given !== null) give(socket, given);
      }
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    port: (server.address() as net.AddressInfo).port,
    seen,
    malformed,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function give(socket: net.Socket, { say, next }: Answer): void {
  socket.write(say, "latin1", () => {
    if (next === "reset") socket.resetAndDestroy();
  });
  if (next === "close") socket.end();
}
