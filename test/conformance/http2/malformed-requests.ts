// Requests over HTTP/2, sound and not, by RFC 9113, section 8.
import type { Field } from "../strict-reader.ts";
import { data, flag, headers } from "./frames.ts";
import { block } from "./hpack.ts";
import type { Outcome, RawCase } from "./raw-case.ts";

const onlyHead = flag.endHeaders;
const pseudo: Readonly<Record<string, Field>> = {
  method: [":method", "GET"],
  scheme: [":scheme", "https"],
  authority: [":authority", "shop.test"],
  path: [":path", "/"],
};

/** A GET with other or further fields; what is null is left out. */
function get(changes: Readonly<Record<string, string | null>> = {}, ...more: readonly Field[]): readonly Field[] {
  const fields = Object.entries(pseudo).flatMap(([key, [name, value]]): Field[] => {
    const said = key in changes ? changes[key] : value;
    return typeof said === "string" ? [[name, said]] : [];
  });
  return [...fields, ...more];
}

function post(...more: readonly Field[]): readonly Field[] {
  return get({ method: "POST", path: "/p" }, ...more);
}

const field = (name: string, value: string) => get({}, [name, value]);

/** Refused on its stream: what is wrong with it concerns no other. */
const refused: Readonly<Record<string, readonly Field[]>> = {
  "no :method": get({ method: null }),
  "no :scheme": get({ scheme: null }),
  "no :path": get({ path: null }),
  "neither :authority nor Host": get({ authority: null }),
  "two :method": [[":method", "GET"], ...get()],
  "two :scheme": [[":scheme", "https"], ...get()],
  "two :path": [[":path", "/other"], ...get()],
  "two :authority": [[":authority", "shop.test"], ...get()],
  "a pseudo-header that nobody knows": [[":fiction", "1"], ...get()],
  "a pseudo-header of answers": [[":status", "200"], ...get()],
  "a pseudo-header behind a field": [["x-a", "1"], ...get()],
  "an empty :method": get({ method: "" }),
  "an empty :scheme": get({ scheme: "" }),
  "an empty :path": get({ path: "" }),
  "a :method with a space": get({ method: "GET /admin" }),
  "a :method with a line in it": get({ method: "GET / HTTP/1.1\r\nx-a: 1" }),
  "a :path with a space": get({ path: "/a b" }),
  "a :path with a line in it": get({ path: "/ HTTP/1.1\r\nx-a: 1\r\n" }),
  "a :path with a tab": get({ path: "/a\tb" }),
  "a :path with a NUL": get({ path: "/a\0b" }),
  "a :path with a fragment": get({ path: "/a#b" }),
  "a :path beyond ASCII": get({ path: "/\xc3\xa9" }),
  "a :path without a slash": get({ path: "a" }),
  "a :path that is a URL": get({ path: "https://shop.test/a" }),
  "a :path that is a URL of another host": get({ path: "https://other.test/a" }),
  "a :path that is a star": get({ path: "*" }),
  "a :scheme with a line in it": get({ scheme: "https\r\nx-a: 1" }),
  "a :scheme with a path in it": get({ scheme: "https://other.test/?" }),
  "an :authority with a user": get({ authority: "user@shop.test" }),
  "an :authority with a space": get({ authority: "shop.test other" }),
  "an :authority with a line in it": get({ authority: "shop.test\r\nx-a: 1" }),
  "an :authority with a path": get({ authority: "shop.test/a" }),
  "an empty :authority": get({ authority: "" }),
  "a Host other than the :authority": field("host", "other.test"),
  "two Hosts without :authority": get({ authority: null }, ["host", "shop.test"], ["host", "other.test"]),
  "two Hosts beside the :authority": get({}, ["host", "shop.test"], ["host", "other.test"]),
  "a name in capitals": field("X-A", "1"),
  "one capital in a name": field("x-A", "1"),
  "a Connection": field("connection", "close"),
  "a Connection that names a field": get({}, ["connection", "x-a"], ["x-a", "1"]),
  "a Keep-Alive": field("keep-alive", "timeout=5"),
  "a Proxy-Connection": field("proxy-connection", "keep-alive"),
  "an Upgrade": field("upgrade", "websocket"),
  "a Transfer-Encoding": field("transfer-encoding", "chunked"),
  "a TE other than trailers": field("te", "gzip"),
  "a TE with trailers among others": field("te", "trailers, gzip"),
  "CONNECT to elsewhere": [
    [":method", "CONNECT"],
    [":authority", "other.test:443"],
  ],
  "CONNECT with a path": get({ method: "CONNECT" }),
  "CONNECT for a WebSocket that was not offered": get({ method: "CONNECT" }, [":protocol", "websocket"]),
  "a :protocol without CONNECT": get({}, [":protocol", "websocket"]),
  "a length that is no number": post(["content-length", "two"]),
  "a signed length": post(["content-length", "+0"]),
  "a negative length": post(["content-length", "-1"]),
  "an empty length": post(["content-length", ""]),
  "a list of lengths": post(["content-length", "0, 0"]),
  "two lengths": post(["content-length", "0"], ["content-length", "2"]),
  "the same length twice": post(["content-length", "0"], ["content-length", "0"]),
  "a length beyond all numbers": post(["content-length", "99999999999999999999999"]),
  "a length and no body": post(["content-length", "2"]),
};

