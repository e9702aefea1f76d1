import { Readable } from "node:stream";
import { Agent, buildConnector, type Dispatcher, request } from "undici";
import { BelayError } from "../errors.ts";
import type { Random } from "../ports/random.ts";
import type { Tunnel } from "./ssh-tunnel.ts";

/** A unix socket on this machine, the one of another machine through ssh, an address with a token, or what was meant and is not known. */
export type ClientTarget =
  | {
      readonly kind: "socket";
      readonly path: string;
      readonly dataFolder: string;
      readonly actor: string;
      readonly token?: string | undefined;
    }
  | { readonly kind: "url"; readonly url: string; readonly token: string | undefined }
  | {
      readonly kind: "ssh";
      readonly address: string;
      readonly tunnel: Tunnel;
      readonly actor: string;
      readonly token?: string | undefined;
    }
  | { readonly kind: "unknown"; readonly server: string; readonly cause: BelayError };

/**
 * What it means that the answer to a question was lost.
 *
 * - `harmless`: it changes nothing, or nothing that asking twice would change again.
 * - `upload`: what is sent is kept whole or not at all, and sent again it is the same.
 * - `keyed`: it begins something, and carries a key by which it is known when it is asked again.
 * - `told`: it may have been done, and is not asked again.
 */
export type WhenLost = "harmless" | "upload" | "keyed" | "told";

export interface Question {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly whenLost: WhenLost;
  readonly headers?: Readonly<Record<string, string>>;
  /** A stream is iterated once for each time that it is sent. */
  readonly body?: string | AsyncIterable<Uint8Array>;
  readonly withinMs?: number;
}

const answerWithinMs = 30_000;
/** The connection ended before the answer: closed as idle in the very moment of its use, or with the control plane at its other end. */
const brokenCodes: ReadonlySet<string> = new Set(["EPIPE", "ECONNRESET", "UND_ERR_SOCKET"]);

/** Somebody is there, and says nothing. */
const hangingCodes: ReadonlySet<string> = new Set(["UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT"]);

/** The way to a control plane. What may be asked again after its answer was lost is, once, on a connection of its own. */
export class ApiConnection {
  readonly #target: ClientTarget;
  readonly #dispatcher: Dispatcher;
  readonly #random: Random;
  readonly #signal: AbortSignal;

  constructor(options: { readonly target: ClientTarget; readonly random: Random; readonly signal: AbortSignal }) {
    this.#target = options.target;
    this.#random = options.random;
    this.#signal = options.signal;
    this.#dispatcher = this.#openDispatcher();
  }

  async get<Answer>(path: string): Promise<Answer> {
    return JSON.parse(await this.ask({ method: "GET", path, whenLost: "harmless" })) as Answer;
  }

  async post<Answer>(path: string, body: object, whenLost: WhenLost = "told"): Promise<Answer> {
    const headers = { "content-type": "application/json" };
    return JSON.parse(await this.ask({ method: "POST", path, headers, body: JSON.stringify(body), whenLost })) as Answer;
  }

