import { connect, type Socket } from "node:net";
import { BelayError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import { readJsonLines, sendJsonLine } from "../ports/json-lines.ts";
import { isSocketHeld } from "./listeners.ts";
import { type KeeperRequest, keeperProtocol, type ProcessSpec, type ProcessStatus } from "./protocol.ts";

const reconnectMs = 50;
const patienceMs = 15_000;

export interface KeeperIdentity {
  readonly protocol: number;
  readonly pid: number;
}

/** A process ended by itself. */
export interface ProcessExit {
  readonly name: string;
  readonly lastExit: string;
}

/**
 * A client of the keeper that connects again by itself, as often as needed. Every request is idempotent, so one that was under way
 * when the keeper was killed is asked again of the next keeper. All requests may throw `BELAY_KEEPER_UNREACHABLE` (no keeper answered
 * for some seconds), `BELAY_KEEPER_PROTOCOL`, and what the keeper answers.
 */
export interface KeeperClient {
  /** Also what runs once: `isOnce` says so. */
  run(spec: ProcessSpec): Promise<void>;
  stop(name: string, graceMs: number): Promise<void>;
  list(): Promise<readonly ProcessStatus[]>;
  addresses(): Promise<Readonly<Record<string, string>>>;
  hello(): Promise<KeeperIdentity>;
  /** Resolves when everything is stopped; the client is closed then. */
  shutdown(): Promise<void>;
  /** Exits that happen while the connection is down are not told: `list` counts them. Returns how to end it. */
  onExit(listener: (exit: ProcessExit) => void): () => void;
  close(): void;
}

interface Pending {
  readonly request: KeeperRequest;
  readonly resolve: (result: unknown) => void;
  readonly reject: (cause: unknown) => void;
  readonly sinceMs: number;
}

/** Connects in the background; requests wait for it, `patienceMs` at most (15 s by default). */
export function openKeeperClient(path: string, options: { readonly clock: Clock; readonly patienceMs?: number }): KeeperClient {
  const link = new KeeperLink(path, options.clock, options.patienceMs ?? patienceMs);
  return {
    run: async (spec) => void (await link.ask({ kind: spec.isOnce === true ? "run-once" : "run", spec })),
    stop: async (name, graceMs) => void (await link.ask({ kind: "stop", name, graceMs })),
    list: async () => (await link.ask({ kind: "list" })) as readonly ProcessStatus[],
    addresses: async () => (await link.ask({ kind: "addresses" })) as Readonly<Record<string, string>>,
    hello: async () => (await link.ask({ kind: "hello", protocol: keeperProtocol })) as KeeperIdentity,
    shutdown: async () => {
      await link.ask({ kind: "shutdown" });
      link.close();
    },
    onExit: (listener) => link.onExit(listener),
    close: () => link.close(),
  };
}

/**
 * For a keeper that lives and without which a command can do nothing: one that is held up must not be taken for gone, or `down` stops nothing
 * and says that it did. Where nobody holds its socket, nobody is waited for.
 */
export const keeperAnswersWithinMs = 15_000;

/** Who keeps this socket; undefined when nobody answers in time, and at once when nobody holds it: a keeper that is away has a holder. */
export async function askWhoKeeps(
  path: string,
  options: { readonly clock: Clock; readonly timeoutMs: number },
): Promise<KeeperIdentity | undefined> {
  if (!(await isSocketHeld(path))) return undefined;
  const client = openKeeperClient(path, { clock: options.clock, patienceMs: options.timeoutMs });
  try {
    return await client.hello();
  } catch (cause) {
    if (cause instanceof BelayError && cause.code === "BELAY_KEEPER_UNREACHABLE") return undefined;
    throw cause;
  } finally {
    client.close();
  }
}

class KeeperLink {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #patienceMs: number;
  readonly #closed = new AbortController();
  readonly #exitListeners = new Set<(exit: ProcessExit) => void>();
  readonly #pending = new Map<number, Pending>();
  #socket: Socket | null = null;
  /** Greeted by a keeper of a protocol that both speak. */
  #isReady = false;
  #unreadySinceMs: number;
  #lastId = 0;

  constructor(path: string, clock: Clock, patience: number) {
    this.#path = path;
    this.#clock = clock;
    this.#patienceMs = patience;
    this.#unreadySinceMs = clock.monotonicMs();
    void this.#stayConnected();
  }

  ask(request: KeeperRequest): Promise<unknown> {
    if (this.#closed.signal.aborted) return Promise.reject(unreachable(this.#path, "this client is closed"));
    return new Promise((resolve, reject) => {
      this.#lastId += 1;
      const pending = { request, resolve, reject, sinceMs: this.#clock.monotonicMs() };
      this.#pending.set(this.#lastId, pending);
      if (this.#isReady && this.#socket !== null) sendJsonLine(this.#socket, { id: this.#lastId, request });
    });
  }

  onExit(listener: (exit: ProcessExit) => void): () => void {
    this.#exitListeners.add(listener);
    return () => void this.#exitListeners.delete(listener);
  }

  close(): void {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort();
    this.#socket?.destroy();
    this.#rejectAll(unreachable(this.#path, "the connection was closed"));
  }

  async #stayConnected(): Promise<void> {
    const stopPatience = this.#clock.every(reconnectMs, () => this.#endImpatient());
    while (!this.#closed.signal.aborted) {
      await this.#connectOnce();
      if (this.#isReady) this.#unreadySinceMs = this.#clock.monotonicMs();
      this.#isReady = false;
      await this.#clock.sleep(reconnectMs, this.#closed.signal).catch((cause: unknown) => {
        if (!this.#closed.signal.aborted) throw cause;
      });
    }
    stopPatience();
  }

  /** Resolves when the connection has ended, or did not come about. */
  #connectOnce(): Promise<void> {
    return new Promise((resolve) => {
      const socket = connect(this.#path);
      this.#socket = socket;
      socket.on("error", () => socket.destroy());
      socket.on("close", () => resolve());
      socket.on("connect", () => sendJsonLine(socket, { id: 0, request: { kind: "hello", protocol: keeperProtocol } }));
      readJsonLines(socket, (message) => this.#receive(message as KeeperLine, socket));
    });
  }

  #receive(line: KeeperLine, socket: Socket): void {
    if ("event" in line) {
      for (const listener of this.#exitListeners) listener({ name: line.name, lastExit: line.lastExit });
      return;
    }
    if (line.id === 0) {
      this.#greeted(line, socket);
      return;
    }
    const pending = this.#pending.get(line.id);
    this.#pending.delete(line.id);
    if (line.ok) pending?.resolve(line.result);
    else pending?.reject(new BelayError(line.error));
  }

  #greeted(line: KeeperAnswer, socket: Socket): void {
    const protocol = line.ok ? (line.result as KeeperIdentity).protocol : undefined;
    if (!line.ok) this.#rejectAll(new BelayError(line.error));
    else if (protocol !== keeperProtocol && protocol !== keeperProtocol - 1) this.#rejectAll(otherProtocol(protocol));
    else {
      this.#isReady = true;
      // In the order in which they were asked, whether they had been sent before or not.
      for (const [id, { request }] of this.#pending) sendJsonLine(socket, { id, request });
    }
  }

  #endImpatient(): void {
    const beforeMs = this.#clock.monotonicMs() - this.#patienceMs;
    for (const [id, { request, sinceMs, reject }] of this.#pending) {
      // These take as long as what they end; they are waited for as long as there is a keeper. A question is not: it may hang.
      const isLong = request.kind === "stop" || request.kind === "shutdown";
      if (isLong && this.#isReady) continue;
      if ((isLong ? Math.max(sinceMs, this.#unreadySinceMs) : sinceMs) > beforeMs) continue;
      this.#pending.delete(id);
      reject(unreachable(this.#path, `no keeper answered within ${this.#patienceMs / 1000} s`));
    }
  }

  #rejectAll(cause: BelayError): void {
    for (const { reject } of this.#pending.values()) reject(cause);
    this.#pending.clear();
  }
}

type KeeperAnswer =
  | { readonly id: number; readonly ok: true; readonly result: unknown }
  | {
      readonly id: number;
      readonly ok: false;
      readonly error: { readonly code: `BELAY_${string}`; readonly message: string; readonly next: string };
    };

type KeeperLine = KeeperAnswer | ({ readonly event: "exit" } & ProcessExit);

function unreachable(path: string, why: string): BelayError {
  return new BelayError({
    code: "BELAY_KEEPER_UNREACHABLE",
    message: `cannot talk to the keeper at ${path}: ${why}`,
    next: "Run `belay up`; `logs/keeper.log` in the data folder says what happened before.",
  });
}

function otherProtocol(protocol: number | undefined): BelayError {
  return new BelayError({
    code: "BELAY_KEEPER_PROTOCOL",
    message: `the keeper speaks protocol ${protocol}, this program speaks ${keeperProtocol} and ${keeperProtocol - 1}`,
    next: "Run `belay down`, then `belay up` with one version of Belay.",
  });
}
