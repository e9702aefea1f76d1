/** What a proxy must do with a request, byte for byte. */
export interface RawRequest {
  readonly name: string;
  readonly bytes: string;
  /**
   * `refused`: nothing of it reaches the upstream, the answer is one of 4xx or 5xx (or none), and the connection ends.
   * `passed`: the upstream sees exactly these, as method, target and body.
   */
  readonly expect: "refused" | readonly string[];
  /** RFC 9112 leaves it open to refuse this one too. */
  readonly mayBeRefused?: boolean;
}

const host = "Host: shop.test\r\n";
const close = "Connection: close\r\n";
const chunked = "Transfer-Encoding: chunked\r\n";
const get = (line: string, fields = host) => `${line}\r\n${fields}${close}\r\n`;
const post = (fields: string, body: string) => `POST /p HTTP/1.1\r\n${host}${close}${fields}\r\n${body}`;

const refused: Readonly<Record<string, string>> = {
  "a length and chunks": post(`Content-Length: 5\r\n${chunked}`, "0\r\n\r\n"),
  "chunks and a length": post(`${chunked}Content-Length: 5\r\n`, "0\r\n\r\n"),
  "two lengths": post("Content-Length: 1\r\nContent-Length: 2\r\n", "ab"),
  "a list of lengths": post("Content-Length: 1, 2\r\n", "ab"),
  "a signed length": post("Content-Length: +1\r\n", "a"),
  "a negative length": post("Content-Length: -1\r\n", "a"),
  "a length in hexadecimal": post("Content-Length: 0x1\r\n", "a"),
  "an empty length": post("Content-Length: \r\n", ""),
  "a length beyond all numbers": post("Content-Length: 99999999999999999999999\r\n", "a"),
  "chunks that are not last": post("Transfer-Encoding: chunked, gzip\r\n", "0\r\n\r\n"),
  "an encoding before chunks": post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"),
  "an encoding that nobody knows": post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"),
  "chunks named twice": post(`${chunked}${chunked}`, "0\r\n\r\n"),
  "a space before the colon": post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"),
  "a control character in an encoding": post("Transfer-Encoding: \x0bchunked\r\n", "0\r\n\r\n"),
  "chunks on HTTP/1.0": `POST /p HTTP/1.0\r\n${host}${chunked}\r\n0\r\n\r\n`,
  "a folded header": get("GET / HTTP/1.1", `${host}X-A: 1\r\n 2\r\n`),
  "a folded first header": get("GET / HTTP/1.1", ` X-A: 1\r\n${host}`),
  "a bare LF between headers": get("GET / HTTP/1.1", `${host}X-A: 1\nX-B: 2\r\n`),
  "a bare CR in a header": get("GET / HTTP/1.1", `${host}X-A: 1\rX-B: 2\r\n`),
  "a NUL in a header": get("GET / HTTP/1.1", `${host}X-A: 1\x002\r\n`),
  "no Host": get("GET / HTTP/1.1", ""),
  "two Hosts": get("GET / HTTP/1.1", `${host}Host: other.test\r\n`),
  "the same Host twice": get("GET / HTTP/1.1", `${host}${host}`),
  "a Host with a space": get("GET / HTTP/1.1", "Host: shop.test other\r\n"),
  "a Host with a path": get("GET / HTTP/1.1", "Host: shop.test/x\r\n"),
  "a list of Hosts": get("GET / HTTP/1.1", "Host: shop.test, other.test\r\n"),
  "a chunk size that is no number": post(chunked, "zz\r\nab\r\n0\r\n\r\n"),
  "a chunk size with a sign": post(chunked, "+2\r\nab\r\n0\r\n\r\n"),
  "a chunk size in 0x": post(chunked, "0x2\r\nab\r\n0\r\n\r\n"),
  "a chunk size beyond all numbers": post(chunked, "fffffffffffffffff\r\nab\r\n0\r\n\r\n"),
  "a chunk that is longer than its size": post(chunked, "1\r\nab\r\n0\r\n\r\n"),
  "a bare LF behind a chunk size": post(chunked, "2\nab\r\n0\r\n\r\n"),
  "a bare LF behind a chunk": post(chunked, "2\r\nab\n0\r\n\r\n"),
  "a bare LF in a chunk extension": post(chunked, "2;a\nb\r\nab\r\n0\r\n\r\n"),
  "a NUL in a trailer": post(chunked, "2\r\nab\r\n0\r\nX-A: \0\r\n\r\n"),
  "HTTP/2.0 in words": get("GET / HTTP/2.0"),
  "HTTP/1.2": get("GET / HTTP/1.2"),
  "HTTP/0.9": "GET /\r\n\r\n",
  "another protocol": get("GET / SMTP/1.1"),
  "a version in lower case": get("GET / http/1.1"),
  "a space in the target": get("GET /a b HTTP/1.1"),
  "a tab in the request line": get("GET\t/ HTTP/1.1"),
  "a fragment in the target": get("GET /a#b HTTP/1.1"),
  "a target without a slash": get("GET a HTTP/1.1"),
  "a URL of another host": get("GET http://other.test/ HTTP/1.1"),
  "a URL with a user": get("GET http://user@shop.test/ HTTP/1.1"),
  "a method with a comma": get("GE,T / HTTP/1.1"),
  "an empty header name": get("GET / HTTP/1.1", `${host}: x\r\n`),
  "a header name with a space": get("GET / HTTP/1.1", `${host}X A: x\r\n`),
  "a header without a colon": get("GET / HTTP/1.1", `${host}X-A\r\n`),
  "a head of 64 KB": get("GET / HTTP/1.1", `${host}X-A: ${"a".repeat(65_536)}\r\n`),
  "a thousand headers": get("GET / HTTP/1.1", host + "a: b\r\n".repeat(1_000)),
  "an expectation that nobody knows": get("GET / HTTP/1.1", `${host}Expect: miracles\r\n`),
  "a tunnel to elsewhere": "CONNECT other.test:443 HTTP/1.1\r\nHost: other.test:443\r\n\r\n",
  "a PROXY line before the request": `PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n${get("GET / HTTP/1.1")}`,
  "a TLS handshake": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
  "HTTP/2 without TLS": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "bytes beyond ASCII in the target": get("GET /\xc3\xa9 HTTP/1.1"),
  "another request behind one that is refused": `${post(`Content-Length: 5\r\n${chunked}`, "0\r\n\r\n")}${get("GET /smuggled HTTP/1.1")}`,
};

