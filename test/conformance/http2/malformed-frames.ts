// Frames that are wrong in themselves, out of place, or just so (RFC 9113, sections 3 to 6; RFC 7541).
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
  settingsAck,
  type,
  uint32,
  windowUpdate,
} from "./frames.ts";
import { block, indexed, integer, literal, remembered, tableSize } from "./hpack.ts";
import type { Outcome, RawCase } from "./raw-case.ts";

const onlyHead = flag.endHeaders;
const none = Buffer.alloc(0);

function fields(path: string, method = "GET"): readonly Field[] {
  return [
    [":method", method],
    [":scheme", "https"],
    [":authority", "shop.test"],
    [":path", path],
  ];
}

const get = (stream = 1, path = "/") => headers(stream, block(fields(path)));
const post = (stream = 1) => headers(stream, block(fields("/p", "POST")), onlyHead);
/** A head, then bytes in its block that are no field. */
const withBlock = (...bytes: readonly number[]) => headers(1, Buffer.concat([block(fields("/")), Buffer.from(bytes)]));
const fill = (length: number) => Buffer.alloc(length, "a");

/** The connection has to be ended, and nothing of it may reach the upstream. */
const ended: Readonly<Record<string, readonly Uint8Array[]>> = {
  "DATA on stream 0": [data(0, "ab")],
  "DATA on a stream that nobody opened": [data(5, "ab")],
  "a head on stream 0": [get(0)],
  "a head on an even stream": [get(2)],
  "a reset of stream 0": [reset(0)],
  "a reset of a stream that nobody opened": [reset(5)],
  "a reset of three bytes": [post(), frame({ type: type.reset, stream: 1 }, fill(3))],
  "a window of nothing more, for the connection": [windowUpdate(0, 0)],
  "a window beyond all sizes, for the connection": [windowUpdate(0, 0x7fffffff)],
  "a window of three bytes": [frame({ type: type.windowUpdate }, fill(3))],
  "a window for a stream that nobody opened": [windowUpdate(5, 1)],
  "settings on a stream": [frame({ type: type.settings, stream: 1 })],
  "settings of five bytes": [frame({ type: type.settings }, fill(5))],
  "an acknowledgement with settings in it": [frame({ type: type.settings, flags: flag.ack }, fill(6))],
  "a push that is neither on nor off": [settings(2, 2)],
  "a window beyond all sizes in the settings": [settings(4, 0x80000000)],
  "frames smaller than the smallest": [settings(5, 16_383)],
  "frames larger than the largest": [settings(5, 0x1000000)],
  "a window that settings make too large": [post(), windowUpdate(1, 0x7fffffff - 65_535), settings(4, 65_536)],
  "a head larger than a frame may be": [headers(1, Buffer.concat([block(fields("/")), literal("x-a", "a".repeat(17_000))]))],
  "settings larger than a frame may be": [frame({ type: type.settings }, Buffer.alloc(16_386))],
  "a frame of a kind that nobody knows, larger than it may be": [frame({ type: 0xbb }, fill(16_385))],
  "DATA that is all padding and more": [
    post(),
    frame({ type: type.data, flags: flag.padded, stream: 1 }, Buffer.from([3, 0, 0])),
  ],
  "padded DATA without a byte": [post(), frame({ type: type.data, flags: flag.padded, stream: 1 })],
  "a head that is all padding and more": [
    frame({ type: type.headers, flags: flag.padded | flag.endHeaders | flag.endStream, stream: 1 }, Buffer.from([9, 0])),
  ],
  "a head with half a priority": [
    frame({ type: type.headers, flags: flag.priority | flag.endHeaders | flag.endStream, stream: 1 }, fill(4)),
  ],
  "a push by the client": [
    frame({ type: type.push, flags: flag.endHeaders, stream: 1 }, Buffer.concat([uint32(2), block(fields("/"))])),
  ],
  "a push by the client on its own stream": [
    post(),
    frame({ type: type.push, flags: flag.endHeaders, stream: 1 }, Buffer.concat([uint32(2), block(fields("/"))])),
  ],
  "a ping of seven bytes": [frame({ type: type.ping }, fill(7))],
  "a ping on a stream": [frame({ type: type.ping, stream: 1 }, fill(8))],
  "a goodbye of seven bytes": [frame({ type: type.goaway }, fill(7))],
  "a goodbye on a stream": [frame({ type: type.goaway, stream: 1 }, fill(8))],
  "a head that goes on without having begun": [continuation(1, block(fields("/")))],
  "a head that goes on behind its end": [post(), continuation(1, block([["x-a", "1"]]))],
  "a head that goes on on another stream": [headers(1, block(fields("/")), flag.endStream), continuation(3, none)],
  "a head that goes on on stream 0": [headers(1, block(fields("/")), flag.endStream), continuation(0, none)],
  "another head within a head": [headers(1, block(fields("/")), flag.endStream), get(3, "/other"), continuation(1, none)],
  "a ping within a head": [headers(1, block(fields("/")), flag.endStream), ping(), continuation(1, none)],
  "a priority within a head": [headers(1, block(fields("/")), flag.endStream), priority(1, 0), continuation(1, none)],
  "DATA within a head": [headers(1, block(fields("/", "POST")), 0), data(1, "ab"), continuation(1, none)],
  "an unknown frame within a head": [
    headers(1, block(fields("/")), flag.endStream),
    frame({ type: 0xbb, stream: 1 }),
    continuation(1, none),
  ],
  "entry 0 of the tables": [withBlock(0x80)],
  "an entry that no table has": [headers(1, Buffer.concat([block(fields("/")), indexed(62)]))],
  "a name that no table has": [headers(1, Buffer.concat([block(fields("/")), integer(90, 6, 0x40), Buffer.from([1, 0x61])]))],
  "a number beyond all sizes": [withBlock(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f)],
  "a block that ends within a number": [withBlock(0xff, 0x80)],
  "a block that ends within a name": [withBlock(0x00, 0x09, 0x61)],
  "a block that ends before a value": [withBlock(0x00, 0x01, 0x61)],
  "a table larger than allowed": [headers(1, Buffer.concat([tableSize(65_536), block(fields("/"))]))],
  "a size of the table behind a field": [headers(1, Buffer.concat([block(fields("/")), tableSize(0)]))],
  "the end of a string within it": [withBlock(0x00, 0x01, 0x61, 0x84, 0xff, 0xff, 0xff, 0xff)],
  "a string filled up with zeros": [withBlock(0x00, 0x01, 0x61, 0x81, 0x18)],
  "a string filled up with a whole byte": [withBlock(0x00, 0x01, 0x61, 0x82, 0x1f, 0xff)],
};

