import { createServer, type Server, type Socket } from "node:net";
import { BelayError } from "../errors.ts";
import { readJsonLines, sendJsonLine } from "../ports/json-lines.ts";
import { parseKeeperMessage, parseKeeperRequest } from "./parse-request.ts";
import type { KeeperRequest } from "./protocol.ts";

export interface RequestServer {
  /** Sends one event to every connected client. */
  push(event: object): void;
  /** Ends every connection once what was sent has left. */
  close(): Promise<void>;
}

/** Answers each request of each connection by `answer`; a BelayError is the answer too, anything else it throws is a bug and crashes. */
export async function serveRequests(fd: number, answer: (request: KeeperRequest) => Promise<unknown>): Promise<RequestServer> {
  const connections = new Set<Socket>();
  const server = createServer((socket) => {
    connections.add(socket);
    socket.on("close", () => connections.delete(socket));
    // A client that goes away, or that sends what is no JSON, ends its own connection and nothing else.
    socket.on("error", () => socket.destroy());
    readJsonLines(socket, (message) => void answerLine(socket, message, answer));
  });
  await listen(server, fd);
  return {
    push: (event) => {
      for (const socket of connections) sendJsonLine(socket, event);
    },
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of connections) socket.destroySoon();
      await closed;
    },
  };
}

async function answerLine(socket: Socket, line: unknown, answer: (request: KeeperRequest) => Promise<unknown>): Promise<void> {
  let id = 0;
  try {
    const message = parseKeeperMessage(line);
    id = message.id;
    const result = await answer(parseKeeperRequest(message.request));
    sendJsonLine(socket, { id, ok: true, result });
  } catch (cause) {
    if (!(cause instanceof BelayError)) throw cause;
    const { code, message, next } = cause;
    sendJsonLine(socket, { id, ok: false, error: { code, message, next } });
  }
}

function listen(server: Server, fd: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ fd }, () => resolve());
  });
}
