import type { DataPlane } from "../control/data-plane.ts";
import type { Clock } from "../ports/clock.ts";
import type { RoutingTable } from "../routing/table.ts";
import { type FromWorker, linkProtocol } from "../routing/wire.ts";
import type { WorkerReport, WorkerView } from "../routing/worker-view.ts";
import type { Link, LinkEnd } from "./link.ts";

const shownAfterMs = 10_000;

type Hello = Extract<FromWorker, { kind: "hello" }>;
type Report = Extract<FromWorker, { kind: "report" }>;

interface Connection {
  readonly link: Link;
  readonly hello: Hello;
  view: WorkerView;
  goneAtMs: number;
}

/**
 * The control plane's end of all links. It does what the one on sockets does (`proxy/data-plane.ts`), which is not run here
 * because it holds sockets. Dies with its control plane.
 */
export class SimDataPlane implements DataPlane {
  readonly #clock: Clock;
  /** By worker and boot. */
  readonly #connections = new Map<string, Connection>();
  readonly #delivered = new Map<string, number>();
  readonly #kept = new Map<string, number>();
  #table: RoutingTable | null = null;
  #lease: { readonly epoch: number; readonly ttlMs: number; readonly atMs: number } | null = null;
  #hears: (report: WorkerReport) => void = () => {};
  #changed: () => void = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  workers(): readonly WorkerView[] {
    return Array.from(this.#connections.values(), ({ view }) => view);
  }

  publish(table: RoutingTable): void {
    this.#table = table;
    for (const { link } of this.#connections.values()) link.toWorker({ kind: "table", table });
  }

  renewLease(epoch: number, ttlMs: number): void {
    this.#lease = { epoch, ttlMs, atMs: this.#clock.monotonicMs() };
    for (const { link } of this.#connections.values()) link.toWorker({ kind: "lease", epoch, ttlMs });
  }

  onReport(listener: (report: WorkerReport) => void): void {
    this.#hears = listener;
  }

  keep(worker: string, boot: string, sequence: number): void {
    const key = `${worker}/${boot}`;
    if (sequence <= (this.#kept.get(key) ?? 0)) return;
    this.#kept.set(key, sequence);
    this.#connections.get(key)?.link.toWorker({ kind: "kept", sequence });
  }

  onChange(listener: () => void): void {
    this.#changed = listener;
  }

  /** The control plane's end of one new connection. */
  accept(linkOf: () => Link): LinkEnd<FromWorker> {
    let connection: Connection | null = null;
    return {
      receive: (message) => {
        if (message.kind === "hello") connection = this.#greet(message, linkOf());
        else if (connection !== null && message.kind === "ack") this.#acknowledged(connection, message.epoch);
        else if (connection !== null && message.kind === "report") this.#reported(connection, message);
      },
      closed: () => {
        if (connection === null) return;
        connection.view = { ...connection.view, isConnected: false };
        connection.goneAtMs = this.#clock.monotonicMs();
        this.#changed();
      },
    };
  }

  #greet(hello: Hello, link: Link): Connection {
    const { worker, boot, pid, epoch, brakes } = hello;
    const key = `${worker}/${boot}`;
    const settledUntilMs = Number.NEGATIVE_INFINITY;
    const view = { worker, boot, pid, isConnected: true, acknowledgedEpoch: epoch, brakes, inFlight: {}, settledUntilMs };
    const connection: Connection = { link, hello, view, goneAtMs: Number.POSITIVE_INFINITY };
    this.#connections.set(key, connection);
    this.#forgetReplaced(worker, key);
    link.toWorker({ kind: "welcome", protocol: linkProtocol });
    const kept = this.#kept.get(key);
    if (kept !== undefined) link.toWorker({ kind: "kept", sequence: kept });
    if (this.#table !== null) link.toWorker({ kind: "table", table: this.#table });
    if (this.#lease !== null) {
      const leftMs = Math.max(0, this.#lease.atMs + this.#lease.ttlMs - this.#clock.monotonicMs());
      link.toWorker({ kind: "lease", epoch: this.#lease.epoch, ttlMs: leftMs });
    }
    this.#changed();
    return connection;
  }

  #acknowledged(connection: Connection, epoch: number): void {
    connection.view = { ...connection.view, acknowledgedEpoch: epoch };
    this.#changed();
  }

  #reported(connection: Connection, report: Report): void {
    const { worker, boot } = connection.hello;
    const { sequence, counters, records, lostRecords, newVisitors, tallies, shadows, brakes, inFlight } = report;
    const brakesBefore = connection.view.brakes.length;
    const settledUntilMs = Math.max(connection.view.settledUntilMs, report.settledUntilMs);
    const { openOnStable: rollouts, sentAtMs: toldAtMs } = report;
    const openOnStable = rollouts === undefined ? connection.view.openOnStable : { toldAtMs, rollouts };
    connection.view = { ...connection.view, brakes, inFlight, settledUntilMs, openOnStable };
    const key = `${worker}/${boot}`;
    if (sequence > (this.#delivered.get(key) ?? 0)) {
      this.#delivered.set(key, sequence);
      this.#hears({ worker, boot, sequence, counters, records, lostRecords, newVisitors, tallies, shadows });
    }
    if (brakes.length !== brakesBefore) this.#changed();
  }

  /** Processes that were replaced, or went away ten seconds ago, are not shown any more. */
  #forgetReplaced(worker: string, present: string): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [key, { hello, view, goneAtMs }] of this.#connections) {
      if (key === present || view.isConnected) continue;
      if (hello.worker === worker || nowMs - goneAtMs >= shownAfterMs) this.#connections.delete(key);
    }
  }
}