/** What the stream alone has done wrong, though an engine may end the connection for it (5.4.1). */
const refusedOrEnded: Readonly<Record<string, readonly Uint8Array[]>> = {
  "a window of nothing more": [post(), windowUpdate(1, 0)],
  "a window beyond all sizes": [post(), windowUpdate(1, 0x7fffffff)],
  "DATA larger than a frame may be": [post(), data(1, "a".repeat(16_385))],
  "a priority of four bytes": [post(), frame({ type: type.priority, stream: 1 }, fill(4))],
  "a stream that depends on itself": [headers(1, Buffer.concat([uint32(1), Buffer.from([15]), block(fields("/"))]), 0x25)],
  "a head of 64 KB": [
    headers(1, block(fields("/")), flag.endStream),
    ...Array.from({ length: 4 }, () => continuation(1, literal("x-a", "a".repeat(16_000)), 0)),
    continuation(1, literal("x-a", "a".repeat(1_500))),
  ],
  "a thousand fields": [
    headers(1, Buffer.concat([block(fields("/")), ...Array.from({ length: 1_000 }, () => literal("a", "b"))])),
  ],
};

/**
 * Too late for its stream, whose request the upstream may have seen, and the client may have its answer. RFC 9113, 5.1, wants all of them
 * told. nghttp2 forgets what is over and drops what comes for it, so that nothing of it is ever passed on.
 */
const late: Readonly<Record<string, { readonly steps: RawCase["steps"]; readonly seen: string; readonly stream?: number }>> = {
  "a stream below one that was opened": { steps: [get(5), get(3, "/below")], seen: "GET / ", stream: 5 },
  "DATA behind the end of its stream": { steps: [get(), data(1, "ab")], seen: "GET / " },
  "a head behind the end of its stream": { steps: [get(), get(1, "/again")], seen: "GET / " },
  "trailers behind the end of their stream": {
    steps: [post(), data(1, ""), headers(1, block([["x-t", "1"]]))],
    seen: "POST /p ",
  },
  "DATA on a stream that is over": { steps: [get(), 1, data(1, "ab")], seen: "GET / " },
  "a head on a stream that is over": { steps: [get(), 1, get(1, "/again")], seen: "GET / " },
};

interface Sound {
  readonly steps: RawCase["steps"];
  readonly seen: readonly string[];
  readonly streams?: readonly number[];
  readonly or?: readonly Outcome[];
}

