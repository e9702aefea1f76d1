import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import type { Socket } from "node:net";

const host = "shop.test";
const secureHost = "secure.test";
const clientsOfEach = 3;

/** Clients that go on until they are told to stop, and count every request that does not get what it asked for. */
export class ShiftingLoad {
  readonly #ports: { readonly port: number; readonly tlsPort: number };
  #isOver = false;
  #loops: Promise<void>[] = [];
  readonly answered: Record<"new" | "kept" | "http2" | "tunnel", number> = { new: 0, kept: 0, http2: 0, tunnel: 0 };
  readonly failed: string[] = [];
  /** Streams that a worker on its way out refused unread, which RFC 9113 lets a client send again. */
  sentAgain = 0;
  readonly tunnels: { opened: number; left: number; cut: number } = { opened: 0, left: 0, cut: 0 };

  constructor(ports: { readonly port: number; readonly tlsPort: number }) {
    this.#ports = ports;
  }

  start(): void {
    for (let at = 0; at < clientsOfEach; at += 1) {
      this.#loops.push(this.#asks("new", false), this.#asks("kept", new http.Agent({ keepAlive: true, maxSockets: 1 })));
      this.#loops.push(this.#asksOverHttp2(), this.#tunnels(1 + at * 4));
    }
    // Longer than any drain: the worker has to end it.
    this.#loops.push(this.#tunnels(Number.POSITIVE_INFINITY));
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#loops);
  }

  async #asks(kind: "new" | "kept", agent: http.Agent | false): Promise<void> {
    for (let at = 0; !this.#isOver; at += 1) {
      const body = at % 3 === 0 ? `body ${at}` : "";
      const method = body === "" ? "GET" : "POST";
      await this.#counted(kind, async () => {
        const headers = { host, ...(body === "" ? {} : { "content-length": String(body.length) }) };
        const request = http.request({ port: this.#ports.port, host: "127.0.0.1", path: `/${at}`, method, headers, agent });
        request.end(body);
        const [answer] = (await once(request, "response")) as [http.IncomingMessage];
        return (
          `${answer.statusCode} ${(await answer.setEncoding("latin1").toArray()).join("")}` === `200 ${method} /${at} ${body}`
        );
      });
      await pause(3);
    }
    if (agent !== false) agent.destroy();
  }

  async #asksOverHttp2(): Promise<void> {
    let session = this.#connect();
    for (let at = 0; !this.#isOver; at += 1) {
      await this.#counted("http2", async () => {
        for (;;) {
          if (session.closed || session.destroyed) session = this.#connect();
          const seen = await ask(session, `/${at}`);
          if (seen !== "refused") return seen === `200 GET /${at} `;
          this.sentAgain += 1;
          session.close();
        }
      });
      await pause(3);
    }
    session.close();
  }

  #connect(): http2.ClientHttp2Session {
    const session = http2.connect(`https://127.0.0.1:${this.#ports.tlsPort}`, {
      rejectUnauthorized: false,
      servername: secureHost,
    });
    // Its streams tell.
    return session.on("error", () => {});
  }

  /** Tunnels of so many messages each, one after the other. */
  async #tunnels(messages: number): Promise<void> {
    while (!this.#isOver) {
      await this.#counted("tunnel", async () => {
        const socket = await this.#openTunnel();
        // Listened to from the start: a worker's drain may end the tunnel while nothing is waited for.
        const closed = new Promise((resolve) => socket.once("close", resolve));
        this.tunnels.opened += 1;
        for (let at = 0; at < messages && !this.#isOver; at += 1) {
          const said = `message ${at};`;
          socket.write(said);
          const heard = await read(socket, said.length);
          // A worker that has waited for ten seconds ends its tunnels, between messages or in one.
          if (heard === null) {
            this.tunnels.cut += 1;
            return messages === Number.POSITIVE_INFINITY;
          }
          if (heard !== said) return false;
          await pause(50);
        }
        this.tunnels.left += 1;
        socket.end();
        socket.resume();
        await closed;
        return true;
      });
    }
  }

  async #openTunnel(): Promise<Socket> {
    const headers = { host, connection: "Upgrade", upgrade: "websocket" };
    const request = http.request({ port: this.#ports.port, host: "127.0.0.1", headers, agent: false });
    request.end();
    const [, socket] = (await Promise.race([
      once(request, "upgrade"),
      once(request, "response").then(([{ statusCode }]) => Promise.reject(new Error(`no tunnel but ${statusCode}`))),
    ])) as [unknown, Socket];
    return socket.on("error", () => {});
  }

  async #counted(kind: keyof ShiftingLoad["answered"], attempt: () => Promise<boolean>): Promise<void> {
    let problem = "was answered wrongly";
    const isGood = await attempt().catch((cause: unknown) => {
      problem = String(cause);
      return false;
    });
    if (isGood) this.answered[kind] += 1;
    else this.failed.push(`${kind}: ${problem}`);
  }
}

/** `refused` when the worker has said that it has not read the request. */
function ask(session: http2.ClientHttp2Session, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ":authority": secureHost, ":path": path });
    let status = 0;
    let text = "";
    stream.setEncoding("latin1");
    stream.on("response", (headers) => {
      status = headers[":status"] ?? 0;
    });
    stream.on("data", (chunk: string) => {
      text += chunk;
    });
    stream.on("error", (cause: NodeJS.ErrnoException) => {
      const isUnread = stream.rstCode === http2.constants.NGHTTP2_REFUSED_STREAM || cause.code === "ERR_HTTP2_GOAWAY_SESSION";
      if (isUnread) resolve("refused");
      else reject(cause);
    });
    stream.on("close", () => resolve(`${status} ${text}`));
  });
}

/** Null when the tunnel ended first. */
async function read(socket: Socket, length: number): Promise<string | null> {
  for (;;) {
    const heard: unknown = socket.read(length);
    if (Buffer.isBuffer(heard)) return heard.length < length ? null : heard.toString();
    if (socket.readableEnded || socket.destroyed) return null;
    const told = new AbortController();
    const events = ["readable", "end", "close"].map((event) => once(socket, event, { signal: told.signal }).catch(() => {}));
    await Promise.race(events);
    told.abort();
  }
}

function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}
