import type { Seeded } from "../seeded.ts";
import type { Field } from "../strict-reader.ts";
import {
  continuation,
  data,
  flag,
  frame,
  goaway,
  headers,
  ping,
  preface,
  priority,
  reset,
  settings,
  type,
  uint32,
  windowUpdate,
} from "./frames.ts";
import { block, indexed, literal, remembered, tableSize } from "./hpack.ts";

interface Request {
  readonly fields: readonly Field[];
  readonly body: string | null;
  readonly trailers?: readonly Field[];
}

/** Requests to start from. `#` stands for what tells one request of a run from every other. */
const seeds: readonly Request[] = [
  { fields: request("GET", "/#", ["accept", "*/*"], ["cookie", "a=1"], ["cookie", "b=2"]), body: null },
  { fields: request("GET", "/#?q=1&r=%20", ["x-kept", "2"], ["x-kept", "3"], ["te", "trailers"]), body: null },
  { fields: request("HEAD", "/#", ["x-forwarded-for", "1.2.3.4"]), body: null },
  { fields: request("POST", "/#", ["content-type", "text/plain"], ["content-length", "11"]), body: "hello world" },
  { fields: request("POST", "/#", ["x-a", "1"]), body: "0\r\n\r\nGET /#/in HTTP/1.1\r\nHost: x\r\n\r\n" },
  { fields: request("PUT", "/#", ["expect", "100-continue"], ["content-length", "3"]), body: "abc" },
  { fields: request("DELETE", "/#", ["content-length", "0"]), body: "" },
  { fields: request("POST", "/#", ["trailer", "x-sum"]), body: "abc", trailers: [["x-sum", "7"]] },
  {
    fields: request("GET", "/#")
      .filter(([name]) => name !== ":authority")
      .concat([["host", "shop.test"]]),
    body: null,
  },
];

const strangeFields: readonly Field[] = (
  "transfer-encoding=chunked|transfer-encoding=identity|content-length=5|content-length=0|content-length=+1|content-length=5, 5|connection=x-a|" +
  "connection=close|keep-alive=1|proxy-connection=close|upgrade=h2c|http2-settings=AAMAAABk|te=trailers|te=chunked|host=other.test|" +
  "host=shop.test|:path=/other|:path=*|:path=http://shop.test/|:authority=other.test|:authority=shop.test|:authority=a@shop.test|:method=CONNECT|" +
  ":method=GET|:scheme=http|:scheme=https|:status=200|:protocol=websocket|:x=1|cookie=c=3|cookie=|cookie=belay_uid=x|expect=100-continue|" +
  "expect=miracles|x-a=|X-A=1|x a=1|=1|x-a:=1|belay-a=1|belay_b=2|x_forwarded_for=1|forwarded=for=1|via=1.1 a|trailer=x-sum|x-b=\xe9"
)
  .split("|")
  .map((text): Field => {
    const at = text.indexOf("=");
    return [text.slice(0, at), text.slice(at + 1)];
  });

const strangeText: readonly string[] = [
  ..."\r\n|\n|\r|\0| |\t|:|;|,|\x0b|\x7f|\x80|\xff|#|?|%00|//|\\|\r\nx-smuggled: 1|\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n| HTTP/1.1|@".split(
    "|",
  ),
];

export interface MutatedConnection {
  readonly bytes: Buffer;
  /** Nothing was changed, so that each request has to arrive. */
  readonly isWhole: boolean;
}

/** All that one client says on a connection: a few requests, some with fields that are wrong, in frames of which some may be. */
export function mutatedConnection(seeded: Seeded, marks: readonly string[]): MutatedConnection {
  let isWhole = true;
  // What waits to be said of the bodies; a head goes between any two of them.
  const frames: Buffer[] = [];
  const waiting: Buffer[][] = [];
  for (const [index, mark] of marks.entries()) {
    const { fields, body, trailers } = seeded.one(seeds);
    let said: readonly Field[] = fields.map(([name, value]): Field => [name, value.replaceAll("#", mark)]);
    for (let left = seeded.below(3); left > 0; left -= 1) {
      said = changed(seeded, said);
      isWhole = false;
    }
    const stream = 2 * index + 1;
    frames.push(...headFrames(seeded, { stream, block: encoded(seeded, said), isEnd: body === null }));
    if (body !== null) waiting.push(bodyFrames(seeded, { stream, body: body.replaceAll("#", mark), trailers }));
    while (waiting.length > 0 && seeded.below(2) === 0) frames.push(takeOne(seeded, waiting));
  }
  while (waiting.length > 0) frames.push(takeOne(seeded, waiting));
  const hasSoundFrames = seeded.below(3) > 0;
  const all = hasSoundFrames ? frames : disordered(seeded, frames);
  return { bytes: Buffer.concat([preface, settings(), ...all]), isWhole: isWhole && hasSoundFrames };
}

function request(method: string, path: string, ...more: readonly Field[]): readonly Field[] {
  return [[":method", method], [":scheme", "https"], [":authority", "shop.test"], [":path", path], ...more];
}

function changed(seeded: Seeded, fields: readonly Field[]): readonly Field[] {
  const at = seeded.below(fields.length);
  const [name, value] = fields[at] ?? ["", ""];
  const before = fields.slice(0, at);
  const after = fields.slice(at + 1);
  switch (seeded.below(7)) {
    case 0:
      return [...before, ...after];
    case 1:
      return [...before, [name, value], [name, value], ...after];
    case 2:
      return [...after, [name, value], ...before];
    case 3:
      return [...before, [name, changedText(seeded, value)], ...after];
    case 4:
      return [...before, [changedText(seeded, name), value], ...after];
    case 5:
      return [...before, seeded.one(strangeFields), [name, value], ...after];
    default:
      return [...fields, seeded.one(strangeFields)];
  }
}

