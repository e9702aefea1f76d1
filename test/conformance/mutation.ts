import type { Seeded } from "./seeded.ts";

/** Requests to start from. `#` stands for what tells one request of a run from every other. */
const seeds: readonly string[] = [
  "GET /# HTTP/1.1\r\nHost: shop.test\r\nAccept: */*\r\nCookie: a=1; b=2\r\n\r\n",
  "GET /#?q=1&r=%20 HTTP/1.1\r\nHost: shop.test\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nX-Kept: 2\r\n\r\n",
  "GET http://shop.test/# HTTP/1.1\r\nHost: shop.test\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n",
  "HEAD /# HTTP/1.1\r\nHost: shop.test\r\nTE: trailers\r\n\r\n",
  "GET /# HTTP/1.0\r\nHost: shop.test\r\nConnection: keep-alive\r\n\r\n",
  "POST /# HTTP/1.1\r\nHost: shop.test\r\nContent-Type: text/plain\r\nContent-Length: 11\r\n\r\nhello world",
  "POST /# HTTP/1.1\r\nHost: shop.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nX-Sum: 1\r\n\r\n",
  "PUT /# HTTP/1.1\r\nHost: shop.test\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
  "DELETE /# HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 0\r\nX-A: 1\r\nX-A: 2\r\n\r\n",
  "GET /#/1 HTTP/1.1\r\nHost: shop.test\r\n\r\nPOST /#/2 HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 4\r\n\r\nabcdGET /#/3 HTTP/1.1\r\nHost: shop.test\r\n\r\n",
  "POST /#/1 HTTP/1.1\r\nHost: shop.test\r\nTransfer-Encoding: chunked\r\n\r\n1e\r\nGET /#/in HTTP/1.1\r\nHost: x\r\n\r\n0\r\n\r\nGET /#/2 HTTP/1.1\r\nHost: shop.test\r\n\r\n",
];

const words: readonly string[] = [
  ...'\r\n|\n|\r|\0|\r\n\r\n|\n\n| |\t|:|;|,|\x0b|\x7f|\x80|\xff|#|?|%00|//|\\|"'.split("|"),
  ..."Transfer-Encoding: chunked\r\n|Transfer-Encoding:\tchunked\r\n|Transfer-Encoding : chunked\r\n|Transfer-Encoding: x\r\n".split(
    "|",
  ),
  ..."Content-Length: 5\r\n|Content-Length: 0\r\n|content-length:1\r\n|Content-Length: 00\r\n|Content-Length: 5, 5\r\n".split(
    "|",
  ),
  ..."Host: other.test\r\n|Host:\r\n|Connection: close\r\n|Connection: Host, Content-Length\r\n|Upgrade: h2c\r\n|Expect: 100-continue\r\n".split(
    "|",
  ),
  ..." HTTP/1.1| HTTP/1.0| HTTP/2.0|HTTP/1.1\r\n|GET / HTTP/1.1\r\n|0\r\n\r\n|1\r\na\r\n|ffffffff\r\n|0x1\r\n|-1\r\n|+1\r\n| \r\n".split(
    "|",
  ),
  ..."X-A: 1\r\n 2\r\n|X-A\r\n|: x\r\n|X A: 1\r\n|Cookie: c=3\r\n|belay_uid=x|X-B: \xe9\r\n|Trailer: X-Sum\r\n|Keep-Alive: timeout=5\r\n|Belay-A: 1\r\n|belay_b: 2\r\n".split(
    "|",
  ),
];

/** Bytes of one connection: a request or some in a row, with one to three things wrong, or none. */
export function mutated(seeded: Seeded, mark: string): string {
  let bytes = seeded.one(seeds).replaceAll("#", mark);
  for (let left = seeded.below(4); left > 0; left -= 1) bytes = mutateOnce(seeded, bytes);
  return bytes;
}

function mutateOnce(seeded: Seeded, bytes: string): string {
  const at = seeded.below(bytes.length + 1);
  const span = 1 + seeded.below(seeded.one([1, 4, 40]));
  const before = bytes.slice(0, at);
  const cut = bytes.slice(at, at + span);
  const after = bytes.slice(at + span);
  switch (seeded.below(8)) {
    case 0:
      return before + String.fromCharCode(seeded.below(256)) + bytes.slice(at + 1);
    case 1:
      return before + after;
    case 2:
      return before + cut + cut + after;
    case 3:
      return before;
    case 4:
      return before + swapCase(cut) + after;
    case 5: {
      const to = seeded.below(bytes.length + 1);
      return bytes.slice(0, to) + cut + bytes.slice(to);
    }
    case 6:
      return before + seeded.one(words) + after;
    default:
      return atLineStart(bytes, at) + seeded.one(words) + bytes.slice(atLineStart(bytes, at).length);
  }
}

function atLineStart(bytes: string, at: number): string {
  return bytes.slice(0, bytes.lastIndexOf("\r\n", at) + 2);
}

function swapCase(text: string): string {
  // ASCII only: the capital of a ÿ is no byte.
  const toUpper = text === text.toLowerCase();
  return text.replace(/[a-zA-Z]/g, (letter) => (toUpper ? letter.toUpperCase() : letter.toLowerCase()));
}
