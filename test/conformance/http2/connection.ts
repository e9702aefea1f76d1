import { once } from "node:events";
import tls from "node:tls";
import { flag, frame, preface, settings, settingsAck, type } from "./frames.ts";
import { HpackReader } from "./hpack.ts";

/** What came back on one stream. */
export interface SeenStream {
  /** Final, 0 before it. */
  status: number;
  /** Of the answers before the answer. */
  readonly early: number[];
  body: string;
  /** Code of the reset. */
  reset: number | null;
  /** Its answer has ended. */
  isEnded: boolean;
}

export interface ConnectionOptions {
  /** Everything that is said before anything else. */
  readonly begin?: Uint8Array;
  /** A TLS session to go on with, which saves most of the handshake. */
  readonly session?: Buffer | undefined;
  /** Says nothing but what it is told to, no acknowledgements either. */
  readonly isSilent?: boolean;
}

const lookEveryMs = 100;

/** A client of HTTP/2 over TLS that says any bytes, and keeps what comes back. */
export class RawConnection {
  readonly #socket: tls.TLSSocket;
  readonly #isSilent: boolean;
  readonly #hpack = new HpackReader();
  readonly #streams = new Map<number, SeenStream>();
  #unread: Buffer = Buffer.alloc(0);
  #head: { readonly stream: number; readonly blocks: Uint8Array[]; readonly isEnd: boolean } | null = null;
  #wake: () => void = () => {};
  session: Buffer | undefined;
  /** Code of the connection's last word. */
  goaway: number | null = null;
  isClosed = false;
  settingsAcks = 0;
  pingAcks = 0;

  private constructor(socket: tls.TLSSocket, isSilent: boolean) {
    this.#socket = socket;
    this.#isSilent = isSilent;
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    // Writing to a side that has closed meanwhile is no news: what it said before counts.
    socket.on("error", () => socket.destroy());
    socket.on("session", (session: Buffer) => {
      this.session = session;
    });
    socket.on("close", () => {
      this.isClosed = true;
      this.#wake();
    });
  }

  static async open(port: number, { begin, session, isSilent = false }: ConnectionOptions = {}): Promise<RawConnection> {
    const socket = tls.connect({
      port,
      host: "127.0.0.1",
      servername: "shop.test",
      ALPNProtocols: ["h2"],
      rejectUnauthorized: false,
      ...(session === undefined ? {} : { session }),
    });
    await once(socket, "secureConnect");
    if (socket.alpnProtocol !== "h2") throw new Error("the engine does not speak HTTP/2");
    socket.setNoDelay(true);
    const connection = new RawConnection(socket, isSilent);
    connection.send(begin ?? Buffer.concat([preface, settings()]));
    return connection;
  }

  send(bytes: Uint8Array): boolean {
    return this.#socket.writable && this.#socket.write(bytes);
  }

  /** Resolves once what was sent has left, or the connection has. */
  async sent(): Promise<void> {
    if (this.isClosed || !this.#socket.writableNeedDrain) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#socket.once("drain", resolve).once("close", resolve);
    await promise;
    this.#socket.off("drain", resolve).off("close", resolve);
  }

  /** Reads nothing from now on. */
  stopReading(): void {
    this.#socket.pause();
  }

  close(): void {
    this.#socket.destroy();
  }

  stream(id: number): SeenStream {
    const known = this.#streams.get(id);
    if (known !== undefined) return known;
    const stream: SeenStream = { status: 0, early: [], body: "", reset: null, isEnded: false };
    this.#streams.set(id, stream);
    return stream;
  }

  isDone(id: number): boolean {
    const { isEnded, reset } = this.stream(id);
    return isEnded || reset !== null;
  }

  /** False when it is not so and nothing more comes for `silenceMs`, or the connection has closed before. */
  until(isTrue: () => boolean, silenceMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      // Counted in looks and not by the clock: a process that was held up has not been silent, and the engine may be in this very process.
      let silentLooks = 0;
      const settle = () => {
        clearInterval(looking);
        this.#wake = () => {};
        resolve(isTrue());
      };
      const looking = setInterval(() => {
        silentLooks += 1;
        if (silentLooks * lookEveryMs >= silenceMs) settle();
      }, lookEveryMs);
      this.#wake = () => {
        silentLooks = 0;
        if (isTrue() || this.isClosed) settle();
      };
      this.#wake();
    });
  }

  #read(chunk: Buffer): void {
    let bytes = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk]);
    while (bytes.length >= 9) {
      const length = bytes.readUIntBE(0, 3);
      if (bytes.length < 9 + length) break;
      const head = { type: bytes[3] ?? 0, flags: bytes[4] ?? 0, stream: bytes.readUInt32BE(5) };
      this.#take(head, bytes.subarray(9, 9 + length));
      bytes = bytes.subarray(9 + length);
    }
    this.#unread = bytes;
    this.#wake();
  }

  #take({ type: kind, flags, stream }: { type: number; flags: number; stream: number }, payload: Buffer): void {
    switch (kind) {
      case type.headers:
        this.#head = { stream, blocks: [payload], isEnd: (flags & flag.endStream) !== 0 };
        if ((flags & flag.endHeaders) !== 0) this.#takeHead();
        break;
      case type.continuation:
        this.#head?.blocks.push(payload);
        if ((flags & flag.endHeaders) !== 0) this.#takeHead();
        break;
      case type.data:
        this.stream(stream).body += payload.toString("latin1");
        if ((flags & flag.endStream) !== 0) this.stream(stream).isEnded = true;
        break;
      case type.reset:
        this.stream(stream).reset = payload.readUInt32BE(0);
        break;
      case type.goaway:
        this.goaway = payload.readUInt32BE(4);
        break;
      case type.settings:
        if ((flags & flag.ack) !== 0) this.settingsAcks += 1;
        else if (!this.#isSilent) this.send(settingsAck);
        break;
      case type.ping:
        if ((flags & flag.ack) !== 0) this.pingAcks += 1;
        else if (!this.#isSilent) this.send(frame({ type: type.ping, flags: flag.ack }, payload));
        break;
    }
  }

  #takeHead(): void {
    if (this.#head === null) return;
    const { stream, blocks, isEnd } = this.#head;
    this.#head = null;
    const fields = this.#hpack.read(Buffer.concat(blocks));
    const status = Number(fields.find(([name]) => name === ":status")?.[1] ?? 0);
    const seen = this.stream(stream);
    if (status >= 200) seen.status = status;
    else if (status > 0) seen.early.push(status);
    if (isEnd) seen.isEnded = true;
  }
}
