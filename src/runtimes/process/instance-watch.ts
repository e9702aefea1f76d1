import { BelayError } from "../../errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ListeningSocket } from "../../ports/processes.ts";
import type { Instance } from "../runtime.ts";
import type { InstanceRecord } from "./instance-record.ts";
import { instanceHost } from "./instance-spec.ts";
import type { Probe } from "./probe.ts";
import type { KeptProcess } from "./process-keeper.ts";

const tickMs = 100;
const readyPeriodMs = 2_000;
const probeTimeoutMs = 2_000;
const failuresUntilUnready = 3;
const exitsUntilFailed = 3;

export interface WatchOptions {
  readonly record: InstanceRecord;
  /** How often it ended before anybody watched, which says nothing about the process that runs now. */
  readonly past: Pick<KeptProcess, "exits" | "lastExit">;
  readonly clock: Clock;
  readonly probe: Probe;
  /** The process now, as the keeper sees it. May throw a BelayError. */
  readonly kept: () => Promise<KeptProcess | undefined>;
  /** Called once, when it answers for the first time in its life. */
  readonly onFirstReady: (record: InstanceRecord) => void;
}

type Standing = Pick<Instance, "state" | "reason">;

/**
 * Judges one instance by asking it again and again.
 *
 * - `starting`: never answered yet; asked each 100 ms. Leaves by an answer, by three exits, or when the start timeout is over.
 * - `ready`: answers; asked each 2 s. Leaves by three failures in a row, or by an exit.
 * - `unready`: answered before; asked each 100 ms. Leaves by an answer.
 * - `failed`: will not become ready. Never left.
 */
