import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, Server as NetServer, type Socket } from "node:net";
import { BelayError } from "../errors.ts";
import type { TurnedAwayBy } from "../routing/front-counts.ts";
import type { InFlight } from "../routing/in-flight.ts";
import { poolsOf, type RoutingTable } from "../routing/table.ts";
import { admit } from "./admission.ts";
import { answerBrokenRequest } from "./broken-request.ts";
import type { Certificates } from "./certificates.ts";
import { type ClientConnection, type ClientRequest, type ClientResponse, connectionOf } from "./client.ts";
import { ConnectionLimits } from "./connection-limits.ts";
import { Connections } from "./connections.ts";
import { connectionOfStream, Http2Request, Http2Response } from "./http2-exchange.ts";
import { answerPreviewLink, isPreviewLink } from "./preview-door.ts";
import { ProxiedRequest } from "./proxied-request.ts";
import type { ProxyContext } from "./proxy-context.ts";
import { type Asking, refuse } from "./refuse.ts";
import { type OwnAnswer, respondOnSocket } from "./respond.ts";
import { TlsFront } from "./tls-front.ts";
import { isHandshake, Tunnel } from "./tunnel.ts";

const idleGraceMs = 2_000;
const drainPollMs = 20;
/** Before the end of a drain those who still wait for an instance are told so. */
const lastWordMs = 500;

const turnedAwayMax = 100;

const serverOptions = {
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 1_000,
  // For the whole of a request, uploads included; a client that stalls is caught by the deadline.
  requestTimeout: 3_600_000,
  noDelay: true,
  // Node would refuse such a request and go on to read the next; `readRequestHead` refuses the connection.
  requireHostHeader: false,
  // Finds clients that are gone and have said no more than that they are done sending.
  keepAlive: true,
  keepAliveInitialDelay: 30_000,
  shouldUpgradeCallback: isHandshake,
};

/** Where visitors come in: node:http on a listening socket that the keeper holds. */
export class Front {
  readonly #context: ProxyContext;
  readonly #server: Server;
  readonly #connections = new Connections();
  readonly #refused = new WeakSet<Socket>();
  readonly #tls: TlsFront;
  readonly #limits: ConnectionLimits;
  /** Connections that were too many, and read why. */
  #turnedAway = 0;

