import { connect, type Socket } from "node:net";
import { BelayError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import { readJsonLines, sendJsonLine } from "../ports/json-lines.ts";
import type { Log } from "../ports/log.ts";
import { type FromWorker, linkProtocol, type ToWorker } from "../routing/wire.ts";
import { parseToWorker } from "./link-messages.ts";

const retryMs = 100;

export type ControlMessage = Exclude<ToWorker, { kind: "welcome" } | { kind: "refused" }>;

export interface LinkClientOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly log: Log;
  /** What the worker says first, on every new link, in this version of it. */
  readonly hello: (protocol: number) => FromWorker;
  /** The handshake is done: what was not kept may be sent again. */
  readonly onReady: () => void;
  readonly onMessage: (message: ControlMessage) => void;
}

/** A worker's link to the control plane. It is made anew for as long as the worker lives; traffic never waits for it. */
export class LinkClient {
  readonly #options: LinkClientOptions;
  readonly #ending = new AbortController();
  #socket: Socket | null = null;
  #isReady = false;
  /** In which hello is said: during an upgrade the control plane may still be the one from before. */
  #protocol = linkProtocol;
  #lastTrouble = "";

  constructor(options: LinkClientOptions) {
    this.#options = options;
  }

  /** Resolves after `close`. */
  async run(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      await this.#session();
      await this.#options.clock.sleep(retryMs, signal).catch((cause: unknown) => {
        if (!signal.aborted) throw cause;
      });
    }
  }

  /** True when a message can be sent now: the handshake is done and the other side keeps up. */
  get isReady(): boolean {
    return this.#isReady && this.#socket?.writableNeedDrain === false;
  }

  send(message: FromWorker): void {
    if (this.#socket !== null && this.#isReady) sendJsonLine(this.#socket, message);
  }

  /** Ends the link once everything that was sent has left. */
  close(): void {
    this.#ending.abort();
    if (this.#isReady) this.#socket?.end();
    else this.#socket?.destroy();
  }

  #session(): Promise<void> {
    const { path, hello } = this.#options;
    return new Promise((resolve) => {
      const socket = connect(path);
      this.#socket = socket;
      socket.on("connect", () => sendJsonLine(socket, hello(this.#protocol)));
      socket.on("error", (cause) => this.#noteTrouble(cause.message));
      socket.on("close", () => {
        if (this.#isReady) {
          this.#options.log.warn("the link to the control plane ended; requests go on by the present table");
          this.#protocol = linkProtocol;
        }
        this.#isReady = false;
        resolve();
      });
      readJsonLines(socket, (message) => this.#receive(socket, message));
    });
  }

  #receive(socket: Socket, raw: unknown): void {
    const message = parseToWorker(raw);
    if (message === null) {
      socket.destroy(linkBroken("the control plane sent a message that this proxy does not know"));
      return;
    }
    if (message.kind === "welcome") {
      this.#welcome(socket, message.protocol);
    } else if (message.kind === "refused") {
      this.#protocol = this.#protocol === linkProtocol ? linkProtocol - 1 : linkProtocol;
      socket.destroy(linkBroken(`the control plane refused this proxy: ${message.reason}`));
    } else if (this.#isReady) {
      this.#options.onMessage(message);
    }
  }

  #welcome(socket: Socket, protocol: number): void {
    if (!isSpoken(protocol)) {
      socket.destroy(linkBroken(`the control plane speaks version ${protocol} of the link, this proxy ${linkProtocol}`));
      return;
    }
    this.#isReady = true;
    this.#lastTrouble = "";
    this.#options.log.info("linked to the control plane");
    this.#options.onReady();
  }

  /** Once for each kind of trouble, not ten times a second. */
  #noteTrouble(message: string): void {
    if (message === this.#lastTrouble) return;
    this.#lastTrouble = message;
    this.#options.log.warn("no link to the control plane", { cause: message });
  }
}

/** Both sides speak the present version of the link and the one before. */
export function isSpoken(protocol: number): boolean {
  return protocol === linkProtocol || protocol === linkProtocol - 1;
}

function linkBroken(message: string): BelayError {
  return new BelayError({ code: "BELAY_LINK_BROKEN", message, next: "Run `belay status`; the link is made anew by itself." });
}