function changedText(seeded: Seeded, text: string): string {
  const at = seeded.below(text.length + 1);
  switch (seeded.below(4)) {
    case 0:
      return text.slice(0, at) + String.fromCharCode(seeded.below(256)) + text.slice(at + 1);
    case 1:
      return text.slice(0, at) + text.slice(at + 1);
    case 2:
      return text.slice(0, at) + seeded.one(strangeText) + text.slice(at);
    default:
      return (
        text.slice(0, at) +
        text
          .slice(at, at + 1)
          .toUpperCase()
          .replace(/[^\0-\xff]/g, "Y") +
        text.slice(at + 1)
      );
  }
}

/** Each field as it is, or by the table: one that was remembered just now has the number 62. */
function encoded(seeded: Seeded, fields: readonly Field[]): Buffer {
  const parts = fields.map(([name, value]) => (seeded.below(4) === 0 ? remembered(name, value) : literal(name, value)));
  const [last] = fields.slice(-1);
  if (last !== undefined && seeded.below(8) === 0) parts.splice(-1, 1, remembered(...last), indexed(62));
  return Buffer.concat(seeded.below(10) === 0 ? [tableSize(4_096), ...parts] : parts);
}

function headFrames(
  seeded: Seeded,
  { stream, block, isEnd }: { readonly stream: number; readonly block: Buffer; readonly isEnd: boolean },
): readonly Buffer[] {
  const cuts = Array.from({ length: seeded.one([0, 0, 0, 1, 3]) }, () => seeded.below(block.length + 1)).sort((a, b) => a - b);
  const parts = [0, ...cuts].map((place, index) => block.subarray(place, cuts[index] ?? block.length));
  const end = (index: number) => (index === parts.length - 1 ? flag.endHeaders : 0);
  return parts.map((part, index) => {
    if (index > 0) return continuation(stream, part, end(index));
    const flags = end(index) | (isEnd ? flag.endStream : 0);
    return seeded.below(6) === 0
      ? headers(
          stream,
          Buffer.concat([Buffer.from([2]), uint32(0), Buffer.from([9]), part, Buffer.alloc(2)]),
          flags | flag.padded | flag.priority,
        )
      : headers(stream, part, flags);
  });
}

function bodyFrames(
  seeded: Seeded,
  {
    stream,
    body,
    trailers,
  }: { readonly stream: number; readonly body: string; readonly trailers?: readonly Field[] | undefined },
): Buffer[] {
  const parts = seeded.pieces(body, seeded.below(3));
  const frames = parts.map((part, index) => {
    const flags = index === parts.length - 1 && trailers === undefined ? flag.endStream : 0;
    if (seeded.below(6) > 0) return data(stream, part, flags);
    const padded = Buffer.concat([Buffer.from([3]), Buffer.from(part, "latin1"), Buffer.alloc(3)]);
    return frame({ type: type.data, flags: flags | flag.padded, stream }, padded);
  });
  return trailers === undefined ? frames : [...frames, headers(stream, block(trailers))];
}

/** The next frame of one of the bodies. */
function takeOne(seeded: Seeded, waiting: Buffer[][]): Buffer {
  const at = seeded.below(waiting.length);
  const [next = Buffer.alloc(0), ...rest] = waiting[at] ?? [];
  waiting.splice(at, 1, ...(rest.length > 0 ? [rest] : []));
  return next;
}

function disordered(seeded: Seeded, frames: readonly Buffer[]): readonly Buffer[] {
  const at = seeded.below(frames.length);
  const one = frames[at] ?? Buffer.alloc(9);
  const before = frames.slice(0, at);
  const after = frames.slice(at + 1);
  const stream = 2 * seeded.below(frames.length) + 1;
  switch (seeded.below(8)) {
    case 0:
      return [...before, ...after];
    case 1:
      return [...before, one, one, ...after];
    case 2:
      return [...after, one, ...before];
    case 3:
      return [...before, withByte(one, seeded.below(9), seeded.below(256)), ...after];
    case 4:
      return [...before, withByte(one, seeded.below(one.length), seeded.below(256)), ...after];
    case 5:
      return [...before, one.subarray(0, seeded.below(one.length + 1)), ...after];
    case 6:
      return [...before, withByte(one, 4, seeded.one([0, 1, 4, 5, 8, 0x0c, 0x20, 0x25, 0xff])), ...after];
    default:
      return [...before, strangeFrame(seeded, stream), one, ...after];
  }
}

function withByte(bytes: Buffer, at: number, value: number): Buffer {
  const copy = Buffer.from(bytes);
  if (at < copy.length) copy[at] = value;
  return copy;
}

function strangeFrame(seeded: Seeded, stream: number): Buffer {
  return seeded.one([
    ping(),
    ping(flag.ack),
    settings(1, 0),
    settings(3, 0, 6, 100),
    settings(0xbeef, 1),
    windowUpdate(0, 1_000),
    windowUpdate(stream, 1_000),
    windowUpdate(stream, 0),
    priority(stream, 0),
    reset(stream),
    goaway(0),
    frame({ type: 0xbb, stream }, Buffer.alloc(7)),
    frame({ type: type.push, flags: flag.endHeaders, stream }, Buffer.concat([uint32(2), indexed(2)])),
    data(stream, "more", 0),
    data(stream, ""),
    headers(stream, block([["x-late", "1"]])),
    headers(stream, block([[":path", "/late"]])),
    continuation(stream, Buffer.alloc(0)),
  ]);
}
