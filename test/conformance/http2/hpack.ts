import type { Field } from "../strict-reader.ts";

/** Header compression for HTTP/2 (RFC 7541), both ways and without mercy: what is not as the RFC says is a fault. Latin-1 strings. */

const staticTable: readonly Field[] = (
  ":authority|:method=GET|:method=POST|:path=/|:path=/index.html|:scheme=http|:scheme=https|:status=200|:status=204|:status=206|" +
  ":status=304|:status=400|:status=404|:status=500|accept-charset|accept-encoding=gzip, deflate|accept-language|accept-ranges|accept|" +
  "access-control-allow-origin|age|allow|authorization|cache-control|content-disposition|content-encoding|content-language|" +
  "content-length|content-location|content-range|content-type|cookie|date|etag|expect|expires|from|host|if-match|if-modified-since|" +
  "if-none-match|if-range|if-unmodified-since|last-modified|link|location|max-forwards|proxy-authenticate|proxy-authorization|range|" +
  "referer|refresh|retry-after|server|set-cookie|strict-transport-security|transfer-encoding|user-agent|vary|via|www-authenticate"
)
  .split("|")
  .map((entry): Field => [entry.split("=")[0] ?? "", entry.split("=")[1] ?? ""]);

/** Bits of the code of each byte, and of the end. Codes of one length follow each other in the order of their bytes (appendix B). */
const huffmanLengths: readonly number[] = (
  "13 23 28 28 28 28 28 28 28 24 30 28 28 30 28 28 28 28 28 28 28 28 30 28 28 28 28 28 28 28 28 28 " +
  "6 10 10 12 13 6 8 11 10 10 8 11 8 6 6 6 5 5 5 6 6 6 6 6 6 6 7 8 15 6 12 10 " +
  "13 6 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 8 7 8 13 19 13 14 6 " +
  "15 5 6 5 6 5 6 6 6 5 7 7 6 6 6 5 6 7 6 5 5 6 7 7 7 7 7 15 11 14 13 28 " +
  "20 22 20 20 22 22 22 23 22 23 23 23 23 23 24 23 24 24 22 23 24 23 23 23 23 21 22 23 22 23 23 24 " +
  "22 21 20 22 22 23 23 21 23 22 22 24 21 22 23 23 21 21 22 21 23 22 23 23 20 22 22 22 23 22 22 23 " +
  "26 26 20 19 22 23 22 25 26 26 26 27 27 26 24 25 19 21 26 27 27 26 27 24 21 21 26 26 28 27 27 27 " +
  "20 24 20 21 22 21 21 23 22 22 25 25 24 24 26 23 26 27 26 26 27 27 27 27 27 28 27 27 27 27 27 26 30"
)
  .split(" ")
  .map(Number);

const endOfString = 256;
/** Length and code, as a number of its own for each pair, to the byte. */
const byCode: ReadonlyMap<number, number> = codes();

function codes(): Map<number, number> {
  const all = new Map<number, number>();
  let next = 0;
  for (let length = 5; length <= 30; length += 1) {
    for (const [symbol, bits] of huffmanLengths.entries()) {
      if (bits !== length) continue;
      all.set(keyOf(length, next), symbol);
      next += 1;
    }
    next *= 2;
  }
  return all;
}

function keyOf(length: number, code: number): number {
  return code * 32 + length;
}

/** A field as a literal that no table remembers, without Huffman's code: any bytes can be said so. */
export function literal(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0]), text(name), text(value)]);
}

/** The same, and the table remembers it. */
export function remembered(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0x40]), text(name), text(value)]);
}

/** A field of the tables by its number; from 62 on the one that was remembered last. */
export function indexed(number: number): Buffer {
  return integer(number, 7, 0x80);
}

export function tableSize(bytes: number): Buffer {
  return integer(bytes, 5, 0x20);
}

