import { Readable } from "node:stream";
import type { BodySource } from "./client.ts";
import type { KeptBody } from "./kept-body.ts";

interface RequestBodyEvents {
  /** An instance begins to take the body. */
  onWanted(): void;
  /** The instance would take more than has come. */
  onAwaited(): void;
  /** A piece, or the end, has come. */
  onProgress(bytes: number): void;
  /** The instance that waits for more is asked no longer. */
  onLetGo(): void;
}

/**
 * A client's request body for one attempt at an instance. It touches the client's stream only when it is read, and gives
 * it back paused when it is destroyed, so that an attempt that sent nothing costs nothing.
 */
export class RequestBody extends Readable {
  readonly #source: BodySource;
  readonly #events: RequestBodyEvents;
  readonly #kept: KeptBody | null;
  #hasBegun = false;
  #isAttached = false;
  #isWaiting = false;

  /** `kept` is what an earlier attempt had of the body, which this one has first, and keeps what this one has. */
  constructor(source: BodySource, events: RequestBodyEvents, kept: KeptBody | null = null) {
    super();
    this.#source = source;
    this.#events = events;
    this.#kept = kept;
  }

  /** The instance would take more, and the client does not send it. */
  get isWaitingForClient(): boolean {
    return this.#isWaiting && !this.#source.complete;
  }

  override _read(): void {
    if (!this.#hasBegun) {
      this.#hasBegun = true;
      this.#events.onWanted();
      if (this.#repeat()) return;
    }
    this.#isWaiting = true;
    this.#events.onAwaited();
    if (!this.#isAttached) {
      this.#isAttached = true;
      this.#source.on("data", this.#onData);
      this.#source.on("end", this.#onEnd);
    }
    this.#source.resume();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#source.off("data", this.#onData);
    this.#source.off("end", this.#onEnd);
    if (this.#isAttached) this.#source.pause();
    if (this.#isWaiting) this.#events.onLetGo();
    this.#isWaiting = false;
    done(error);
  }

  /** Passes on what is kept. True when that is all, or enough for now. */
  #repeat(): boolean {
    const { chunks, isWhole } = this.#kept ?? { chunks: [], isWhole: false };
    let mayGoOn = true;
    for (const chunk of chunks) mayGoOn = this.push(chunk);
    if (isWhole) this.push(null);
    return isWhole || !mayGoOn;
  }

  #onData = (chunk: Buffer): void => {
    this.#isWaiting = false;
    this.#events.onProgress(chunk.length);
    this.#kept?.add(chunk);
    if (!this.push(chunk)) this.#source.pause();
  };

  #onEnd = (): void => {
    this.#isWaiting = false;
    this.#events.onProgress(0);
    this.push(null);
  };
}
