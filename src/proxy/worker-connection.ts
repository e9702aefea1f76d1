import type { Socket } from "node:net";
import { sendJsonLine } from "../ports/json-lines.ts";
import type { AnyRecord, Brake, FromWorker, OpenOnStable, ToWorker } from "../routing/wire.ts";
import type { WorkerView } from "../routing/worker-view.ts";

export type Hello = Extract<FromWorker, { kind: "hello" }>;
export type ReportMessage = Extract<FromWorker, { kind: "report" }>;

/** A difference below this is a message's time on its way: processes of one machine share their monotonic clock. */
const travelMsMax = 1_000;

/** One worker's process, as far as it has told. It stays known for a while after its connection has gone. */
export class WorkerConnection {
  readonly hello: Hello;
  #socket: Socket;
  #offsetMs = Number.POSITIVE_INFINITY;
  isConnected: boolean;
  /** Meaningful once it is not connected any more. */
  goneAtMs: number;
  acknowledgedEpoch: number;
  brakes: readonly Brake[];
  inFlight: Readonly<Record<string, number>> = {};
  settledUntilMs: number;
  openOnStable: WorkerView["openOnStable"];

  constructor(hello: Hello, socket: Socket) {
    this.hello = hello;
    this.#socket = socket;
    this.isConnected = true;
    this.goneAtMs = Number.POSITIVE_INFINITY;
    this.settledUntilMs = Number.NEGATIVE_INFINITY;
    this.acknowledgedEpoch = hello.epoch;
    this.brakes = hello.brakes;
  }

  send(message: ToWorker): void {
    if (this.isConnected) sendJsonLine(this.#socket, message);
  }

  owns(socket: Socket): boolean {
    return this.#socket === socket;
  }

  drop(): void {
    this.#socket.destroy();
  }

  /** Takes over what a report says of the present; returns its records with times of this process's clock. */
  absorb(report: ReportMessage, nowMs: number): readonly AnyRecord[] {
    this.#offsetMs = Math.min(this.#offsetMs, nowMs - report.sentAtMs);
    const offsetMs = this.#offsetMs >= 0 && this.#offsetMs < travelMsMax ? 0 : this.#offsetMs;
    this.brakes = report.brakes;
    this.inFlight = report.inFlight;
    this.settledUntilMs = Math.max(this.settledUntilMs, report.settledUntilMs + offsetMs);
    // What is sent again on a new link was of the past, and does not say it.
    if (report.openOnStable !== undefined) this.openOnStable = openIn(report.openOnStable, report.sentAtMs, offsetMs);
    if (offsetMs === 0) return report.records;
    return report.records.map((record) => ({ ...record, atMs: record.atMs + offsetMs }));
  }
}

/** With times of this process's clock. */
function openIn(rollouts: readonly OpenOnStable[], sentAtMs: number, offsetMs: number): WorkerView["openOnStable"] {
  const toldAtMs = sentAtMs + offsetMs;
  if (offsetMs === 0) return { toldAtMs, rollouts };
  return {
    toldAtMs,
    rollouts: rollouts.map(({ rollout, requests, knownUntilMs }) => ({
      rollout,
      requests: requests.map((request) => ({ ...request, atMs: request.atMs + offsetMs })),
      knownUntilMs: knownUntilMs + offsetMs,
    })),
  };
}
