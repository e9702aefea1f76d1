import { createServer, type Server, type Socket } from "node:net";
import { BelayError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import { readJsonLines, sendJsonLine } from "../ports/json-lines.ts";
import type { Log } from "../ports/log.ts";
import type { RoutingTable } from "../routing/table.ts";
import { tableFor } from "../routing/table-for.ts";
import { linkProtocol, type Redemption } from "../routing/wire.ts";
import type { WorkerReport, WorkerView } from "../routing/worker-view.ts";
import { isSpoken } from "./link-client.ts";
import { parseFromWorker } from "./link-messages.ts";
import { type Hello, type ReportMessage, WorkerConnection } from "./worker-connection.ts";

/** How long a worker is shown after its connection went away. */
const shownAfterMs = 10_000;

export interface DataPlaneOptions {
  /** The socket that the keeper holds, or, for tests, a path to make one at. */
  readonly listener: { readonly fd: number } | { readonly path: string };
  readonly clock: Clock;
  readonly log: Log;
}

/** Listens for workers. Throws `BELAY_PROXY_LINK_FAILED`. */
export async function openDataPlane(options: DataPlaneOptions): Promise<ProxyDataPlane> {
  const plane = new ProxyDataPlane(options);
  await plane.listen();
  return plane;
}

/** The control plane's side of the link to its workers. */
export class ProxyDataPlane {
  readonly #options: DataPlaneOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** By worker and boot. */
  readonly #connections = new Map<string, WorkerConnection>();
  readonly #delivered = new Map<string, number>();
  readonly #kept = new Map<string, number>();
  readonly #reportListeners: ((report: WorkerReport) => void)[] = [];
  readonly #changeListeners: (() => void)[] = [];
  #redeem: (link: string) => Redemption = () => ({ kind: "unavailable" });
  #table: RoutingTable | null = null;
  #lease: { readonly epoch: number; readonly ttlMs: number; readonly atMs: number } | null = null;

  constructor(options: DataPlaneOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  async listen(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once("error", reject);
    this.#server.listen(this.#options.listener, resolve);
    try {
      await promise;
    } catch (cause) {
      throw new BelayError({
        code: "BELAY_PROXY_LINK_FAILED",
        message: "the control plane cannot listen on the socket for its proxies",
        next: "Run `belay down`, then `belay up`.",
        cause,
      });
    }
  }

  /** Workers that are connected, and those that were in the last ten seconds and were not replaced. Nobody waits for the latter. */
  workers(): readonly WorkerView[] {
    this.#forgetOld();
    return Array.from(this.#connections.values(), (connection) => ({
      worker: connection.hello.worker,
      boot: connection.hello.boot,
      pid: connection.hello.pid,
      isConnected: connection.isConnected,
      acknowledgedEpoch: connection.acknowledgedEpoch,
      brakes: connection.brakes,
      inFlight: connection.inFlight,
      settledUntilMs: connection.settledUntilMs,
      openOnStable: connection.openOnStable,
    }));
  }

  /** Sends the table to every worker, also to those that connect later. Acknowledgements show in `workers`. */
  publish(table: RoutingTable): void {
    this.#table = table;
    for (const connection of this.#connections.values()) this.#sendTable(connection, table);
  }

  /** Renews the leases of the table of `epoch`; 0 ends them now. */
  renewLease(epoch: number, ttlMs: number): void {
    this.#lease = { epoch, ttlMs, atMs: this.#options.clock.monotonicMs() };
    for (const connection of this.#connections.values()) connection.send({ kind: "lease", epoch, ttlMs });
  }

  /** Reports of a worker's process come in the order of their sequence. What was not kept comes again to the next control plane. */
  onReport(listener: (report: WorkerReport) => void): void {
    this.#reportListeners.push(listener);
  }

  /** Tells a worker that its reports up to `sequence` are on disk. */
  keep(worker: string, boot: string, sequence: number): void {
    const key = `${worker}/${boot}`;
    if (!this.#connections.has(key) || sequence <= (this.#kept.get(key) ?? 0)) return;
    this.#kept.set(key, sequence);
    this.#connections.get(key)?.send({ kind: "kept", sequence });
  }

  /** Who says what becomes of a preview link that somebody uses; until then none can be used. */
  onRedeem(redeem: (link: string) => Redemption): void {
    this.#redeem = redeem;
  }

  /** A worker connected, acknowledged, braked or went away. */
  onChange(listener: () => void): void {
    this.#changeListeners.push(listener);
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    let connection: WorkerConnection | null = null;
    socket.on("error", (cause) => this.#options.log.warn("the link to a proxy broke", { cause: cause.message }));
    socket.on("close", () => {
      this.#sockets.delete(socket);
      if (connection !== null) this.#gone(connection, socket);
    });
    readJsonLines(socket, (raw) => {
      const message = parseFromWorker(raw);
      if (message?.kind === "hello" && connection === null) connection = this.#greet(message, socket);
      else if (message?.kind === "ack" && connection !== null) this.#acknowledged(connection, message.epoch);
      else if (message?.kind === "report" && connection !== null) this.#reported(connection, message);
      else if (message?.kind === "redeem" && connection !== null)
        connection.send({ kind: "redeemed", request: message.request, redemption: this.#redeem(message.link) });
      else socket.destroy(unexpected(raw));
    });
  }

  #greet(hello: Hello, socket: Socket): WorkerConnection | null {
    if (!isSpoken(hello.protocol)) {
      sendJsonLine(socket, {
        kind: "refused",
        reason: `it speaks version ${hello.protocol} of the link, this control plane ${linkProtocol}`,
      });
      socket.end();
      return null;
    }
    const key = `${hello.worker}/${hello.boot}`;
    this.#connections.get(key)?.drop();
    const connection = new WorkerConnection(hello, socket);
    this.#connections.set(key, connection);
    connection.send({ kind: "welcome", protocol: Math.min(hello.protocol, linkProtocol) });
    const kept = this.#kept.get(key);
    if (kept !== undefined) connection.send({ kind: "kept", sequence: kept });
    if (this.#table !== null) this.#sendTable(connection, this.#table);
    this.#sendPresentLease(connection);
    this.#changed();
    return connection;
  }

  #sendTable(connection: WorkerConnection, table: RoutingTable): void {
    connection.send({ kind: "table", table: tableFor(connection.hello.protocol, table) });
  }

  /** What is left of the last lease: a worker that comes late is promised no more than the others. */
  #sendPresentLease(connection: WorkerConnection): void {
    if (this.#lease === null) return;
    const { epoch, ttlMs, atMs } = this.#lease;
    connection.send({ kind: "lease", epoch, ttlMs: Math.max(0, atMs + ttlMs - this.#options.clock.monotonicMs()) });
  }

  #acknowledged(connection: WorkerConnection, epoch: number): void {
    connection.acknowledgedEpoch = epoch;
    this.#changed();
  }

  #reported(connection: WorkerConnection, report: ReportMessage): void {
    const { worker, boot } = connection.hello;
    const { sequence, counters, lostRecords, newVisitors, previewRefusals, tallies, shadows, paths, front } = report;
    const brakesBefore = connection.brakes.length;
    const records = connection.absorb(report, this.#options.clock.monotonicMs());
    const key = `${worker}/${boot}`;
    if (sequence > (this.#delivered.get(key) ?? 0)) {
      this.#delivered.set(key, sequence);
      for (const listener of this.#reportListeners)
        listener({
          worker,
          boot,
          sequence,
          counters,
          records,
          lostRecords,
          newVisitors,
          previewRefusals,
          tallies,
          shadows,
          paths,
          front,
        });
    }
    if (connection.brakes.length !== brakesBefore) this.#changed();
  }

  #gone(connection: WorkerConnection, socket: Socket): void {
    if (!connection.owns(socket)) return;
    connection.isConnected = false;
    connection.goneAtMs = this.#options.clock.monotonicMs();
    this.#changed();
  }

  #forgetOld(): void {
    const nowMs = this.#options.clock.monotonicMs();
    const connected = new Set<string>();
    for (const { isConnected, hello } of this.#connections.values()) if (isConnected) connected.add(hello.worker);
    for (const [key, { isConnected, goneAtMs, hello }] of this.#connections) {
      if (isConnected || (!connected.has(hello.worker) && nowMs - goneAtMs < shownAfterMs)) continue;
      for (const known of [this.#connections, this.#delivered, this.#kept]) known.delete(key);
    }
  }

  #changed(): void {
    for (const listener of this.#changeListeners) listener();
  }
}

function unexpected(raw: unknown): BelayError {
  return new BelayError({
    code: "BELAY_LINK_BROKEN",
    message: `a proxy sent what this control plane does not know: ${JSON.stringify(raw).slice(0, 200)}`,
    next: "Run `belay status`; the link is made anew by itself.",
  });
}