/**
 * RFC 9113, 8.2.1, wants these refused as well. nghttp2, and with it Node, leaves such a field out instead, which nobody behind it can
 * read in two ways; with spaces around its value it may be passed on as it is, since HTTP/1.1 reads none of them.
 */
const refusedOrLeftOut: Readonly<Record<string, readonly Field[]>> = {
  "an empty name": field("", "1"),
  "a name with a space": field("x a", "1"),
  "a space behind a name": field("x-a ", "1"),
  "a name with a colon": field("x-a:b", "1"),
  "a name that begins a line": field("x-a: 1\r\nx-b", "1"),
  "a name with a NUL": field("x-a\0", "1"),
  "a name beyond ASCII": field("x-\xe9", "1"),
  "a value with a line in it": field("x-a", "1\r\nx-b: 2"),
  "a value with a CR": field("x-a", "1\r2"),
  "a value with an LF": field("x-a", "1\n2"),
  "a value with a NUL": field("x-a", "1\x002"),
  "a value that begins with a space": field("x-a", " 1"),
  "a value that ends with a tab": field("x-a", "1\t"),
};

/** The same with a body, on a stream that is to be refused alone. */
const refusedBodies: Readonly<Record<string, readonly Uint8Array[]>> = {
  "a body shorter than its length": [withBody(["content-length", "3"]), data(1, "ab")],
  "a body shorter than its length, by trailers": [
    withBody(["content-length", "3"]),
    data(1, "ab", 0),
    headers(1, block([["x-t", "1"]])),
  ],
  "a Transfer-Encoding and chunks": [
    withBody(["transfer-encoding", "chunked"]),
    data(1, "0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n"),
  ],
  "trailers with a pseudo-header": [withBody(), data(1, "ab", 0), headers(1, block([[":path", "/other"]]))],
  "trailers with a :status": [withBody(), data(1, "ab", 0), headers(1, block([[":status", "200"]]))],
  "trailers that are not the end": [withBody(), data(1, "ab", 0), headers(1, block([["x-t", "1"]]), onlyHead), data(1, "cd")],
  "trailers in capitals": [withBody(), data(1, "ab", 0), headers(1, block([["X-T", "1"]]))],
  "trailers with a Connection": [withBody(), data(1, "ab", 0), headers(1, block([["connection", "close"]]))],
};

/** The fault of one stream as well. Node ends the connection for it, which RFC 9113, 5.4.1, leaves to it. */
const refusedOrEnded: Readonly<Record<string, readonly Uint8Array[]>> = {
  "a body longer than its length": [withBody(["content-length", "2"]), data(1, "abc")],
  "a body that becomes longer than its length": [withBody(["content-length", "2"]), data(1, "ab", 0), data(1, "c")],
  "a body longer than no length": [withBody(["content-length", "0"]), data(1, "GET /smuggled HTTP/1.1\r\n\r\n")],
};

function withBody(...more: readonly Field[]): Uint8Array {
  return headers(1, block(post(...more)), onlyHead);
}

interface Sound {
  readonly frames: readonly Uint8Array[];
  readonly seen: string;
  readonly fields?: Readonly<Record<string, readonly string[]>>;
  readonly or?: readonly Outcome[];
}

