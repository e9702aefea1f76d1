/**
 * An independent reader of requests over HTTP/2 (RFC 9113): what one client's bytes mean to somebody who knows the RFC and nothing of any
 * engine. It says of each request what a service has to see of it, if it sees it, and is silent of what no service may see.
 */
import type { Field, Message } from "../strict-reader.ts";
import { flag, preface, type } from "./frames.ts";
import { HpackFault, HpackReader } from "./hpack.ts";

export interface Http2Reading {
  /** Whole, by their streams: each has to be answered or refused. */
  readonly requests: ReadonlyMap<number, Message>;
  /** May be passed on as well: their ends have not come, but all of their bodies, or their client has taken them back. */
  readonly early: ReadonlyMap<number, Message>;
  /** What stopped the reading; empty when nothing did. */
  readonly why: string;
}

interface Stream {
  readonly fields: readonly Field[] | null;
  body: string;
}

class Fault extends Error {}

export function readHttp2Requests(bytes: Buffer): Http2Reading {
  const reader = new ConnectionReader();
  try {
    if (!bytes.subarray(0, preface.length).equals(preface)) throw new Fault("no preface");
    let at = preface.length;
    for (; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) {
      const head = { type: bytes[at + 3] ?? 0, flags: bytes[at + 4] ?? 0, stream: bytes.readUInt32BE(at + 5) & 0x7fffffff };
      const payload = bytes.subarray(at + 9, at + 9 + bytes.readUIntBE(at, 3));
      if (bytes.readUIntBE(at, 3) > 16_384) throw new Fault("too large");
      if (payload.length < bytes.readUIntBE(at, 3)) {
        // A body is passed on as it comes.
        if (head.type === type.data)
          reader.take({ ...head, flags: 0 }, payload.subarray((head.flags & flag.padded) === 0 ? 0 : 1));
        throw new Fault("cut off");
      }
      reader.take(head, payload);
    }
    if (at < bytes.length) throw new Fault("cut off");
    return { requests: reader.requests, early: reader.early, why: "" };
  } catch (fault) {
    if (!(fault instanceof Fault || fault instanceof HpackFault)) throw fault;
    return { requests: reader.requests, early: reader.early, why: fault.message };
  }
}

class ConnectionReader {
  readonly requests = new Map<number, Message>();
  readonly early = new Map<number, Message>();
  readonly #hpack = new HpackReader();
  readonly #open = new Map<number, Stream>();
  #last = 0;
  #head: { readonly stream: number; readonly isEnd: boolean; readonly blocks: Uint8Array[] } | null = null;

