import { Agent, type IncomingMessage, request as startRequest } from "node:http";
import { CookieJar } from "./cookie-jar.ts";

const answerTimeoutMs = 15_000;

/** One request and what came of it. `status` is null when no whole answer came; `error` then says why. */
export interface Exchange {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly status: number | null;
  readonly error: string;
  /** True when the connection had served a request before. */
  readonly isReusedConnection: boolean;
  /** The `belay-release` header; empty without one. */
  readonly release: string;
  readonly body: string;
}

/** One person's HTTP client: a cookie jar and one keep-alive connection. Close it when its person leaves. */
export class Browser {
  readonly #jar = new CookieJar();
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #origin: URL;
  readonly #hostHeader: string;

  constructor(baseUrl: string, hostHeader: string) {
    this.#origin = new URL(baseUrl);
    this.#hostHeader = hostHeader;
  }

  hasCookie(name: string): boolean {
    return this.#jar.has(name);
  }

  /** Never rejects: a broken connection is an exchange, too. Redirects are not followed. */
  send(method: "GET" | "POST", path: string, form?: Readonly<Record<string, string>>): Promise<Exchange> {
    const body = form === undefined ? "" : new URLSearchParams(form).toString();
    const startedAtMs = performance.now();
    return new Promise((resolve) => {
      const request = startRequest({
        agent: this.#agent,
        host: this.#origin.hostname,
        port: this.#origin.port,
        method,
        path,
        headers: this.#headers(body),
      });
      let isDone = false;
      const finish = (response: IncomingMessage | null, text: string, error: string) => {
        if (isDone) return;
        isDone = true;
        clearTimeout(timer);
        if (response !== null) this.#jar.store(response.headers["set-cookie"] ?? []);
        const release = response?.headers["belay-release"];
        resolve({
          method,
          path,
          startedAtMs,
          endedAtMs: performance.now(),
          status: error === "" ? (response?.statusCode ?? null) : null,
          error,
          isReusedConnection: request.reusedSocket,
          release: typeof release === "string" ? release : "",
          body: text,
        });
      };
      const timer = setTimeout(() => request.destroy(new Error(`no answer within ${answerTimeoutMs} ms`)), answerTimeoutMs);
      request.once("error", (error) => finish(null, "", describeError(error)));
      request.once("response", (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.once("end", () =>
          finish(response, Buffer.concat(chunks).toString("utf8"), response.complete ? "" : "truncated"),
        );
        response.once("error", (error) => finish(response, "", `truncated: ${describeError(error)}`));
      });
      request.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }

  #headers(body: string): Record<string, string> {
    const cookie = this.#jar.header();
    return {
      host: this.#hostHeader,
      accept: "text/html,*/*",
      ...(cookie === "" ? {} : { cookie }),
      ...(body === ""
        ? {}
        : { "content-type": "application/x-www-form-urlencoded", "content-length": String(Buffer.byteLength(body)) }),
    };
  }
}

function describeError(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  return code === undefined ? error.message : `${code}: ${error.message}`;
}