  constructor(context: ProxyContext, certificates: Certificates) {
    this.#context = context;
    this.#limits = new ConnectionLimits(context.limits, () => context.state.table);
    this.#tls = new TlsFront({
      nowMs: () => this.#nowMs(),
      certificates,
      mayOpen: (socket) => this.#turnedAwayBy(socket) === null,
      handshakeMs: context.limits.headMs,
      onLateHandshake: () => context.counts.turnedAway("head-late"),
      onHttp1: (socket) => this.#server.emit("connection", socket),
      onHttp2: (socket) => this.#connections.opened(socket, this.#nowMs()),
      onStream: (stream, { headers, raw, socket }) => {
        const request = new Http2Request(stream, headers, raw);
        this.#exchange(request, new Http2Response(stream), connectionOfStream(stream, socket), socket);
      },
    });
    this.#server = createServer(
      { ...serverOptions, headersTimeout: context.limits.headMs, maxHeaderSize: context.limits.headBytesMax },
      (incoming, response) => this.#handle(incoming, response),
    );
    this.#server.on("connection", (socket) => {
      // One that came by TLS was counted before its handshake.
      const by = "encrypted" in socket ? null : this.#turnedAwayBy(socket);
      if (by === null) this.#connections.opened(socket, this.#nowMs());
      else this.#turnAway(socket, by);
    });
    this.#server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
      // Said of each further piece as well.
      if (this.#refused.has(socket as Socket)) return;
      this.#refused.add(socket as Socket);
      answerBrokenRequest(error, { socket: socket as Socket, counts: context.counts, clock: context.clock });
    });
    // Node's limit drops headers without a word; what is too many is refused by `readRequestHead`.
    this.#server.maxHeadersCount = 0;
    // A client that is done sending still waits for its answer. Node's types do not know this field.
    Object.assign(this.#server, { httpAllowHalfOpen: true });
    // Node would tell the client to go on before anybody knows whether its request has a place to go.
    this.#server.on("checkContinue", (incoming: IncomingMessage, response: ServerResponse) => this.#handle(incoming, response));
    this.#server.on("connect", (_incoming: IncomingMessage, client: Socket) => {
      client.on("error", () => client.destroy());
      respondOnSocket(client, { status: 405, reason: "Belay is no proxy for other hosts" }, context.clock);
    });
    this.#server.on("upgrade", (incoming: IncomingMessage, client: Socket, firstBytes: Buffer) => {
      this.#handleUpgrade(incoming, client, firstBytes);
    });
  }

  /** Listens on an inherited descriptor. Throws `BELAY_PROXY_LISTEN_FAILED`. */
  listen(fd: number): Promise<void> {
    return listenOn(this.#server, fd);
  }

  /** The same for clients that speak TLS. Resolves to the port. */
  async listenTls(fd: number): Promise<number> {
    await listenOn(this.#tls.server, fd);
    return (this.#tls.server.address() as AddressInfo).port;
  }

  /** Takes over certificates that have changed on disk, for connections from now on. */
  reloadCertificates(): void {
    this.#tls.reload();
  }

  /** Ends what is past its deadline. Called every 100 ms, and before every report. */
  enforceDeadlines(): void {
    for (const request of this.#context.state.overdue(this.#nowMs())) this.#context.requests.get(request)?.deadlinePassed();
    const idleSinceMs = this.#nowMs() - serverOptions.keepAliveTimeout;
    this.#tls.closeIdle((socket) => this.#connections.isIdle(socket, idleSinceMs));
    this.#context.held.look(this.#nowMs());
    this.#context.counts.connections = this.#limits.total;
  }

  /** Lets go of clients that do not keep up. Called every second. */
  checkPaces(): void {
    for (const interruptible of this.#context.requests.values()) interruptible.checkPace?.(this.#nowMs());
    this.#context.unread.check(this.#nowMs());
  }

  /** Closes streams and tunnels to a canary that the table does not know any more: its rollout was given up. */
  cutAbandoned(table: RoutingTable): void {
    for (const [request, interruptible] of this.#context.requests) {
      if (isAbandoned(request, table)) interruptible.cut();
    }
  }

  /**
   * Stops accepting, lets requests end, closes connections that stay idle, and resolves when none is left. What lasts
   * beyond `limitMs` is cut.
   */
  async drain(limitMs: number): Promise<void> {
    // Never http.Server.close: it kills connections that were just accepted and whose request was not read yet.
    NetServer.prototype.close.call(this.#server);
    for (const socket of this.#tls.drain()) this.#connections.used(socket, this.#nowMs());
    const endMs = this.#nowMs() + limitMs;
    while (this.#connections.size + this.#tls.handshakes > 0 && this.#nowMs() < endMs) {
      // While there is time for the answer to be read.
      if (this.#nowMs() >= endMs - lastWordMs) this.#context.held.expireAll();
      this.#connections.closeIdle(this.#nowMs() - idleGraceMs);
      await this.#context.clock.sleep(drainPollMs);
    }
    for (const interruptible of this.#context.requests.values()) interruptible.cut();
    this.#connections.destroyAll();
  }

  #handle(incoming: IncomingMessage, response: ServerResponse): void {
    const { socket } = incoming;
    // What comes behind a request that was not understood could be anything: a part of it, or somebody else's request.
    if (this.#refused.has(socket)) return void incoming.resume();
    this.#exchange(incoming, response, connectionOf(socket), socket);
  }

  #exchange(incoming: ClientRequest, response: ClientResponse, connection: ClientConnection, socket: Socket): void {
    const atOnce = this.#connections.began(socket);
    response.once("close", () => {
      this.#connections.ended(socket, this.#nowMs());
      this.#context.unread.closed(response);
    });
    const asking: Asking = { incoming, response, connection };
    const excess = this.#excessOf(incoming.httpVersion === "2" ? 1 : atOnce, incoming.headBytes);
    if (excess !== null) {
      if (excess.isLast === true) this.#refused.add(socket);
      refuse(this.#context, asking, { isLast: this.#context.isDraining(), ...excess });
      return;
    }
    if (incoming.method === "CONNECT") {
      refuse(this.#context, asking, { status: 405, reason: "Belay is no proxy for other hosts" });
      return;
    }
    if (isPreviewLink(incoming)) {
      void answerPreviewLink(this.#context, asking);
      return;
    }
    const admission = admit(this.#context, incoming, connection);
    if (admission.kind === "admitted") {
      new ProxiedRequest({ context: this.#context, admission, incoming, response, connection }).begin();
      return;
    }
    if (admission.answer.isLast === true && incoming.httpVersion !== "2") this.#refused.add(socket);
    refuse(this.#context, asking, {
      isLast: this.#context.isDraining() || incoming.headers.expect !== undefined,
      ...admission.answer,
    });
  }

  #handleUpgrade(incoming: IncomingMessage, client: Socket, firstBytes: Buffer): void {
    const atOnce = this.#connections.began(client);
    // node:http has let go of the socket: an error that nobody listens to would end the process.
    client.on("error", () => client.destroy());
    // What follows a refused request on its connection is not read.
    if (this.#refused.has(client)) return void client.destroySoon();
    const excess = this.#excessOf(atOnce);
    if (excess !== null) return void respondOnSocket(client, excess, this.#context.clock);
    const admission = admit(this.#context, incoming, connectionOf(client));
    if (admission.kind === "admitted") new Tunnel({ context: this.#context, admission, incoming, client, firstBytes }).begin();
    else respondOnSocket(client, admission.answer, this.#context.clock);
  }

  #turnedAwayBy(socket: Socket): TurnedAwayBy | null {
    const by = this.#limits.refusalOf(socket);
    if (by !== null) this.#context.counts.turnedAway(by);
    return by;
  }

  #turnAway(socket: Socket, by: TurnedAwayBy): void {
    this.#refused.add(socket);
    const answer: OwnAnswer =
      by === "address"
        ? { status: 429, reason: "Too many connections from this address", retryAfterSeconds: 10 }
        : { status: 503, reason: "Too many connections", retryAfterSeconds: 1 };
    respondOnSocket(socket, answer, this.#context.clock);
    // They are in no count: that many more, and no more, are given the time to read it.
    if (this.#turnedAway >= turnedAwayMax) return void socket.destroySoon();
    this.#turnedAway += 1;
    socket.once("close", () => {
      this.#turnedAway -= 1;
    });
  }

  /** The answer to a request that is one too many; null when it is not. */
  #excessOf(onConnection: number, headBytes = 0): OwnAnswer | null {
    const { limits, requests, counts } = this.#context;
    if (headBytes > limits.headBytesMax) {
      counts.turnedAway("head-large");
      return { status: 431, reason: "The head of the request is too large" };
    }
    if (onConnection > limits.pipelinedMax) {
      counts.turnedAway("pipeline");
      return { status: 429, reason: "Too many requests at once on one connection", isLast: true };
    }
    if (requests.size < limits.requestsMax) return null;
    counts.turnedAway("requests");
    return { status: 503, reason: "Too many requests at once", retryAfterSeconds: 1 };
  }

  #nowMs(): number {
    return this.#context.clock.monotonicMs();
  }
}

function isAbandoned({ choice, isStream, release }: InFlight, table: RoutingTable): boolean {
  if (choice.fallback === null || !isStream) return false;
  return !table.services.flatMap(poolsOf).some((pool) => pool.release === release);
}

async function listenOn(server: NetServer, fd: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen({ fd }, resolve);
  try {
    await promise;
  } catch (cause) {
    throw new BelayError({
      code: "BELAY_PROXY_LISTEN_FAILED",
      message: `the proxy cannot listen on descriptor ${fd}, which it should have from the keeper`,
      next: "Run `belay down`, then `belay up`.",
      cause,
    });
  }
}