  take({ type: kind, flags, stream }: { type: number; flags: number; stream: number }, payload: Buffer): void {
    if ((this.#head !== null) !== (kind === type.continuation)) throw new Fault("not a head's next part");
    switch (kind) {
      case type.headers:
        this.#head = { stream, isEnd: (flags & flag.endStream) !== 0, blocks: [withoutExtras(payload, flags)] };
        break;
      case type.continuation:
        if (this.#head?.stream !== stream) throw new Fault("another head's next part");
        this.#head.blocks.push(payload);
        break;
      case type.data:
        this.#takeData(stream, flags, payload);
        return;
      case type.reset:
        this.#takeReset(stream);
        return;
      default:
        return;
    }
    if ((flags & flag.endHeaders) !== 0) this.#takeHead();
  }

  #takeHead(): void {
    if (this.#head === null) return;
    const { stream, isEnd, blocks } = this.#head;
    this.#head = null;
    const fields = this.#hpack.read(Buffer.concat(blocks));
    const open = this.#open.get(stream);
    if (open !== undefined) {
      this.#open.delete(stream);
      if (isEnd && fields.every(([name]) => !name.startsWith(":"))) this.#end(stream, open);
      return;
    }
    if (stream <= this.#last) return;
    if (stream % 2 === 0) throw new Fault("a stream of a server");
    this.#last = stream;
    const begun: Stream = { fields: soundFields(fields), body: "" };
    if (isEnd) this.#end(stream, begun);
    else {
      this.#open.set(stream, begun);
      this.#endByLength(stream, begun);
    }
  }

  /** Who passes a body on as it comes has passed on all of the request once its length is reached. */
  #endByLength(stream: number, { fields, body }: Stream): void {
    const length = fields === null ? undefined : valueIn(fields, "content-length");
    if (fields === null || length === undefined || body.length < Number(length)) return;
    const message = messageOf(fields, body.slice(0, Number(length)));
    if (message !== null) this.early.set(stream, message);
  }

  #takeData(stream: number, flags: number, payload: Buffer): void {
    if (stream === 0 || stream > this.#last) throw new Fault("DATA of nothing");
    const open = this.#open.get(stream);
    if (open === undefined) return;
    // Of a request that was refused by its head nobody reads the body.
    if (open.fields !== null) open.body += withoutExtras(payload, flags & flag.padded).toString("latin1");
    this.#endByLength(stream, open);
    if ((flags & flag.endStream) === 0) return;
    this.#open.delete(stream);
    this.#end(stream, open);
  }

  /** What is whole may have been passed on by now, and is not answered. */
  #takeReset(stream: number): void {
    const whole = this.requests.get(stream);
    this.#open.delete(stream);
    this.requests.delete(stream);
    if (whole !== undefined) this.early.set(stream, whole);
  }

  #end(stream: number, { fields, body }: Stream): void {
    const message = fields === null ? null : messageOf(fields, body);
    if (message !== null) this.requests.set(stream, message);
  }
}

/** Without padding and priority. */
function withoutExtras(payload: Buffer, flags: number): Buffer {
  const isPadded = (flags & flag.padded) !== 0;
  const padding = isPadded ? (payload[0] ?? 256) : 0;
  const from = (isPadded ? 1 : 0) + ((flags & flag.priority) !== 0 ? 5 : 0);
  if (from + padding > payload.length) throw new Fault("more padding than there is");
  return payload.subarray(from, payload.length - padding);
}

const ofHttp1 = new Set(["connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade"]);
const namePattern = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
const valuePattern = /^(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?$/;
const pseudoPatterns: Readonly<Record<string, RegExp>> = {
  ":method": /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/,
  ":scheme": /^[A-Za-z][A-Za-z0-9+.-]*$/,
  ":authority": /^[\w.~%-]+(?::\d*)?$|^\[[\da-fA-F:.]+\](?::\d*)?$/,
  ":path": /^\/[\x21\x22\x24-\x7e]*$/,
};

/** Null when nobody may pass the request on. A field that cannot be read in one way is left out, if the request is not refused for it. */
function soundFields(fields: readonly Field[]): readonly Field[] | null {
  const sound: Field[] = [];
  for (const [index, [name, value]] of fields.entries()) {
    if (name.startsWith(":")) {
      const isInFront = fields.slice(0, index).every(([before]) => before.startsWith(":"));
      if (!isInFront || pseudoPatterns[name]?.test(value) !== true) return null;
    } else if (ofHttp1.has(name) || (name === "te" && value.toLowerCase() !== "trailers")) return null;
    const isHost = name !== "host" || pseudoPatterns[":authority"]?.test(value) === true;
    if (name.startsWith(":") || (namePattern.test(name) && valuePattern.test(value) && isHost)) sound.push([name, value]);
  }
  const pseudo = sound.map(([name]) => name).filter((name) => name.startsWith(":"));
  if (new Set(pseudo).size < pseudo.length) return null;
  return [":method", ":scheme", ":path"].every((name) => pseudo.includes(name)) && isOfOneMeaning(sound) ? sound : null;
}

/** One length at most, one host, and no tunnel. */
function isOfOneMeaning(fields: readonly Field[]): boolean {
  const lengths = fields.filter(([name]) => name === "content-length").map(([, value]) => value);
  if (lengths.length > 1 || lengths.some((length) => !/^\d{1,15}$/.test(length))) return false;
  const hosts = new Set(
    fields.filter(([name]) => name === ":authority" || name === "host").map(([, value]) => value.toLowerCase()),
  );
  const isOneHost = hosts.size === 1 && fields.filter(([name]) => name === "host").length <= 1;
  return isOneHost && valueIn(fields, ":method") !== "CONNECT";
}

/** As HTTP/1.1 says it. Null when its body is not of its length. */
function messageOf(fields: readonly Field[], body: string): Message | null {
  const length = valueIn(fields, "content-length");
  if (length !== undefined && Number(length) !== body.length) return null;
  const host = valueIn(fields, ":authority") ?? valueIn(fields, "host") ?? "";
  const rest = fields.filter(([name]) => !name.startsWith(":") && name !== "host");
  const start = [valueIn(fields, ":method") ?? "", valueIn(fields, ":path") ?? "", "HTTP/2"] as const;
  return { start, fields: [["host", host], ...rest], body, trailers: [] };
}

function valueIn(fields: readonly Field[], name: string): string | undefined {
  return fields.find(([other]) => other === name)?.[1];
}