const passed: Readonly<Record<string, readonly [bytes: string, ...seen: string[]]>> = {
  "a plain GET": [get("GET /a?b=c HTTP/1.1"), "GET /a?b=c "],
  "an empty line before the request": [`\r\n${get("GET / HTTP/1.1")}`, "GET / "],
  "HTTP/1.0 with a Host": [`GET / HTTP/1.0\r\n${host}\r\n`, "GET / "],
  "a URL of the same host": [get("GET http://shop.test/x?y HTTP/1.1"), "GET /x?y "],
  "an encoded path": [get("GET /%2e%2e/%2f/..;/a HTTP/1.1"), "GET /%2e%2e/%2f/..;/a "],
  "a query that nobody can parse": [get("GET /?a=%zz&&=;%00&b[]=?/ HTTP/1.1"), "GET /?a=%zz&&=;%00&b[]=?/ "],
  "a handshake of a WebSocket with a body": [
    `GET /w HTTP/1.1\r\n${host}Connection: close, Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nab`,
    "GET /w ab",
  ],
  "two slashes": [get("GET //a//b HTTP/1.1"), "GET //a//b "],
  "a body by length": [post("Content-Length: 2\r\n", "ab"), "POST /p ab"],
  "no body by length": [post("Content-Length: 0\r\n", ""), "POST /p "],
  "a body in chunks": [post(chunked, "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"), "POST /p abc"],
  "chunks in capitals": [post("Transfer-Encoding: CHUNKED\r\n", "A\r\n0123456789\r\n0\r\n\r\n"), "POST /p 0123456789"],
  "chunk extensions and a trailer": [post(chunked, '2;a=b;c="d e"\r\nab\r\n0;x\r\nX-T: 1\r\n\r\n'), "POST /p ab"],
  "a body that looks like a request": [
    post("Content-Length: 23\r\n", "GET / HTTP/1.1\r\nHost: a"),
    "POST /p GET / HTTP/1.1\r\nHost: a",
  ],
  "a GET with a body": [`GET /g HTTP/1.1\r\n${host}${close}Content-Length: 2\r\n\r\nab`, "GET /g ab"],
  "a DELETE with chunks": [`DELETE /d HTTP/1.1\r\n${host}${close}${chunked}\r\n1\r\na\r\n0\r\n\r\n`, "DELETE /d a"],
  "headers that repeat": [get("GET / HTTP/1.1", `${host}X-A: 1\r\nX-A: 2\r\nAccept: a\r\nAccept: b\r\n`), "GET / "],
  "an empty header": [get("GET / HTTP/1.1", `${host}X-A:\r\n`), "GET / "],
  "spaces around a header": [get("GET / HTTP/1.1", `${host}X-A: \t 1 \t \r\n`), "GET / "],
  "a wait for 100 Continue": [post("Expect: 100-continue\r\nContent-Length: 2\r\n", "ab"), "POST /p ab"],
  "an upgrade that nobody asked Belay for": [
    get("GET / HTTP/1.1", `${host}Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n`),
    "GET / ",
  ],
  "two requests in a row": [`GET /1 HTTP/1.1\r\n${host}\r\n${get("GET /2 HTTP/1.1")}`, "GET /1 ", "GET /2 "],
  "a body, then another request": [
    `POST /1 HTTP/1.1\r\n${host}Content-Length: 2\r\n\r\nab${get("GET /2 HTTP/1.1")}`,
    "POST /1 ab",
    "GET /2 ",
  ],
  "chunks, then another request": [
    `POST /1 HTTP/1.1\r\n${host}${chunked}\r\n2\r\nab\r\n0\r\n\r\n${get("GET /2 HTTP/1.1")}`,
    "POST /1 ab",
    "GET /2 ",
  ],
};

const leftOpen: Readonly<Record<string, readonly [bytes: string, ...seen: string[]]>> = {
  "two spaces in the request line": [get("GET  / HTTP/1.1"), "GET / "],
};

export const rawRequests: readonly RawRequest[] = [
  ...Object.entries(refused).map(([name, bytes]): RawRequest => ({ name, bytes, expect: "refused" })),
  ...Object.entries(passed).map(([name, [bytes, ...seen]]): RawRequest => ({ name, bytes, expect: seen })),
  ...Object.entries(leftOpen).map(([name, [bytes, ...seen]]): RawRequest => ({ name, bytes, expect: seen, mayBeRefused: true })),
];