const sound: Readonly<Record<string, Sound>> = {
  "a plain GET": { frames: [headers(1, block(get({ path: "/a?b=c" })))], seen: "GET /a?b=c ", fields: { host: ["shop.test"] } },
  "a Host without :authority": {
    frames: [headers(1, block(get({ authority: null }, ["host", "shop.test"])))],
    seen: "GET / ",
    fields: { host: ["shop.test"] },
  },
  "a Host that is the :authority": {
    frames: [headers(1, block(field("host", "shop.test")))],
    seen: "GET / ",
    fields: { host: ["shop.test"] },
  },
  "an :authority in capitals": { frames: [headers(1, block(get({ authority: "SHOP.test" })))], seen: "GET / " },
  "an encoded path": { frames: [headers(1, block(get({ path: "/%2e%2e/%2f/..;/a" })))], seen: "GET /%2e%2e/%2f/..;/a " },
  "two slashes": { frames: [headers(1, block(get({ path: "//a//b" })))], seen: "GET //a//b " },
  "a query that nobody can parse": {
    frames: [headers(1, block(get({ path: "/?a=%zz&&=;%00&b[]=?/" })))],
    seen: "GET /?a=%zz&&=;%00&b[]=?/ ",
  },
  "cookies in crumbs": {
    frames: [headers(1, block(get({}, ["cookie", "a=1"], ["x-a", "1"], ["cookie", "b=2; c=3"])))],
    seen: "GET / ",
    fields: { cookie: ["a=1; b=2; c=3"] },
  },
  "fields that repeat": {
    frames: [headers(1, block(get({}, ["x-a", "1"], ["x-a", "2"])))],
    seen: "GET / ",
    fields: { "x-a": ["1|2"] },
  },
  "an empty value": { frames: [headers(1, block(field("x-a", "")))], seen: "GET / ", fields: { "x-a": [""] } },
  "a value beyond ASCII": {
    frames: [headers(1, block(field("x-a", "d\xe9j\xe0")))],
    seen: "GET / ",
    fields: { "x-a": ["d\xe9j\xe0"] },
  },
  "a TE of trailers": { frames: [headers(1, block(field("te", "trailers")))], seen: "GET / " },
  "a body": { frames: [withBody(), data(1, "ab")], seen: "POST /p ab" },
  "a body by length": { frames: [withBody(["content-length", "2"]), data(1, "ab")], seen: "POST /p ab" },
  "a body by length, in pieces": {
    frames: [withBody(["content-length", "3"]), data(1, "", 0), data(1, "a", 0), data(1, "bc", 0), data(1, "")],
    seen: "POST /p abc",
  },
  "a body that looks like a request": {
    frames: [withBody(), data(1, "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: shop.test\r\n\r\n")],
    seen: "POST /p 0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: shop.test\r\n\r\n",
  },
  "a GET with a body": { frames: [headers(1, block(get()), onlyHead), data(1, "ab")], seen: "GET / ab" },
  "a DELETE with a body": {
    frames: [headers(1, block(get({ method: "DELETE" })), onlyHead), data(1, "ab")],
    seen: "DELETE / ab",
  },
  "no body by length": { frames: [headers(1, block(post(["content-length", "0"])))], seen: "POST /p " },
  "no body, behind its head": { frames: [withBody(), data(1, "")], seen: "POST /p " },
  "a body and trailers": { frames: [withBody(), data(1, "ab", 0), headers(1, block([["x-t", "1"]]))], seen: "POST /p ab" },
  "trailers with a line in them": {
    frames: [withBody(), data(1, "ab", 0), headers(1, block([["x-t", "1\r\nx-u: 2"]]))],
    seen: "POST /p ab",
    fields: { "x-u": [""] },
    or: ["refused"],
  },
  "trailers without a body": { frames: [withBody(), headers(1, block([["x-t", "1"]]))], seen: "POST /p " },
  "a wait for 100 Continue": {
    frames: [withBody(["expect", "100-continue"], ["content-length", "2"]), data(1, "ab")],
    seen: "POST /p ab",
  },
  "an expectation that nobody knows": {
    frames: [headers(1, block(field("expect", "miracles")))],
    seen: "GET / ",
    or: ["refused"],
  },
  "a method in small letters": { frames: [headers(1, block(get({ method: "get" })))], seen: "get / ", or: ["refused"] },
  "a method that nobody knows": { frames: [headers(1, block(get({ method: "BREW" })))], seen: "BREW / ", or: ["refused"] },
  "a :scheme of no encryption": { frames: [headers(1, block(get({ scheme: "http" })))], seen: "GET / ", or: ["refused"] },
  "OPTIONS of everything": {
    frames: [headers(1, block(get({ method: "OPTIONS", path: "*" })))],
    seen: "OPTIONS * ",
    or: ["refused"],
  },
  "settings of HTTP/1.1's upgrade": {
    frames: [headers(1, block(field("http2-settings", "AAMAAABk")))],
    seen: "GET / ",
    or: ["refused"],
  },
};

export const malformedRequests: readonly RawCase[] = [
  ...Object.entries(refused).map(([name, fields]): RawCase => one(name, [headers(1, block(fields))], ["refused"])),
  ...Object.entries(refusedOrLeftOut).map(([name, fields]): RawCase => {
    const left = name.startsWith("a value that") ? {} : { fields: { "x-a": [""], "x-b": [""] } };
    return { ...one(name, [headers(1, block(fields))], ["refused", "answered"]), seen: ["GET / "], maySeeNothing: true, ...left };
  }),
  ...Object.entries(refusedBodies).map(([name, frames]): RawCase => one(name, frames, ["refused"])),
  ...Object.entries(refusedOrEnded).map(([name, frames]): RawCase => one(name, frames, ["refused", "ended"])),
  ...Object.entries(sound).map(([name, { frames, seen, fields = {}, or = [] }]): RawCase => {
    return { ...one(name, frames, ["answered", ...or]), seen: [seen], maySeeNothing: or.length > 0, fields };
  }),
];

function one(name: string, steps: readonly Uint8Array[], allowed: readonly Outcome[]): RawCase {
  return { name, steps, streams: [1], allowed, seen: [] };
}
