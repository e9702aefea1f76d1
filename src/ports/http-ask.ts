import { type IncomingHttpHeaders, request as openRequest } from "node:http";

/** What a server answered to one request: all of it, its start when it was more than was wanted, or why there was none. */
export type HttpAnswer =
  | {
      readonly kind: "answered";
      readonly status: number;
      readonly headers: IncomingHttpHeaders;
      readonly body: Buffer;
      /** There was more of the body than `bytesMax`. */
      readonly isCut: boolean;
    }
  | { readonly kind: "failed"; readonly why: string };

export interface HttpQuestion {
  readonly host: string;
  readonly port: number;
  readonly method: "GET" | "HEAD";
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytesMax: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Asks once, on a connection of its own, follows nothing and unpacks nothing. Ends within `timeoutMs`, whatever the server does.
 * Rejects with nothing but the signal's reason.
 */
export async function askHttp({ bytesMax, timeoutMs, signal, headers, ...target }: HttpQuestion): Promise<HttpAnswer> {
  signal.throwIfAborted();
  const answer = await new Promise<HttpAnswer>((resolve) => {
    const request = openRequest({ ...target, agent: false, headers: { ...headers, connection: "close" } });
    const fail = (why: string) => {
      resolve({ kind: "failed", why });
      request.destroy();
    };
    const timer = setTimeout(() => fail(`there was no whole answer within ${timeoutMs / 1000} s`), timeoutMs);
    const onAbort = () => fail("it was given up");
    signal.addEventListener("abort", onAbort, { once: true });
    request.once("close", () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
    });
    request.on("error", (cause: NodeJS.ErrnoException) => fail(describeFailure(cause)));
    request.on("response", (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      const settle = (isCut: boolean) =>
        resolve({
          kind: "answered",
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).subarray(0, bytesMax),
          isCut,
        });
      response.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes <= bytesMax) return;
        settle(true);
        request.destroy();
      });
      response.on("end", () => settle(false));
      response.on("error", (cause: NodeJS.ErrnoException) => fail(describeFailure(cause)));
    });
    // A switch of protocols that nobody asked for has no answer in it.
    request.on("upgrade", () => fail("the answer was a change of protocol"));
    request.end();
  });
  signal.throwIfAborted();
  return answer;
}

function describeFailure(cause: NodeJS.ErrnoException): string {
  if (cause.code === "ECONNREFUSED") return "the connection was refused";
  if (cause.code === "ECONNRESET") return "the connection was closed before the answer was whole";
  return `what came is no HTTP answer (${cause.code ?? cause.message})`;
}
