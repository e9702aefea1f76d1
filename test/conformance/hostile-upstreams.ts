import type { Answer } from "./upstream.ts";

/** What a client must see of an upstream that does not keep to the protocol, or just so. */
export interface HostileUpstream {
  readonly name: string;
  readonly method: "GET" | "HEAD";
  readonly answer: Answer;
  /** Each is allowed: a whole answer with this status and body, an error in the proxy's own name, or an answer that is visibly not whole. */
  readonly allowed: readonly (readonly [status: number, body: string] | "gateway error" | "broken")[];
}

type Allowed = HostileUpstream["allowed"];
const fails: Allowed = ["gateway error"];
const breaks: Allowed = ["gateway error", "broken"];
const is = (status: number, body: string): Allowed => [[status, body]];
const ok = "HTTP/1.1 200 OK\r\n";
const chunked = "Transfer-Encoding: chunked\r\n\r\n";
const smuggled = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged";

const cases: Readonly<Record<string, readonly [say: string, next: Answer["next"], allowed: Allowed, method?: "HEAD"]>> = {
  "nothing, and a reset": ["", "reset", fails],
  "nothing, and an end": ["", "close", fails],
  "half a status line": ["HTTP/1.1 20", "close", fails],
  "half a head": [`${ok}X-A: 1\r\n`, "close", fails],
  garbage: ["\x00\x01\x02 what?\r\n\r\n", "close", fails],
  "a body without a head": ["hello\n", "close", fails],
  "another protocol": ["SSH-2.0-OpenSSH_9.2\r\n", "close", fails],
  "HTTP/0.9": ["<html>", "close", fails],
  "a status of two digits": ["HTTP/1.1 20 OK\r\n\r\n", "close", fails],
  "a status of four digits": ["HTTP/1.1 2000 OK\r\n\r\n", "close", fails],
  "a status below 100": ["HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n", "keep", fails],
  "a status beyond 599": ["HTTP/1.1 799 Odd\r\nContent-Length: 2\r\n\r\nok", "keep", ["gateway error", [799, "ok"]]],
  "a tunnel that nobody asked for": [
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
    "keep",
    fails,
  ],
  "100 Continue that nobody asked for": [
    `HTTP/1.1 100 Continue\r\n\r\n${ok}Content-Length: 2\r\n\r\nok`,
    "keep",
    ["gateway error", [200, "ok"]],
  ],
  "many answers before the answer": [
    `${"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".repeat(50)}${ok}Content-Length: 2\r\n\r\nok`,
    "keep",
    is(200, "ok"),
  ],
  "only an answer before the answer": ["HTTP/1.1 103 Early Hints\r\n\r\n", "close", fails],
  "a NUL in a header": [`${ok}X-A: \0\r\nContent-Length: 2\r\n\r\nok`, "keep", fails],
  "a control character in a header": [`${ok}X-A: \x07\r\nContent-Length: 2\r\n\r\nok`, "keep", fails],
  "a space before a colon": [`${ok}Content-Length : 2\r\n\r\nok`, "keep", fails],
  "an empty header name": [`${ok}: x\r\nContent-Length: 2\r\n\r\nok`, "keep", fails],
  "a head of 300 KB": [`${ok}X-A: ${"a".repeat(300_000)}\r\nContent-Length: 2\r\n\r\nok`, "keep", fails],
  "a length and chunks": [`${ok}Content-Length: 3\r\n${chunked}2\r\nok\r\n0\r\n\r\n`, "keep", ["gateway error", [200, "ok"]]],
  "two lengths": [`${ok}Content-Length: 2\r\nContent-Length: 3\r\n\r\nok!`, "close", fails],
  "a length that is no number": [`${ok}Content-Length: two\r\n\r\nok`, "close", fails],
  "a negative length": [`${ok}Content-Length: -2\r\n\r\nok`, "close", fails],
  "less than the length": [`${ok}Content-Length: 9\r\n\r\nok`, "close", breaks],
  "less than the length, and a reset": [`${ok}Content-Length: 9\r\n\r\nok`, "reset", breaks],
  "more than the length": [`${ok}Content-Length: 2\r\n\r\nok${smuggled}`, "keep", is(200, "ok")],
  "a second answer": [`${ok}Content-Length: 0\r\n\r\n${smuggled}`, "keep", is(200, "")],
  "a chunk size that is no number": [`${ok}${chunked}zz\r\nok\r\n0\r\n\r\n`, "keep", breaks],
  "a chunk longer than its size": [`${ok}${chunked}1\r\nok\r\n0\r\n\r\n`, "keep", breaks],
  "chunks without an end": [`${ok}${chunked}2\r\nok\r\n`, "close", breaks],
  "half a chunk": [`${ok}${chunked}9\r\nok`, "close", breaks],
  "chunks, and then more": [`${ok}${chunked}2\r\nok\r\n0\r\n\r\n${smuggled}`, "keep", is(200, "ok")],
  "trailers that say how to read": [
    `${ok}${chunked}2\r\nok\r\n0\r\nContent-Length: 9\r\nTransfer-Encoding: x\r\n\r\n`,
    "close",
    ["broken", "gateway error", [200, "ok"]],
  ],
  "a body that its end ends": [`${ok}\r\nok`, "close", is(200, "ok")],
  "a body that a reset ends": [`${ok}\r\nok`, "reset", ["gateway error", "broken", [200, "ok"]]],
  "HTTP/1.0": ["HTTP/1.0 200 OK\r\n\r\nok", "close", is(200, "ok")],
  "HTTP/1.0 that stays": ["HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", "keep", is(200, "ok")],
  "204 with a body": [`HTTP/1.1 204 No Content\r\n\r\n${smuggled}`, "keep", is(204, "")],
  "304 with a length": ["HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", "keep", is(304, "")],
  "HEAD with a length": [`${ok}Content-Length: 9\r\n\r\n`, "keep", is(200, ""), "HEAD"],
  "HEAD with a body": [`${ok}Content-Length: 9\r\n\r\nforbidden`, "keep", is(200, ""), "HEAD"],
  "HEAD with chunks": [`${ok}${chunked}`, "keep", is(200, ""), "HEAD"],
  "a status without words": ["HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok", "keep", is(200, "ok")],
  "a status with bytes beyond ASCII": ["HTTP/1.1 200 d\xe9j\xe0\r\nContent-Length: 2\r\n\r\nok", "keep", is(200, "ok")],
  "a header with bytes beyond ASCII": [`${ok}X-A: d\xe9j\xe0\r\nContent-Length: 2\r\n\r\nok`, "keep", is(200, "ok")],
};

export const hostileUpstreams: readonly HostileUpstream[] = Object.entries(cases).map(([name, [say, next, allowed, method]]) => ({
  name,
  method: method ?? "GET",
  answer: { say, next },
  allowed,
}));
