/** Ways to keep a server busy with bytes that cost their sender little. Each is a head of the attack, and then the same again and again. */
import {
  continuation,
  data,
  flag,
  frame,
  headers,
  ping,
  priority,
  reset,
  settings,
  type,
  uint32,
  windowUpdate,
} from "./frames.ts";
import { block, indexed, literal, remembered } from "./hpack.ts";

export interface Flood {
  readonly name: string;
  readonly first?: Uint8Array;
  /** The next piece, by its number from 0 on; null when there is no more to say. */
  readonly next: (index: number) => Uint8Array | null;
  /** The connection is ended for it. What is not so costs its sender about as much as the server. */
  readonly isEnded: boolean;
  /** Each piece is acknowledged, and the flood waits for that, so that nothing heaps up. */
  readonly isAcknowledged?: boolean;
  /** Reads nothing. */
  readonly isDeaf?: boolean;
}

function request(path: string, method = "GET"): Buffer {
  return block([
    [":method", method],
    [":scheme", "https"],
    [":authority", "shop.test"],
    [":path", path],
  ]);
}

/** Ids of streams, an odd one for each number. */
const stream = (index: number): number => 2 * index + 1;
const never = request("/never");
const upload = request("/never", "POST");
const ok = request("/ok");
const large = literal("x-large", "a".repeat(16_000));
const bomb = Buffer.concat([request("/ok"), ...Array.from({ length: 15_000 }, () => indexed(62))]);

export const floods: readonly Flood[] = [
  {
    name: "streams that are reset at once",
    isEnded: true,
    next: (index) => Buffer.concat([headers(stream(index), never), reset(stream(index))]),
  },
  {
    name: "streams that the server is made to reset by a window of nothing",
    isEnded: true,
    next: (index) => Buffer.concat([headers(stream(index), upload, flag.endHeaders), windowUpdate(stream(index), 0)]),
  },
  {
    name: "streams that the server is made to reset by their trailers",
    isEnded: true,
    next: (index) =>
      Buffer.concat([headers(stream(index), upload, flag.endHeaders), headers(stream(index), block([[":path", "/"]]))]),
  },
  { name: "requests that are malformed", isEnded: true, next: (index) => headers(stream(index), block([[":method", "GET"]])) },
  { name: "pings", isEnded: true, next: () => ping() },
  { name: "pings that wait for their answers", isEnded: true, next: () => ping(), isAcknowledged: true },
  { name: "settings", isEnded: true, next: () => settings(4, 65_535) },
  { name: "settings that wait for their acknowledgements", isEnded: true, next: () => settings(4, 65_535), isAcknowledged: true },
  { name: "priorities", isEnded: true, next: (index) => priority(stream(index % 1_000), 0) },
  { name: "windows", first: headers(1, upload, flag.endHeaders), isEnded: false, next: () => windowUpdate(1, 1) },
  { name: "windows of the connection", isEnded: false, next: () => windowUpdate(0, 1) },
  { name: "frames that nobody knows", isEnded: true, next: () => frame({ type: 0xbb }, uint32(1)) },
  { name: "DATA of nothing", first: headers(1, upload, flag.endHeaders), isEnded: true, next: () => data(1, "", 0) },
  {
    name: "DATA of padding alone",
    first: headers(1, upload, flag.endHeaders),
    isEnded: true,
    next: () => frame({ type: type.data, flags: flag.padded, stream: 1 }, Buffer.from([0])),
  },
  {
    name: "a head that goes on for ever",
    first: headers(1, request("/"), flag.endStream),
    isEnded: true,
    next: () => continuation(1, large, 0),
  },
  {
    name: "a head that goes on for ever with nothing",
    first: headers(1, request("/"), flag.endStream),
    isEnded: true,
    next: () => continuation(1, Buffer.alloc(0), 0),
  },
  {
    name: "heads that are too large",
    isEnded: true,
    next: (index) =>
      Buffer.concat([
        headers(stream(index), ok, flag.endStream),
        continuation(stream(index), large, 0),
        continuation(stream(index), literal("x-more", "a".repeat(16_000))),
      ]),
  },
  {
    name: "one large field, said again by its number",
    first: headers(1, Buffer.concat([request("/ok"), remembered("x-large", "a".repeat(4_000))])),
    isEnded: false,
    next: (index) => headers(stream(index + 1), bomb),
  },
  {
    name: "trailers that say nothing",
    isEnded: true,
    next: (index) => Buffer.concat([headers(stream(index), upload, flag.endHeaders), headers(stream(index), Buffer.alloc(0))]),
  },
  {
    name: "answers that nobody reads",
    first: Buffer.concat([settings(4, 0x7fffffff), windowUpdate(0, 0x7fff0000)]),
    isEnded: false,
    next: (index) => (index < 100 ? headers(stream(index), request("/large")) : null),
    isDeaf: true,
  },
  {
    name: "answers that are let out by nothing",
    first: settings(4, 0),
    isEnded: false,
    next: (index) => (index < 100 ? headers(stream(index), request("/large")) : null),
  },
  {
    name: "answers that are let out byte by byte",
    first: Buffer.concat([
      settings(4, 0),
      ...Array.from({ length: 100 }, (_, index) => headers(stream(index), request("/large"))),
    ]),
    isEnded: false,
    next: (index) => windowUpdate(stream(index % 100), 1),
  },
];