export class InstanceWatch {
  readonly #options: WatchOptions;
  readonly #sinceMs: number;
  readonly #closed = new AbortController();
  readonly #firstProbe = Promise.withResolvers<void>();
  #record: InstanceRecord;
  #standing: Standing;
  #exits: number;
  /** How it ended last, which is said of it also when it is ready again; empty when it never ended. */
  #lastEnd: string;
  #failuresInRow = 0;
  #nextProbeMs = 0;
  /** Where the process listens was looked at since it was last started. */
  #isChecked = false;
  #warning = "";

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#record = options.record;
    this.#exits = options.past.exits;
    this.#lastEnd = this.#exits === 0 ? "" : `ended last with ${options.past.lastExit}`;
    this.#sinceMs = options.clock.monotonicMs();
    this.#standing = {
      state: options.record.wasReady ? "unready" : "starting",
      reason: `has not been asked GET ${options.record.health} yet`,
    };
    void this.#watch();
  }

  /** Resolves once it has been asked for the first time. */
  get firstProbe(): Promise<void> {
    return this.#firstProbe.promise;
  }

  get record(): InstanceRecord {
    return this.#record;
  }

  get standing(): Standing {
    return this.#standing;
  }

  /** Takes in how often the process has ended by itself, counted since its first start. */
  noteExits(exits: number, lastExit: string): void {
    if (exits <= this.#exits || this.#standing.state === "failed") return;
    this.#exits = exits;
    this.#lastEnd = `ended last with ${lastExit}`;
    this.#failuresInRow = 0;
    this.#isChecked = false;
    this.#nextProbeMs = 0;
    const times = exits === 1 ? "once" : `${exits} times`;
    if (this.#record.wasReady)
      this.#standing = { state: "unready", reason: `ended ${times}, the last time with ${lastExit}; is started again` };
    else if (exits >= exitsUntilFailed)
      this.#standing = { state: "failed", reason: `ended ${times} before it was ready, the last time with ${lastExit}` };
    else this.#standing = { state: "starting", reason: `ended ${times} before it was ready, with ${lastExit}; is started again` };
  }

  close(): void {
    this.#closed.abort();
    this.#firstProbe.resolve();
  }

  async #watch(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#closed;
    while (!signal.aborted && this.#standing.state !== "failed") {
      if (clock.monotonicMs() >= this.#nextProbeMs) await this.#ask();
      this.#firstProbe.resolve();
      await clock.sleep(tickMs, signal).catch((cause: unknown) => {
        if (!signal.aborted) throw cause;
      });
    }
    this.#firstProbe.resolve();
  }

  async #ask(): Promise<void> {
    const { clock, probe } = this.#options;
    const { health, port } = this.#record;
    const exits = this.#exits;
    const answer = await probe.health({ host: instanceHost, port, path: health, timeoutMs: probeTimeoutMs });
    const isAnswered = "status" in answer && answer.status >= 200 && answer.status < 300;
    const trouble = isAnswered ? await this.#checkSockets() : `${describeAnswer(answer)}${await this.#describeOtherPorts()}`;
    // It ended meanwhile: the answer was another process's, and says nothing about the one that runs now.
    if (exits !== this.#exits || this.#closed.signal.aborted) return;
    if (trouble === "") this.#pass();
    else if (this.#standing.state !== "failed") this.#fail(trouble);
    this.#nextProbeMs = clock.monotonicMs() + (this.#standing.state === "ready" ? readyPeriodMs : 0);
  }

  #pass(): void {
    this.#failuresInRow = 0;
    this.#isChecked = true;
    this.#standing = { state: "ready", reason: [this.#warning, this.#lastEnd].filter((words) => words !== "").join("; ") };
    if (this.#record.wasReady) return;
    this.#record = { ...this.#record, wasReady: true };
    this.#options.onFirstReady(this.#record);
  }

  #fail(trouble: string): void {
    this.#failuresInRow += 1;
    const { health, wasReady } = this.#record;
    const reason = `GET ${health} on port ${this.#record.port}: ${trouble}`;
    if (this.#isOverdue()) {
      this.#standing = { state: "failed", reason: `was not ready within ${this.#record.startTimeoutMs / 1000} s: ${reason}` };
    } else if (!wasReady) {
      this.#standing = { state: "starting", reason };
    } else if (this.#standing.state !== "ready" || this.#failuresInRow >= failuresUntilUnready) {
      this.#standing = { state: "unready", reason };
    }
  }

  #isOverdue(): boolean {
    const { startTimeoutMs, wasReady } = this.#record;
    return !wasReady && this.#options.clock.monotonicMs() - this.#sinceMs >= startTimeoutMs;
  }

  /** The most frequent reason why a first release never answers: it listens where it always did. Looked at once, at the end. */
  async #describeOtherPorts(): Promise<string> {
    if (!this.#isOverdue()) return "";
    const pid = (await this.#kept())?.pid ?? null;
    const sockets = pid === null ? [] : this.#options.probe.listening(pid);
    if (sockets.length === 0 || sockets.some(({ port }) => port === this.#record.port)) return "";
    return `; it listens on ${describeSockets(sockets)} instead: it must listen on the port in the variable PORT and the address in HOST`;
  }

  /** Undefined also while the keeper does not answer. */
  async #kept(): Promise<KeptProcess | undefined> {
    return this.#options.kept().catch((cause: unknown) => {
      if (cause instanceof BelayError) return undefined;
      throw cause;
    });
  }

  /**
   * Looks, once after each start, at where the process listens: on its port at all (else somebody else has answered), and nowhere
   * that other machines reach. Returns what is wrong, or an empty text.
   */
  async #checkSockets(): Promise<string> {
    if (this.#isChecked) return "";
    const { environment, port } = this.#record;
    const kept = await this.#options.kept().catch((cause: unknown) => {
      if (cause instanceof BelayError) return cause;
      throw cause;
    });
    if (kept instanceof BelayError) return kept.message;
    const pid = kept?.pid ?? null;
    const sockets = pid === null ? [] : this.#options.probe.listening(pid);
    if (pid === null) return "another program answers on this port while the instance is not running";
    if (sockets.length > 0 && !sockets.some((socket) => socket.port === port)) return "another program answers on this port";
    const exposed = sockets.filter((socket) => !socket.isLoopback);
    this.#warning = exposed.length === 0 ? "" : describeExposure(exposed);
    if (exposed.length === 0 || environment !== "production") return "";
    this.#standing = { state: "failed", reason: this.#warning };
    return this.#warning;
  }
}

function describeAnswer(answer: Awaited<ReturnType<Probe["health"]>>): string {
  return "status" in answer ? `answered ${answer.status}, not 2xx` : answer.failure;
}

function describeExposure(exposed: readonly ListeningSocket[]): string {
  return `listens on ${describeSockets(exposed)}, where other machines can reach it past the proxy: listen on process.env.HOST (127.0.0.1) instead, or its like in your language`;
}

function describeSockets(sockets: readonly ListeningSocket[]): string {
  return sockets.map(({ host, port }) => `${host.includes(":") ? `[${host}]` : host}:${port}`).join(", ");
}
