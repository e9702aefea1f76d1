import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { brotliDecompress, gunzip, inflate } from "node:zlib";
import type { SeenAnswer } from "../routing/compare-answers.ts";
import type { DropReason } from "../routing/shadow-tallies.ts";
import type { ExchangeObserver, UpstreamEnd, UpstreamExchange } from "./exchange.ts";
import type { KeptBytes } from "./kept-body.ts";
import { Pieces } from "./pieces.ts";

/** A longer answer is passed on as ever and not compared. */
const answerBytesMax = 65_536;
/** Unpacked. */
export const readBytesMax: number = 262_144;

const unpackers: Readonly<Record<string, (packed: Buffer, options: { readonly maxOutputLength: number }) => Promise<Buffer>>> = {
  gzip: promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
};

/** An answer as it went by. */
export interface CapturedAnswer {
  readonly status: number;
  readonly headers: readonly string[];
  readonly chunks: readonly Buffer[];
  /** Taken from the memory of copies; whoever gets the answer gives them back. */
  readonly bytes: number;
}

/** Keeps what an observer hears, which hears all of it, in time, whatever becomes of the capture. */
export class AnswerCapture implements ExchangeObserver, UpstreamExchange {
  readonly #observer: ExchangeObserver;
  readonly #memory: KeptBytes;
  readonly #onComplete: (answer: CapturedAnswer) => void;
  readonly #onTooLarge: (why: DropReason) => void;
  #exchange: UpstreamExchange | null = null;
  #head: { readonly status: number; readonly headers: readonly string[] } | null = null;
  #chunks = new Pieces();
  #bytes = 0;
  #isGivenUp = false;

  constructor(options: {
    readonly observer: ExchangeObserver;
    readonly memory: KeptBytes;
    readonly onComplete: (answer: CapturedAnswer) => void;
    readonly onTooLarge: (why: DropReason) => void;
  }) {
    this.#observer = options.observer;
    this.#memory = options.memory;
    this.#onComplete = options.onComplete;
    this.#onTooLarge = options.onTooLarge;
  }

  startOn(start: (observer: ExchangeObserver) => UpstreamExchange): UpstreamExchange {
    this.#exchange = start(this);
    return this;
  }

  mayStart(): boolean {
    return this.#observer.mayStart();
  }

  informationArrived(head: { readonly status: number; readonly headers: readonly string[] }): void {
    this.#observer.informationArrived(head);
  }

  headArrived(head: { readonly status: number; readonly statusText: string; readonly headers: readonly string[] }): void {
    this.#head = head;
    // Such an answer has no end.
    if (/^text\/event-stream/i.test(headerOf(head.headers, "content-type"))) this.#giveUp();
    this.#observer.headArrived(head);
  }

  dataArrived(chunk: Buffer): boolean {
    this.#keep(chunk);
    return this.#observer.dataArrived(chunk);
  }

  trailersArrived(trailers: readonly string[]): void {
    this.#observer.trailersArrived(trailers);
  }

  ended(end: UpstreamEnd): void {
    if (end === "complete" && this.#head !== null && !this.#isGivenUp) {
      const { status, headers } = this.#head;
      this.#isGivenUp = true;
      this.#onComplete({ status, headers, chunks: this.#chunks.all, bytes: this.#bytes });
    } else {
      this.#giveUp();
    }
    this.#observer.ended(end);
  }

  resume(): void {
    this.#exchange?.resume();
  }

  abort(): void {
    this.#giveUp();
    this.#exchange?.abort();
  }

  #keep(chunk: Buffer): void {
    if (this.#isGivenUp) return;
    const why = this.#bytes + chunk.length > answerBytesMax ? "large" : this.#memory.take(chunk.length) ? null : "full";
    if (why === null) {
      this.#bytes += chunk.length;
      this.#chunks.add(chunk);
      return;
    }
    this.#giveUp();
    this.#onTooLarge(why);
  }

  #giveUp(): void {
    if (this.#isGivenUp) return;
    this.#isGivenUp = true;
    this.#memory.give(this.#bytes);
    this.#chunks = new Pieces();
  }
}

/** What an answer says, unpacked; packed in a way that is not known, or to too much, it is compared as it came. */
export async function readAnswer({ status, headers, chunks }: Omit<CapturedAnswer, "bytes">): Promise<SeenAnswer> {
  const packed = Buffer.concat(chunks);
  const unpack = unpackers[headerOf(headers, "content-encoding").trim().toLowerCase()];
  let bytes: Buffer = packed;
  if (unpack !== undefined && packed.length > 0) {
    try {
      bytes = await unpack(packed, { maxOutputLength: readBytesMax });
    } catch {
      // Damaged, or larger than what is unpacked of any: its packed form can still be compared.
      bytes = packed;
    }
  }
  return { status, headers, body: bodyOf(bytes, headerOf(headers, "content-type")) };
}

function bodyOf(bytes: Buffer, contentType: string): SeenAnswer["body"] {
  if (/[/+]json\b/i.test(contentType)) {
    try {
      return { kind: "json", value: JSON.parse(bytes.toString("utf8")) };
    } catch (cause) {
      if (!(cause instanceof SyntaxError)) throw cause;
    }
  }
  return { kind: "bytes", length: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
}

function headerOf(headers: readonly string[], name: string): string {
  for (let index = 0; index + 1 < headers.length; index += 2)
    if (headers[index]?.toLowerCase() === name) return headers[index + 1] ?? "";
  return "";
}