const sound: Readonly<Record<string, Sound>> = {
  "a frame of a kind that nobody knows": {
    steps: [frame({ type: 0xbb, flags: 0xff, stream: 7 }, fill(20)), get()],
    seen: ["GET / "],
  },
  "flags that nobody knows": { steps: [headers(1, block(fields("/")), 0xd2 | 5), ping(0xfe)], seen: ["GET / "] },
  "a stream with its reserved bit set": { steps: [get(0x80000001)], seen: ["GET / "] },
  "settings that nobody knows": { steps: [settings(0xbeef, 1, 0x0a0a, 0xffffffff), get()], seen: ["GET / "] },
  // The RFC says nothing of it, and Node ends the connection.
  "an acknowledgement of no ping": { steps: [ping(flag.ack)], streams: [], seen: [], or: ["ended"] },
  // An error by RFC 9113, 6.3, which has priorities no more; nghttp2 drops them unread.
  "a priority of stream 0": { steps: [priority(0, 1)], streams: [], seen: [], or: ["ended"] },
  "a head in three pieces": { steps: pieces([4, 20]), seen: ["GET /cut "] },
  "a head in pieces of nothing": { steps: pieces([0, 0, 9]), seen: ["GET /cut "] },
  "a padded head": {
    steps: [
      frame(
        { type: type.headers, flags: 0x0d, stream: 1 },
        Buffer.concat([Buffer.from([3]), block(fields("/")), Buffer.alloc(3)]),
      ),
    ],
    seen: ["GET / "],
  },
  "a head with a priority": {
    steps: [headers(1, Buffer.concat([uint32(0x80000003), Buffer.from([15]), block(fields("/"))]), 0x25)],
    seen: ["GET / "],
  },
  "a padded body": {
    steps: [
      post(),
      frame({ type: type.data, flags: flag.padded | flag.endStream, stream: 1 }, Buffer.from([3, 0x61, 0x62, 0, 0, 0])),
    ],
    seen: ["POST /p ab"],
  },
  "a body that is padding alone": {
    steps: [post(), frame({ type: type.data, flags: flag.padded | flag.endStream, stream: 1 }, Buffer.from([3, 0, 0, 0]))],
    seen: ["POST /p "],
  },
  "a priority of a stream that nobody opened": { steps: [priority(9, 7), get()], seen: ["GET / "] },
  "fields that the table remembers": {
    steps: [
      headers(1, Buffer.concat([block(fields("/1")), remembered("x-a", "1"), indexed(62)])),
      1,
      headers(
        3,
        Buffer.concat([
          ...fields("/")
            .slice(0, 3)
            .map(([name, value]) => literal(name, value)),
          remembered(":path", "/2"),
          indexed(63),
        ]),
      ),
      3,
      headers(
        5,
        Buffer.concat([
          ...fields("/")
            .slice(0, 3)
            .map(([name, value]) => literal(name, value)),
          indexed(62),
        ]),
      ),
    ],
    streams: [1, 3, 5],
    seen: ["GET /1 ", "GET /2 ", "GET /2 "],
  },
  "a table of no size": {
    steps: [headers(1, Buffer.concat([tableSize(0), tableSize(4_096), block(fields("/"))]))],
    seen: ["GET / "],
  },
  "a value in Huffman's code": {
    steps: [withBlock(0x00, 0x01, 0x61, 0x8c, 0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff)],
    seen: ["GET / "],
  },
  "DATA behind a reset": { steps: [post(), data(1, "a", 0), reset(1), data(1, "b")], streams: [], seen: [], or: ["ended"] },
  "a goodbye behind a request": { steps: [get(), goaway(0)], seen: ["GET / "], or: ["ended"] },
  "a reset and a window for a stream that is over": {
    steps: [get(), 1, windowUpdate(1, 1), reset(1), priority(1, 0)],
    seen: ["GET / "],
  },
};

/** The block of a head, cut at these places. */
function pieces(places: readonly number[]): readonly Uint8Array[] {
  const whole = block(fields("/cut"));
  const parts = [0, ...places].map((place, index) => whole.subarray(place, places[index] ?? whole.length));
  return parts.map((part, index) =>
    index === 0 ? headers(1, part, flag.endStream) : continuation(1, part, index === parts.length - 1 ? flag.endHeaders : 0),
  );
}

const beginnings: Readonly<Record<string, Uint8Array>> = {
  "another word than the preface": Buffer.from("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"),
  "a request of HTTP/1.1": Buffer.from("GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n"),
  "a head before the settings": Buffer.concat([preface, get()]),
  "an acknowledgement before the settings": Buffer.concat([preface, settingsAck, settings()]),
};

export const malformedFrames: readonly RawCase[] = [
  ...Object.entries(ended).map(([name, steps]): RawCase => ({ name, steps, streams: [], allowed: ["ended"], seen: [] })),
  ...Object.entries(beginnings).map(
    ([name, begin]): RawCase => ({ name, begin, steps: [], streams: [], allowed: ["ended"], seen: [] }),
  ),
  ...Object.entries(refusedOrEnded).map(
    ([name, steps]): RawCase => ({ name, steps, streams: [1], allowed: ["refused", "ended"], seen: [] }),
  ),
  ...Object.entries(late).map(
    ([name, { steps, seen, stream = 1 }]): RawCase => ({
      name,
      steps,
      streams: [stream],
      allowed: ["answered", "reset", "ended"],
      seen: [seen],
      maySeeNothing: true,
    }),
  ),
  ...Object.entries(sound).map(
    ([name, { steps, seen, streams = [1], or = [] }]): RawCase => ({ name, steps, streams, allowed: ["answered", ...or], seen }),
  ),
];
