import { Readable } from "node:stream";
import type { BodySource } from "./client.ts";

interface RequestBodyEvents {
  /** An instance begins to take the body. */
  onWanted(): void;
  /** A piece, or the end, has come. */
  onProgress(): void;
}

/**
 * A client's request body for one attempt at an instance. It touches the client's stream only when it is read, and gives
 * it back paused when it is destroyed, so that an attempt that sent nothing costs nothing.
 */
export class RequestBody extends Readable {
  readonly #source: BodySource;
  readonly #events: RequestBodyEvents;
  #isAttached = false;
  #isWaiting = false;

  constructor(source: BodySource, events: RequestBodyEvents) {
    super();
    this.#source = source;
    this.#events = events;
  }

  /** The instance would take more, and the client does not send it. */
  get isWaitingForClient(): boolean {
    return this.#isWaiting && !this.#source.complete;
  }

  override _read(): void {
    this.#isWaiting = true;
    if (!this.#isAttached) {
      this.#isAttached = true;
      this.#events.onWanted();
      this.#source.on("data", this.#onData);
      this.#source.on("end", this.#onEnd);
    }
    this.#source.resume();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#source.off("data", this.#onData);
    this.#source.off("end", this.#onEnd);
    if (this.#isAttached) this.#source.pause();
    done(error);
  }

  #onData = (chunk: Buffer): void => {
    this.#isWaiting = false;
    this.#events.onProgress();
    if (!this.push(chunk)) this.#source.pause();
  };

  #onEnd = (): void => {
    this.#isWaiting = false;
    this.#events.onProgress();
    this.push(null);
  };
}
