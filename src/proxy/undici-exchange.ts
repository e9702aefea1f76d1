import type { Readable } from "node:stream";
import type { Dispatcher } from "undici";
import type { Connection, ConnectionPool } from "./connection-pool.ts";
import type { ExchangeObserver, UpstreamExchange, UpstreamRequest } from "./exchange.ts";

const idempotentMethods = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);
const notStarted = new Error("the exchange was withdrawn before anything was sent");
const aborted = new Error("the exchange was aborted");

/** One exchange with one instance. A kept connection that breaks before an answer is tried once more on a new one, if that is safe. */
export class UndiciExchange implements UpstreamExchange, Dispatcher.DispatchHandler {
  readonly #pool: ConnectionPool;
  readonly #request: UpstreamRequest;
  readonly #observer: ExchangeObserver;
  #connection: Connection;
  #controller: Dispatcher.DispatchController | null = null;
  #body: Readable | null = null;
  #stage: "connecting" | "sent" | "answering" | "over" = "connecting";
  #isWithdrawn = false;

  constructor(options: {
    readonly pool: ConnectionPool;
    readonly request: UpstreamRequest;
    readonly observer: ExchangeObserver;
  }) {
    this.#pool = options.pool;
    this.#request = options.request;
    this.#observer = options.observer;
    this.#connection = this.#pool.take();
    this.#dispatch();
  }

  resume(): void {
    this.#controller?.resume();
  }

  abort(): void {
    if (this.#stage === "over") return;
    const isQueued = this.#stage === "connecting";
    this.#stage = "over";
    this.#controller?.abort(aborted);
    // A queued request cannot be taken back: it is withdrawn, and its connection free, once the instance has been reached or not.
    if (!isQueued) this.#letGo();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#stage === "over" || !this.#observer.mayStart()) {
      this.#isWithdrawn = true;
      controller.abort(notStarted);
      return;
    }
    this.#stage = "sent";
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, _headers: unknown, statusText = ""): void {
    if (this.#stage === "over") return;
    const headers = rawFieldsOf(controller.rawHeaders);
    if (status < 200) {
      this.#observer.informationArrived({ status, headers });
      return;
    }
    this.#stage = "answering";
    this.#observer.headArrived({ status, statusText, headers });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#stage !== "over" && !this.#observer.dataArrived(chunk)) controller.pause();
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    if (this.#stage === "over") return;
    this.#stage = "over";
    this.#connection.answers += 1;
    this.#letGo();
    const trailers = rawFieldsOf(controller.rawTrailers);
    if (trailers.length > 0) this.#observer.trailersArrived(trailers);
    this.#observer.ended("complete");
  }

  onResponseError(_controller: unknown, error: Error): void {
    if (this.#stage === "over") {
      if (this.#controller === null || this.#isWithdrawn) this.#letGo();
      return;
    }
    const { end, isRetried } = this.#judgeError(error);
    if (isRetried) {
      this.#retry();
      return;
    }
    this.#stage = "over";
    this.#letGo();
    this.#observer.ended(end);
  }

  #judgeError(error: Error): { readonly end: Parameters<ExchangeObserver["ended"]>[0]; readonly isRetried: boolean } {
    const failed = (end: Parameters<ExchangeObserver["ended"]>[0]) => ({ end, isRetried: false });
    if (this.#isWithdrawn) return failed("withdrawn");
    if (this.#stage === "connecting") return failed(isInvalid(error) ? "invalid" : "refused");
    if (this.#stage === "answering") return failed("truncated");
    const isSafe = this.#request.openBody === null && idempotentMethods.has(this.#request.method);
    return { end: "reset", isRetried: isSafe && this.#connection.answers > 0 };
  }

  #dispatch(): void {
    this.#body = this.#request.openBody?.() ?? null;
    const { method, target, headers } = this.#request;
    this.#connection.client.dispatch({ method: method as Dispatcher.HttpMethod, path: target, headers, body: this.#body }, this);
  }

  #retry(): void {
    this.#pool.release(this.#connection);
    this.#connection = this.#pool.takeFresh();
    this.#controller = null;
    this.#stage = "connecting";
    this.#dispatch();
  }

  /** The body of a refused attempt was not read; destroying it gives the request back to whoever reads it next. */
  #letGo(): void {
    if (this.#body !== null && !this.#body.destroyed) this.#body.destroy();
    this.#pool.release(this.#connection);
  }
}

function rawFieldsOf(fields: unknown): readonly string[] {
  if (!Array.isArray(fields)) return [];
  return fields.map((part: Buffer | string) => (typeof part === "string" ? part : part.toString("latin1")));
}

function isInvalid(error: Error): boolean {
  return "code" in error && (error.code === "UND_ERR_INVALID_ARG" || error.code === "UND_ERR_NOT_SUPPORTED");
}
