import { createReadStream } from "node:fs";
import { pipeline } from "node:stream";
import type { ExchangeEnd } from "../routing/outcome.ts";
import type { ServiceRoute, Target } from "../routing/table.ts";
import { type Admission, isCanary, shownRelease } from "./admission.ts";
import type { ClientConnection, ClientRequest, ClientResponse } from "./client.ts";
import { ClientPace } from "./client-pace.ts";
import type { ExchangeObserver, UpstreamEnd, UpstreamExchange, UpstreamRequest } from "./exchange.ts";
import { HedgedExchange, type LostLeg } from "./hedged-exchange.ts";
import type { Held } from "./held-requests.ts";
import { findKeptAsset, type KeptAsset } from "./kept-assets.ts";
import { KeptBody } from "./kept-body.ts";
import { maintenanceAnswer } from "./maintenance-answer.ts";
import type { Interruptible, ProxyContext } from "./proxy-context.ts";
import { RequestBody } from "./request-body.ts";
import { type OwnAnswer, respond } from "./respond.ts";
import { headersForClient, informationForClient, trailersForClient } from "./response-head.ts";
import { streamInto } from "./response-stream.ts";
import { dropRestOf } from "./rest-of-body.ts";

/** When to come again to a service of which nobody takes requests. */
const retryAfterSeconds = 5;
/** A body of which something has come takes up to this while nobody reads it. */
const pausedBodyBytes = 65_536;

/** One request and its answer, from admission to the end. */
export class ProxiedRequest implements ExchangeObserver, Interruptible, Held {
  readonly #context: ProxyContext;
  readonly #admission: Admission;
  readonly #incoming: ClientRequest;
  readonly #response: ClientResponse;
  readonly #connection: ClientConnection;
  readonly #upstreamRequest: UpstreamRequest;
  #target: Target | null = null;
  #exchange: UpstreamExchange | null = null;
  #body: RequestBody | null = null;
  /** For a second attempt, while the shield covers the request. */
  #keptBody: KeptBody | null = null;
  #hasSentData = false;
  #hasAskedForBody = false;
  #hasWaited = false;
  readonly #pace: ClientPace;
  #isOver = false;

  constructor(options: {
    readonly context: ProxyContext;
    readonly admission: Admission;
    readonly incoming: ClientRequest;
    readonly response: ClientResponse;
    readonly connection: ClientConnection;
  }) {
    this.#context = options.context;
    this.#admission = options.admission;
    this.#incoming = options.incoming;
    this.#response = options.response;
    this.#connection = options.connection;
    this.#pace = new ClientPace(this.#context.limits);
    const { head, headers } = this.#admission;
    const openBody = head.hasBody ? () => this.#openBody() : null;
    this.#upstreamRequest = { method: this.#incoming.method ?? "GET", target: head.target, headers, openBody };
  }

  begin(): void {
    this.#context.requests.set(this.#admission.request, this);
    this.#response.on("close", () => this.#clientLeft());
    this.#tryNext();
  }