  /** The answer's text; throws the API's own error for any status but 2xx, and `BELAY_CLI_CONNECTION_LOST` with what is known then. */
  async ask(asked: Question): Promise<string> {
    const key = asked.whenLost === "keyed" ? { "idempotency-key": Buffer.from(this.#random.bytes(16)).toString("hex") } : {};
    const question = { ...asked, headers: { ...asked.headers, ...key } };
    try {
      return await this.#send(question, this.#dispatcher);
    } catch (cause) {
      if (!this.#isAskedAgain(question, cause)) throw this.#explain(cause, question);
    }
    const fresh = this.#openDispatcher();
    try {
      return await this.#send(question, fresh);
    } catch (cause) {
      throw this.#explain(cause, question, true);
    } finally {
      await fresh.destroy();
    }
  }

  async close(): Promise<void> {
    await this.#dispatcher.close();
    if (this.#target.kind === "ssh") await this.#target.tunnel.close();
  }

  async #send({ method, path, headers, body, withinMs }: Question, dispatcher: Dispatcher): Promise<string> {
    if (this.#target.kind === "unknown") throw this.#target.cause;
    const sent = typeof body === "object" ? await startedUpload(body, this.#signal) : body;
    const { statusCode, body: stream } = await request(`${this.#base()}/api/v1${path}`, {
      dispatcher,
      signal: this.#signal,
      method,
      headers: { ...headers, ...this.#identity() },
      ...(sent === undefined ? {} : { body: sent }),
      ...(withinMs === undefined ? {} : { headersTimeout: withinMs }),
    });
    const text = await stream.text();
    if (statusCode >= 200 && statusCode < 300) return text;
    throw parseRefusal({ statusCode, text });
  }

  #openDispatcher(): Dispatcher {
    return new Agent({ connect: connectorOf(this.#target), headersTimeout: answerWithinMs, bodyTimeout: answerWithinMs });
  }

  #base(): string {
    return this.#target.kind === "url" ? this.#target.url : "http://belay";
  }

  #identity(): Readonly<Record<string, string>> {
    if (this.#target.kind === "unknown") return {};
    const { token } = this.#target;
    // What could be no token at all is no header either; on a socket nobody asks for one.
    const isToken = token !== undefined && (this.#target.kind === "url" || /^[\w.~+/=-]{1,500}$/.test(token));
    const own = isToken ? { authorization: `Bearer ${token}` } : {};
    return this.#target.kind === "url" ? own : { "belay-actor": this.#target.actor, ...own };
  }

  #isAskedAgain({ whenLost }: Question, cause: unknown): boolean {
    if (whenLost === "told" || this.#signal.aborted || cause instanceof BelayError) return false;
    // Whoever asks for the same again waits for what is being begun, so that this is safe however long the first one takes.
    return brokenCodes.has(codeOf(cause)) || (whenLost === "keyed" && codeOf(cause) === "UND_ERR_HEADERS_TIMEOUT");
  }

  /** Translates what went wrong on the way. What a pack's own source threw, and what an interruption threw, passes as it is. */
  #explain(cause: unknown, question: Question, wasAsked = false): unknown {
    if (cause instanceof BelayError || this.#signal.aborted) return cause;
    const code = codeOf(cause);
    const where = `${this.#target.kind === "socket" ? "in" : "at"} ${nameOf(this.#target)}`;
    // Nobody there now does not mean that nobody was when it was asked first.
    const mayBeDone = wasAsked && question.whenLost === "keyed";
    if ((code === "ECONNREFUSED" || code === "ENOENT") && !mayBeDone) {
      const next =
        this.#target.kind === "socket"
          ? "Run `belay up`, or name the data folder of a Belay that runs with --data or BELAY_DATA."
          : "Check the address, and that `belay up --api <host:port>` was run there.";
      return new BelayError({ code: "BELAY_CLI_NOT_RUNNING", message: `no Belay answers ${where}`, next, cause });
    }
    if (code === "EACCES" || code === "EPERM") {
      const next = "Run the command as the user who ran `belay up`.";
      return new BelayError({
        code: "BELAY_CLI_NO_PERMISSION",
        message: `this user may not talk to the Belay ${where}`,
        next,
        cause,
      });
    }
    if (code === "" || code.startsWith("ERR_INVALID")) return cause;
    if (hangingCodes.has(code)) return noAnswer(question.whenLost, { where, cause });
    return connectionLost(question.whenLost, { where, code, cause });
  }
}

/** What is known of a question whose answer was lost, and what to do next. */
function connectionLost(
  whenLost: WhenLost,
  { where, code, cause }: { readonly where: string; readonly code: string; readonly cause: unknown },
): BelayError {
  switch (whenLost) {
    case "harmless":
      return new BelayError({
        code: "BELAY_CLI_CONNECTION_LOST",
        message: `the connection to the control plane ${where} broke (${code})`,
        next: "Try again in some seconds; a control plane that ended is started anew by itself.",
        cause,
      });
    case "upload":
      return new BelayError({
        code: "BELAY_CLI_CONNECTION_LOST",
        message: `the connection to the control plane ${where} broke (${code}) while something was sent to it; no rollout was begun`,
        next: "Try again in some seconds; a control plane that ended is started anew by itself.",
        cause,
      });
    case "keyed":
      return new BelayError({
        code: "BELAY_CLI_CONNECTION_LOST",
        message: `the connection to the control plane ${where} broke (${code}) before it answered; whether a rollout was begun is not known`,
        next: "Run `belay status`: a rollout that it shows goes on by itself. Deploy again only when it shows none.",
        cause,
      });
    case "told":
      return new BelayError({
        code: "BELAY_CLI_CONNECTION_LOST",
        message: `the connection to the control plane ${where} broke (${code}) before it answered; whether it did what it was asked for is not known`,
        next: "See whether it was done, with `belay status` or `belay history`, before you ask again.",
        cause,
      });
  }
}

/** Nothing ends a control plane that hangs, for that would be a guess: somebody has to. */
function noAnswer(whenLost: WhenLost, { where, cause }: { readonly where: string; readonly cause: unknown }): BelayError {
  if (whenLost !== "harmless")
    return new BelayError({
      code: "BELAY_CLI_CONNECTION_LOST",
      message: `the control plane ${where} did not answer in time; whether it did what it was asked for is not known`,
      next: "See whether it was done, with `belay status` or `belay history`, before you ask again.",
      cause,
    });
  return new BelayError({
    code: "BELAY_CLI_CONNECTION_LOST",
    message: `the control plane ${where} did not answer in time`,
    next: "Try again. If it goes on hanging, end its process, and it is started anew by itself. Visitors are served meanwhile; `belay rollback --direct` goes back without it.",
    cause,
  });
}

/** Its first piece is there before anything is asked: a connection on which nobody says anything is closed after some seconds. */
async function startedUpload(source: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<Readable> {
  signal.throwIfAborted();
  const pieces = source[Symbol.asyncIterator]();
  const interrupted = Promise.withResolvers<never>();
  const onAbort = () => interrupted.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    const first = await Promise.race([pieces.next(), interrupted.promise]);
    return Readable.from(goOn(first, pieces));
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

async function* goOn(
  first: IteratorResult<Uint8Array>,
  pieces: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for (let next = first; next.done !== true; next = await pieces.next()) yield next.value;
  } finally {
    await pieces.return?.();
  }
}

export function nameOf(target: ClientTarget): string {
  switch (target.kind) {
    case "socket":
      return target.dataFolder;
    case "url":
      return target.url;
    case "ssh":
      return target.address;
    case "unknown":
      return target.server;
  }
}

/** A connector for undici. Behind ssh each connection asks for the tunnel, so that one that broke is opened again. */
function connectorOf(
  target: ClientTarget,
): buildConnector.connector | { readonly timeout: number; readonly socketPath?: string } {
  const timeout = 10_000;
  if (target.kind === "socket") return { socketPath: target.path, timeout };
  if (target.kind !== "ssh") return { timeout };
  return (options, callback) => {
    target.tunnel.socketPath().then(
      (socketPath) => buildConnector({ socketPath, timeout })(options, callback),
      (cause: unknown) => callback(cause as Error, null),
    );
  };
}

function codeOf(cause: unknown): string {
  return typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : "";
}

function parseRefusal({ statusCode, text }: { readonly statusCode: number; readonly text: string }): BelayError {
  const unreadable = new BelayError({
    code: "BELAY_CLI_ANSWER_UNREADABLE",
    message: `the control plane answered ${statusCode} without saying why`,
    next: "Check that the address is Belay's API and that both are of the same version.",
  });
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return unreadable;
  }
  if (typeof body !== "object" || body === null || !("code" in body) || !("message" in body) || !("next" in body))
    return unreadable;
  const { code, message, next } = body;
  if (typeof code !== "string" || !code.startsWith("BELAY_")) return unreadable;
  return new BelayError({ code: code as BelayError["code"], message: String(message), next: String(next) });
}
