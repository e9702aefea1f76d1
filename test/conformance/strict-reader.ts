/**
 * An independent reader of HTTP/1.1 (RFC 9112) that forgives nothing. The suite reads with it what a client sent and what an
 * upstream got, so that a proxy which understands a request in its own way is found out. Bytes are Latin-1 strings here.
 */
export type Field = readonly [name: string, value: string];

export interface Message {
  /** Request line or status line. */
  readonly start: readonly [string, string, string];
  readonly fields: readonly Field[];
  readonly body: string;
  readonly trailers: readonly Field[];
}

export interface Reading {
  readonly messages: readonly Message[];
  /** What comes behind the last whole message. */
  readonly rest: "nothing" | "incomplete" | "invalid";
  readonly why: string;
  /** Where the last whole message ends. */
  readonly end: number;
}

type Kind = "request" | "response";

class Stop extends Error {
  readonly rest: "incomplete" | "invalid";
  constructor(rest: "incomplete" | "invalid", why: string) {
    super(why);
    this.rest = rest;
  }
}

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
// RFC 9112 3 allows a reader to take a run of spaces for one, and node:http does. There is only one way to read it.
const requestLine = new RegExp(`^(${token}) +([\\x21-\\x7e\\x80-\\xff]+) +(HTTP/1\\.[01])$`);
const statusLine = /^(HTTP\/1\.[01]) (\d{3}) ([\t\x20-\x7e\x80-\xff]*)$/;
const fieldLine = new RegExp(`^(${token}):[\\t ]*([\\t\\x20-\\x7e\\x80-\\xff]*?)[\\t ]*$`);
// An extension is read by nobody, so that nothing in its line can be read in two ways.
const chunkLine = /^([0-9A-Fa-f]{1,12})(?:[\t ]*;[\t\x20-\x7e\x80-\xff]*)?$/;

/** Requests in a row, as a server reads them. */
export function readRequests(bytes: string): Reading {
  return readAll(bytes, "request", () => false, false);
}

/** Answers in a row. `isClosed` says that nothing will follow, which ends a body without a length. */
export function readResponses(
  bytes: string,
  { methods, isClosed }: { readonly methods: readonly string[]; readonly isClosed: boolean },
): Reading {
  let finals = 0;
  const isBodiless = (status: number) => {
    const method = methods[finals] ?? "GET";
    if (status >= 200) finals += 1;
    return status < 200 || status === 204 || status === 304 || method === "HEAD";
  };
  return readAll(bytes, "response", isBodiless, isClosed);
}

export function valuesOf(message: Message, name: string): readonly string[] {
  return message.fields.filter(([other]) => other.toLowerCase() === name).map(([, value]) => value);
}

function readAll(bytes: string, kind: Kind, isBodiless: (status: number) => boolean, isClosed: boolean): Reading {
  const messages: Message[] = [];
  let at = 0;
  try {
    for (;;) {
      // RFC 9112 2.2: a server skips empty lines before a request. node:http takes any run of CR and LF for them.
      while (kind === "request" && (bytes[at] === "\r" || bytes[at] === "\n")) at += 1;
      if (at >= bytes.length) return { messages, rest: "nothing", why: "", end: at };
      const reader = new Reader(bytes, at);
      messages.push(readMessage(reader, kind, { isBodiless, isClosed }));
      at = reader.at;
    }
  } catch (stop) {
    if (!(stop instanceof Stop)) throw stop;
    return { messages, rest: stop.rest, why: stop.message, end: at };
  }
}

function readMessage(
  reader: Reader,
  kind: Kind,
  { isBodiless, isClosed }: { readonly isBodiless: (status: number) => boolean; readonly isClosed: boolean },
): Message {
  const line = reader.line();
  const [, one, two, three] = (kind === "request" ? requestLine : statusLine).exec(line) ?? [];
  if (one === undefined || two === undefined || three === undefined)
    throw new Stop("invalid", `first line ${JSON.stringify(line.slice(0, 80))}`);
  const fields = reader.fields();
  const head = { start: [one, two, three] as const, fields };
  const version = kind === "request" ? three : one;
  const length = lengthOf(fields, version);
  if (kind === "request" && version === "HTTP/1.1" && named(fields, "host").length !== 1)
    throw new Stop("invalid", "not one Host");
  if (kind === "response" && isBodiless(Number(two))) return { ...head, body: "", trailers: [] };
  if (length === "chunked") return { ...head, ...reader.chunks() };
  if (length !== null) return { ...head, body: reader.take(length), trailers: [] };
  if (kind === "request") return { ...head, body: "", trailers: [] };
  if (!isClosed) throw new Stop("incomplete", "a body that the end of the connection ends");
  return { ...head, body: reader.take(reader.left), trailers: [] };
}

function lengthOf(fields: readonly Field[], version: string): number | "chunked" | null {
  const encodings = named(fields, "transfer-encoding");
  const lengths = named(fields, "content-length");
  if (encodings.length > 0) {
    if (lengths.length > 0) throw new Stop("invalid", "a length beside chunks");
    if (version !== "HTTP/1.1") throw new Stop("invalid", "chunks before HTTP/1.1");
    if (encodings.length > 1 || encodings[0]?.toLowerCase() !== "chunked")
      throw new Stop("invalid", "an encoding other than chunked");
    return "chunked";
  }
  const [length] = lengths;
  if (length === undefined) return null;
  if (lengths.length > 1 || !/^\d{1,15}$/.test(length)) throw new Stop("invalid", "a length that is not one number");
  return Number(length);
}

function named(fields: readonly Field[], name: string): readonly string[] {
  return fields.filter(([other]) => other.toLowerCase() === name).map(([, value]) => value);
}

class Reader {
  readonly #bytes: string;
  at: number;

  constructor(bytes: string, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  get left(): number {
    return this.#bytes.length - this.at;
  }

  take(length: number): string {
    if (this.left < length) throw new Stop("incomplete", "a body");
    this.at += length;
    return this.#bytes.slice(this.at - length, this.at);
  }

  line(): string {
    const end = this.#bytes.indexOf("\r\n", this.at);
    const line = this.#bytes.slice(this.at, end === -1 ? undefined : end);
    // A CR or LF alone never becomes right by what follows; a CR at the very end may.
    if (/[\n\0]|\r(?!$)/.test(line)) throw new Stop("invalid", "a bare CR, LF or NUL");
    if (end === -1) throw new Stop("incomplete", "a line");
    this.at = end + 2;
    return line;
  }

  fields(): readonly Field[] {
    const fields: Field[] = [];
    for (let line = this.line(); line !== ""; line = this.line()) {
      const [, name, value] = fieldLine.exec(line) ?? [];
      if (name === undefined || value === undefined) throw new Stop("invalid", `field ${JSON.stringify(line.slice(0, 80))}`);
      fields.push([name, value]);
    }
    return fields;
  }

  chunks(): { readonly body: string; readonly trailers: readonly Field[] } {
    let body = "";
    for (;;) {
      const line = this.line();
      const [, size] = chunkLine.exec(line) ?? [];
      if (size === undefined) throw new Stop("invalid", `chunk ${JSON.stringify(line.slice(0, 40))}`);
      const length = Number.parseInt(size, 16);
      if (length === 0) return { body, trailers: this.fields() };
      body += this.take(length);
      if (this.line() !== "") throw new Stop("invalid", "bytes behind a chunk");
    }
  }
}
