import { get } from "node:http";

/** How a server answered one GET: its status, or why there was none. Never throws. */
export type ProbeAnswer = { readonly status: number } | { readonly failure: string };

/** Where a server listens: an address, or a unix socket. */
export type ProbeTarget = ({ readonly host: string; readonly port: number } | { readonly socketPath: string }) & {
  readonly path: string;
  readonly timeoutMs: number;
};

/** Asks once, on a connection of its own, and reads nothing but the head. Ends within `timeoutMs`. */
export function probeHttp({ timeoutMs, ...target }: ProbeTarget): Promise<ProbeAnswer> {
  return new Promise((resolve) => {
    const headers = { "user-agent": "belay-probe", connection: "close" };
    const request = get({ ...target, agent: false, headers });
    const timer = setTimeout(() => request.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    request.once("response", (response) => {
      response.on("error", () => {});
      resolve({ status: response.statusCode ?? 0 });
      request.destroy();
    });
    request.on("error", (cause: NodeJS.ErrnoException) => {
      resolve({ failure: describeFailure(cause) });
    });
    request.once("close", () => clearTimeout(timer));
  });
}

function describeFailure(cause: NodeJS.ErrnoException): string {
  if (cause.code === "ECONNREFUSED") return "connection refused";
  if (cause.code === "ECONNRESET") return "connection closed without an answer";
  return cause.message;
}
