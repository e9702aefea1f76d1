import { request as plainRequest } from "node:http";
import { request as tlsRequest } from "node:https";

export interface TextRequest {
  /** http or https. */
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Posted; without it the request is a GET. */
  readonly body?: string;
  /** For everything together, the last byte included. */
  readonly timeoutMs: number;
  readonly bytesMax: number;
  readonly signal: AbortSignal;
}

export type TextAnswer = { readonly status: number; readonly text: string } | { readonly failure: string };

/**
 * One request on a connection of its own, answered with text of a bounded size within a bounded time. Follows no redirect, so that
 * what is in the headers goes nowhere else. Never throws.
 */
export function fetchText({ url, headers, body, timeoutMs, bytesMax, signal }: TextRequest): Promise<TextAnswer> {
  return new Promise((resolve) => {
    const sent = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
    const request = (url.protocol === "https:" ? tlsRequest : plainRequest)(url, {
      method: body === undefined ? "GET" : "POST",
      headers: { ...headers, ...sent, "accept-encoding": "identity", "user-agent": "belay", connection: "close" },
      agent: false,
    });
    const timer = setTimeout(() => fail(`no whole answer within ${timeoutMs} ms`), timeoutMs);
    const abort = () => fail("given up");
    const settle = (answer: TextAnswer) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      resolve(answer);
    };
    const fail = (failure: string) => {
      settle({ failure });
      request.destroy();
    };
    signal.addEventListener("abort", abort, { once: true });
    request.on("error", (cause: NodeJS.ErrnoException) => fail(describeFailure(cause)));
    request.once("response", (response) => {
      const parts: Buffer[] = [];
      let bytes = 0;
      response.on("data", (part: Buffer) => {
        bytes += part.length;
        if (bytes > bytesMax) fail(`an answer of more than ${bytesMax} bytes`);
        else parts.push(part);
      });
      response.once("error", (cause: NodeJS.ErrnoException) => fail(describeFailure(cause)));
      response.once("end", () => settle({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString("utf8") }));
    });
    if (signal.aborted) return abort();
    request.end(body);
  });
}

function describeFailure(cause: NodeJS.ErrnoException): string {
  switch (cause.code) {
    case "ECONNREFUSED":
      return "connection refused";
    case "ECONNRESET":
      return "connection closed without a whole answer";
    case "ENOTFOUND":
      return "its host has no address";
    default:
      return cause.message;
  }
}
