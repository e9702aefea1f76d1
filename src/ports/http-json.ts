import { BelayError } from "../errors.ts";

/** Far above what a page of an API has, and little enough to be read into memory. */
const bodyBytesMax = 8 * 1024 * 1024;

export interface JsonRequest {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** For the whole answer, its body too. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export interface JsonAnswer {
  readonly status: number;
  readonly headers: Pick<Headers, "get">;
  /** Undefined when it is no JSON. */
  readonly body: unknown;
}

/**
 * One GET of somebody else's server, which is believed in nothing: it follows no redirect (the headers may hold a token), and reads no more
 * than 8 MB. Throws `BELAY_HTTP_NO_ANSWER`; rejects with the signal's reason on abort.
 */
export async function getJson({ url, headers, timeoutMs, signal }: JsonRequest): Promise<JsonAnswer> {
  const over = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(url, { headers, redirect: "manual", signal: AbortSignal.any([signal, over]) });
    const text = await readText(response);
    return { status: response.status, headers: response.headers, body: parse(text) };
  } catch (cause) {
    signal.throwIfAborted();
    const { message, cause: inner } = cause as Error;
    const why = over.aborted ? `no answer within ${timeoutMs / 1000} s` : inner instanceof Error ? inner.message : message;
    throw new BelayError({
      code: "BELAY_HTTP_NO_ANSWER",
      message: `${url.host} could not be asked: ${why}`,
      next: "See whether this machine reaches it (`curl`), then try again.",
      cause,
    });
  }
}

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > bodyBytesMax) throw new Error(`it answers more than ${bodyBytesMax / 1024 / 1024} MB`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    if (cause instanceof SyntaxError) return undefined;
    throw cause;
  }
}
