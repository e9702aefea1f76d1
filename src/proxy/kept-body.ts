import { keptBodyBytesMax } from "../routing/shield.ts";
import type { BodySource } from "./client.ts";
import { Pieces } from "./pieces.ts";

const workerBytesMax: number = 16 * 1024 * 1024;

/** The memory that all kept bodies of one worker share. */
export class KeptBytes {
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number = workerBytesMax) {
    this.#bytesMax = bytesMax;
  }

  take(bytes: number): boolean {
    if (this.#bytes + bytes > this.#bytesMax) return false;
    this.#bytes += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#bytes -= bytes;
  }
}

/** What the canary has been given of a request's body, in case stable must have it too. */
export class KeptBody {
  readonly #memory: KeptBytes;
  readonly #onTooLarge: () => void;
  /** Null once it is let go. */
  #chunks: Pieces | null = new Pieces();
  #bytes = 0;
  #isWhole = false;

  constructor(options: { readonly source: BodySource; readonly memory: KeptBytes; readonly onTooLarge: () => void }) {
    this.#memory = options.memory;
    this.#onTooLarge = options.onTooLarge;
    // The end may come when no attempt listens.
    options.source.on("end", () => {
      this.#isWhole = true;
    });
  }

  /** The whole body has come, and is kept. */
  get isWhole(): boolean {
    return this.#isWhole && this.#chunks !== null;
  }

  get chunks(): readonly Buffer[] {
    return this.#chunks?.all ?? [];
  }

  add(chunk: Buffer): void {
    if (this.#chunks === null) return;
    if (this.#bytes + chunk.length > keptBodyBytesMax || !this.#memory.take(chunk.length)) {
      this.drop();
      this.#onTooLarge();
      return;
    }
    this.#bytes += chunk.length;
    this.#chunks.add(chunk);
  }

  /** Nobody will ask for it again. */
  drop(): void {
    this.#memory.give(this.#bytes);
    this.#bytes = 0;
    this.#chunks = null;
  }
}
