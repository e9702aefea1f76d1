import { Client } from "undici";
import type { Target } from "../routing/table.ts";

const idlePerTargetMax = 128;

/** One connection slot to an instance: an undici client with pipelining 1, so that an exchange is alone on its socket. */
export class Connection {
  readonly client: Client;
  /** Answers had on the present socket. Above 0 the application may close it at the very moment at which it is used again. */
  answers = 0;

  constructor({ host, port }: Target) {
    this.client = new Client(`http://${host.includes(":") ? `[${host}]` : host}:${port}`, {
      pipelining: 1,
      // Below the 5 s after which Node and many others close an idle connection.
      keepAliveTimeout: 4_000,
      keepAliveMaxTimeout: 30_000,
      connectTimeout: 1_000,
      // Deadlines are the proxy's, one look at all exchanges instead of two timers for each.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    this.client.on("disconnect", () => {
      this.answers = 0;
    });
  }
}

export interface ConnectionPool {
  take(): Connection;
  takeFresh(): Connection;
  release(connection: Connection): void;
}

/** Idle connections of one instance, the last used first. */
export class TargetPool implements ConnectionPool {
  readonly #target: Target;
  #idle: Connection[] = [];
  #isClosed = false;

  constructor(target: Target) {
    this.#target = target;
  }

  take(): Connection {
    return this.#idle.pop() ?? this.takeFresh();
  }

  takeFresh(): Connection {
    return new Connection(this.#target);
  }

  release(connection: Connection): void {
    if (this.#isClosed || this.#idle.length >= idlePerTargetMax) void connection.client.destroy();
    else this.#idle.push(connection);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#idle.splice(0).map(({ client }) => client.destroy()));
  }
}