  mayStart(): boolean {
    if (this.#isOver || !this.#admission.attempts.mayStart(this.#nowMs())) return false;
    const { held } = this.#context;
    held.leave(this);
    // What an instance of the canary takes says nothing of stable's.
    if (this.#admission.attempts.isOnStable) held.reached(this.service);
    return true;
  }

  informationArrived({ status, headers }: { readonly status: number; readonly headers: readonly string[] }): void {
    // 101 is a tunnel's and 100 the front's own. A client of HTTP/1.0 would take any of them for the answer.
    if (this.#isOver || status < 102 || this.#response.headersSent || this.#admission.head.httpVersion === "1.0") return;
    if (this.#response.socket === null) return;
    this.#response.writeInformation(status, [...informationForClient(headers)]);
  }

  headArrived(head: { readonly status: number; readonly statusText: string; readonly headers: readonly string[] }): void {
    if (this.#isOver) return;
    if (this.#target !== null) this.#context.state.targetAnswered(this.#target.instance);
    if (head.status >= 500 && this.#replay({ hasAnswered: true })) return;
    if (head.status > 599 && this.#incoming.httpVersion === "2") {
      this.#answer("reset", { status: 502, reason: "The service answered with a status that HTTP/2 cannot say" });
      return;
    }
    const { request, setCookie } = this.#admission;
    const kept = head.status === 404 ? this.#findKept() : null;
    if (kept !== null) {
      this.#answerWith(kept);
      return;
    }
    const additions = {
      setCookie,
      shownRelease: shownRelease(request),
      isCanary: isCanary(request),
      isLast: this.#context.isDraining() || this.#isBodyUnasked,
    };
    const { headers, hasDate, isStream, setsCookie } = headersForClient(head.headers, additions);
    this.#context.state.headArrived(request, {
      status: head.status,
      kind: isStream ? "stream" : "body",
      setsCookie,
      nowMs: this.#nowMs(),
    });
    if (isStream) this.#endWithClient();
    this.#response.sendDate = !hasDate;
    const statusText = /^[\t\x20-\x7e]+$/.test(head.statusText) ? head.statusText : undefined;
    this.#response.writeHead(head.status, statusText, [...headers]);
    // What came with the head has been written by then, so that a short answer leaves in one piece and a slow one's head does not wait.
    queueMicrotask(() => {
      if (!this.#isOver && !this.#hasSentData) this.#response.flushHeaders();
    });
  }

  dataArrived(chunk: Buffer): boolean {
    if (this.#isOver) return true;
    this.#hasSentData = true;
    if (this.#response.write(chunk)) return true;
    this.#pace.answerStalled(this.#nowMs());
    this.#response.once("drain", () => {
      this.#pace.answerTaken();
      this.#exchange?.resume();
    });
    return false;
  }

  trailersArrived(trailers: readonly string[]): void {
    if (!this.#isOver) this.#response.addTrailers(pairsOf(trailersForClient(trailers)));
  }

  ended(end: UpstreamEnd): void {
    if (this.#isOver) return;
    switch (end) {
      case "complete":
        this.#finish("complete");
        this.#response.end();
        this.#context.unread.add(this.#response, this.#connection, this.#nowMs());
        break;
      case "refused":
        if (this.#target !== null) this.#admission.attempts.refused(this.#target, this.#nowMs());
        this.#tryNext();
        break;
      case "withdrawn":
        this.#tryNext();
        break;
      case "invalid":
        this.#answer("cut", { status: 400, reason: "The request cannot be passed on" });
        break;
      case "reset":
        this.#countReset();
        if (this.#replay({ hasAnswered: false })) break;
        this.#answer("reset", { status: 502, reason: "The service broke the connection without an answer" });
        break;
      case "truncated":
        this.#finish("truncated");
        // A clean end would pass a part of an answer off as the whole.
        this.#connection.breakOff();
        break;
    }
  }

  deadlinePassed(): void {
    if (this.#context.held.expire(this)) return;
    if (this.#body?.isWaitingForClient === true) {
      // The silence is the client's: as much a failure of the release as a client that hangs up.
      this.#context.state.requestProgressed(this.#admission.request, this.#nowMs());
      this.#answer("aborted", { status: 408, reason: "The request's body did not arrive in time", isLast: true });
      return;
    }
    if (this.#replay({ hasAnswered: false })) return;
    this.#answer("overdue", { status: 504, reason: "The service did not answer in time" });
  }

  checkPace(nowMs: number): void {
    const fault = this.#isOver ? null : this.#pace.faultAt(nowMs);
    // Who has its answer already may send as slowly as it likes.
    if (fault === null || (fault === "body-late" && this.#response.headersSent)) return;
    this.#context.counts.turnedAway(fault);
    if (fault === "body-late") {
      this.#context.state.requestProgressed(this.#admission.request, nowMs);
      this.#answer("aborted", { status: 408, reason: "The request's body came too slowly", isLast: true });
      return;
    }
    this.#finish("aborted");
    this.#connection.breakOff();
  }

  get service(): ServiceRoute {
    return this.#admission.request.choice.service;
  }

  get bytes(): number {
    const heads = this.#upstreamRequest.headers.reduce((sum, text) => sum + text.length, 0);
    return heads + (this.#admission.head.hasBody ? pausedBodyBytes : 0);
  }

  ask(): void {
    this.#admission.attempts.startOver(this.#nowMs());
    this.#tryNext();
  }

  expire(): void {
    this.#answer("refused", { status: 503, reason: "No instance of the service takes requests now", retryAfterSeconds });
  }

  tableServed(): void {
    const { host, path } = this.#admission.head;
    const maintenance = this.#context.state.serviceAt(host, path)?.maintenance;
    if (maintenance !== undefined) this.#answer("cut", maintenanceAnswer(maintenance.message, this.#incoming.headers.accept));
  }

  cut(): void {
    if (this.#isOver) return;
    this.#finish("cut");
    if (this.#response.headersSent && this.#admission.request.isStream) this.#response.end();
    else this.#connection.breakOff();
  }

  #tryNext(): void {
    this.#target = this.#admission.attempts.next(this.#nowMs());
    if (this.#target === null) {
      this.#waitForSomebody();
      return;
    }
    // An attempt can end before `start` returns, and the next one's exchange must not be overwritten then.
    const before = this.#exchange;
    const hedged = { start: (to: Target, _: UpstreamRequest, observer: ExchangeObserver) => this.#startAt(to, observer) };
    const exchange = this.#context.copies.start(hedged, {
      to: this.#target,
      request: this.#upstreamRequest,
      observer: this,
      of: this.#admission.request,
    });
    if (this.#exchange === before) this.#exchange = exchange;
  }

  #startAt(first: Target, observer: ExchangeObserver): UpstreamExchange {
    const { clock, hedges, state, upstream } = this.#context;
    const { head, request, attempts } = this.#admission;
    const start = (target: Target, each: ExchangeObserver) => upstream.start(target, this.#upstreamRequest, each);
    const afterMs = hedges.delayOf(request, { method: this.#upstreamRequest.method, hasBody: head.hasBody });
    if (afterMs === null) return start(first, observer);
    const second = () => hedges.take(this.service, attempts.spare);
    const onSecondWon = (target: Target) => {
      hedges.won(this.service);
      this.#target = target;
      state.exchangeTried(request, target.instance);
    };
    const onLost = (target: Target, how: LostLeg) => this.#legLost(target, how);
    return new HedgedExchange({ clock, first, second, afterMs, start, observer, onSecondWon, onLost });
  }

  /** What is known of instances comes from everything that they were asked, whoever's answer was taken. */
  #legLost({ instance }: Target, how: LostLeg): void {
    const { state } = this.#context;
    const { request } = this.#admission;
    if (how === "refused" || how === "reset") state.targetUnreachable(request.choice, instance, this.#nowMs());
    if (how === "failed") state.targetAnswered(instance);
    if (how !== "refused") state.legLost(request, { instance, end: how === "beaten" ? how : "failed" }, this.#nowMs());
  }

  /** The canary has failed before anything of its answer was passed on: stable answers, if the shield covers the request. */
  #replay({ hasAnswered }: { readonly hasAnswered: boolean }): boolean {
    if (!this.#admission.attempts.replay({ hasAnswered, nowMs: this.#nowMs() })) return false;
    this.#exchange?.abort();
    this.#context.judged();
    this.#tryNext();
    return true;
  }

  /** The only instance of a service may just be starting again. Nothing was sent yet, so the visitor need not notice. */
  #waitForSomebody(): void {
    if (!this.#context.held.hold(this, this.#nowMs())) {
      this.expire();
      return;
    }
    // The word of it may have come while the last instance was tried.
    this.tableServed();
    if (this.#hasWaited) return;
    this.#hasWaited = true;
    // Nothing was sent. Who has left may have asked again, and what it wanted must not be done twice; who only half-closed gets its answer.
    this.#whenDoneSending(() => void this.#context.held.expire(this));
  }

  /** A page of another release may have asked for a file that this release does not know. */
  #findKept(): KeptAsset | null {
    const { head, request } = this.#admission;
    const routes = request.choice.service.assets ?? [];
    if (routes.length === 0 || (this.#incoming.method !== "GET" && this.#incoming.method !== "HEAD")) return null;
    return findKeptAsset({ releasesFolder: this.#context.releasesFolder, routes, path: head.path });
  }

  #answerWith({ file, bytes, contentType }: KeptAsset): void {
    this.#context.state.headArrived(this.#admission.request, { status: 200, kind: "body", nowMs: this.#nowMs() });
    this.#finish("complete");
    const connection = this.#context.isDraining() || this.#isBodyUnasked ? ["Connection", "close"] : [];
    const headers = ["Content-Type", contentType, "Content-Length", String(bytes), "Cache-Control", "private, max-age=86400"];
    this.#response.writeHead(200, [...headers, ...connection]);
    const { unread } = this.#context;
    unread.add(this.#response, this.#connection, this.#nowMs());
    const onTaken = () => unread.taken(this.#response, this.#nowMs());
    if (this.#incoming.method === "HEAD") this.#response.end();
    else pipeline(createReadStream(file), streamInto(this.#response, onTaken), () => {});
  }

  #openBody(): RequestBody {
    const { state, keptBytes: memory } = this.#context;
    const { request } = this.#admission;
    const events = {
      onWanted: () => this.#askForBody(),
      onAwaited: () => this.#pace.bodyAwaited(this.#nowMs()),
      // Until the next instance waits for it, the client is kept from sending.
      onLetGo: () => this.#pace.bodyLetGo(this.#nowMs()),
      onProgress: (bytes: number) => {
        this.#pace.bodyArrived(bytes, this.#nowMs());
        state.requestProgressed(request, this.#nowMs());
      },
    };
    if (request.shield === "covered")
      this.#keptBody ??= new KeptBody({ source: this.#incoming, memory, onTooLarge: () => state.bodyNotKept(request) });
    this.#keptBody ??= this.#context.copies.keepBody(request, this.#incoming);
    this.#body = new RequestBody(this.#incoming, events, this.#keptBody);
    return this.#body;
  }

  /** The instance has been reached and takes the body: now a client that waits for a word gets it, once. */
  #askForBody(): void {
    if (!this.#admission.head.expectsContinue || this.#hasAskedForBody || this.#response.headersSent) return;
    this.#hasAskedForBody = true;
    // Node would put it behind the head of an answer that waits for its turn.
    if (this.#response.socket !== null) this.#response.writeContinue();
    else this.#response.once("socket", () => void (this.#response.headersSent || this.#response.writeContinue()));
  }

  #countReset(): void {
    const { state } = this.#context;
    if (this.#target !== null) state.targetUnreachable(this.#admission.request.choice, this.#target.instance, this.#nowMs());
  }

  #clientLeft(): void {
    if (!this.#isOver) this.#finish("aborted");
  }

  /** A client that is done sending may still wait for an answer, but nobody listens to an endless one that way. */
  #endWithClient(): void {
    this.#whenDoneSending(() => void (this.#isOver || this.#response.destroy()));
  }

  #whenDoneSending(act: () => void): void {
    if (this.#connection.isDoneSending) queueMicrotask(act);
    else this.#response.once("close", this.#connection.onDoneSending(act));
  }

  #answer(end: ExchangeEnd, answer: OwnAnswer): void {
    this.#finish(end);
    if (this.#response.headersSent || this.#response.destroyed) return;
    respond(this.#response, {
      isLast: this.#context.isDraining() || this.#isBodyUnasked,
      ...answer,
      setCookie: this.#admission.setCookie,
    });
    this.#context.unread.add(this.#response, this.#connection, this.#nowMs());
  }

  #finish(end: ExchangeEnd): void {
    this.#isOver = true;
    this.#context.held.leave(this);
    this.#exchange?.abort();
    this.#keptBody?.drop();
    this.#context.requests.delete(this.#admission.request);
    this.#context.state.exchangeEnded(this.#admission.request, end, this.#nowMs());
    this.#context.judged();
    // An answer before the end of the request.
    if (this.#admission.head.hasBody && !this.#incoming.complete && !this.#response.destroyed)
      dropRestOf(this.#incoming, { connection: this.#connection, clock: this.#context.clock });
  }

  /** A client that was not told to go on may send the body or not: its connection is of no more use. */
  get #isBodyUnasked(): boolean {
    return this.#admission.head.expectsContinue && !this.#hasAskedForBody;
  }

  #nowMs(): number {
    return this.#context.clock.monotonicMs();
  }
}

function pairsOf(fields: readonly string[]): readonly [string, string][] {
  return fields.flatMap((name, index): [string, string][] => (index % 2 === 0 ? [[name, fields[index + 1] ?? ""]] : []));
}