export function block(fields: readonly Field[]): Buffer {
  return Buffer.concat(fields.map(([name, value]) => literal(name, value)));
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, "latin1");
  return Buffer.concat([integer(bytes.length, 7, 0), bytes]);
}

export function integer(value: number, bits: number, first: number): Buffer {
  const most = 2 ** bits - 1;
  if (value < most) return Buffer.from([first | value]);
  const bytes = [first | most];
  let rest = value - most;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}

/** Reads the blocks of one direction of a connection, which share a table. Throws `HpackFault`. */
export class HpackReader {
  #entries: Field[] = [];
  #bytes = 0;
  #bytesMax = 4_096;
  #at = 0;
  #block: Uint8Array = new Uint8Array();

  read(block: Uint8Array): readonly Field[] {
    this.#block = block;
    this.#at = 0;
    const fields: Field[] = [];
    while (this.#at < block.length) {
      const first = block[this.#at] ?? 0;
      if (first >= 0x80) fields.push(this.#entry(this.#integer(7)));
      else if (first >= 0x40) fields.push(this.#remember(this.#literal(6)));
      else if (first >= 0x20) {
        if (fields.length > 0) throw new HpackFault("a size of the table behind a field");
        this.#resize(this.#integer(5));
      } else fields.push(this.#literal(4));
    }
    return fields;
  }

  #literal(bits: number): Field {
    const index = this.#integer(bits);
    const name = index === 0 ? this.#text() : this.#entry(index)[0];
    return [name, this.#text()];
  }

  #entry(index: number): Field {
    const entry = index <= staticTable.length ? staticTable[index - 1] : this.#entries[index - staticTable.length - 1];
    if (entry === undefined) throw new HpackFault(`no entry ${index}`);
    return entry;
  }

  #remember(field: Field): Field {
    this.#entries.unshift(field);
    this.#bytes += sizeOf(field);
    this.#evict();
    return field;
  }

  #resize(bytes: number): void {
    if (bytes > 4_096) throw new HpackFault("a table larger than allowed");
    this.#bytesMax = bytes;
    this.#evict();
  }

  #evict(): void {
    while (this.#bytes > this.#bytesMax) {
      const oldest = this.#entries.pop();
      this.#bytes -= oldest === undefined ? this.#bytes : sizeOf(oldest);
    }
  }

  #byte(): number {
    const byte = this.#block[this.#at];
    if (byte === undefined) throw new HpackFault("a block that ends within a field");
    this.#at += 1;
    return byte;
  }

  #integer(bits: number): number {
    const most = 2 ** bits - 1;
    let value = this.#byte() & most;
    if (value < most) return value;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.#byte();
      value += (byte & 127) * factor;
      if (value > 2 ** 31) throw new HpackFault("a number beyond all sizes");
      if (byte < 128) return value;
    }
  }

  #text(): string {
    const isHuffman = (this.#block[this.#at] ?? 0) >= 0x80;
    const length = this.#integer(7);
    const bytes = this.#block.subarray(this.#at, this.#at + length);
    if (bytes.length < length) throw new HpackFault("a block that ends within a string");
    this.#at += length;
    return isHuffman ? fromHuffman(bytes) : Buffer.from(bytes).toString("latin1");
  }
}

export class HpackFault extends Error {}

function sizeOf([name, value]: Field): number {
  return name.length + value.length + 32;
}

function fromHuffman(bytes: Uint8Array): string {
  let [code, length, decoded] = [0, 0, ""];
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    code = code * 2 + (((bytes[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1);
    length += 1;
    const symbol = byCode.get(keyOf(length, code));
    if (symbol === undefined) continue;
    if (symbol === endOfString) throw new HpackFault("the end of a string within it");
    decoded += String.fromCharCode(symbol);
    [code, length] = [0, 0];
  }
  // What fills the last byte is the beginning of the end's code, all ones.
  if (length > 7 || code !== 2 ** length - 1) throw new HpackFault("a string that is filled up in a wrong way");
  return decoded;
}
