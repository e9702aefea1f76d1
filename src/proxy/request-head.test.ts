import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type RawRequest, type RequestHead, readRequestHead } from "./request-head.ts";

test("what is of one connection, or what a client may not say of itself, is not passed on", () => {
  const gone = [
    "Keep-Alive",
    "Proxy-Authorization",
    "TE",
    "Trailer",
    "Upgrade",
    "Expect",
    "Forwarded",
    "X-Forwarded-For",
    "X-Real-IP",
  ];
  const head = read({ rawHeaders: ["Host", "a.test", ...gone.flatMap((name) => [name, "x"]), "Accept", "*/*"] });
  assert.deepEqual(head.headers, ["Host", "a.test", "Accept", "*/*"]);
});

test("nor is it in a spelling that a gateway interface of the application takes for the same name", () => {
  const forged = [
    "Belay_Visitor",
    "belay_shadow",
    "X_Forwarded_For",
    "X_Forwarded-Proto",
    "X_Real_IP",
    "Content_Length",
    "Transfer_Encoding",
  ];
  const head = read({ rawHeaders: ["Host", "a.test", ...forged.flatMap((name) => [name, "1"]), "X_Own", "1"] });
  assert.deepEqual(head.headers, ["Host", "a.test", "X_Own", "1"]);
});

test("headers that Connection names are left out, Host never", () => {
  const head = read({ rawHeaders: ["Host", "a.test", "X-Hop", "1", "Connection", "close, x-hop , host", "X-Kept", "2"] });
  assert.deepEqual(head.headers, ["Host", "a.test", "X-Kept", "2"]);
});

test("an ill-formed request id is dropped", () => {
  for (const id of ["", "a b", "x".repeat(129), "ä", "a\tb"])
    assert.equal(read({ rawHeaders: ["X-Request-Id", id] }).requestId, null);
});

test("path and query are told apart, and a URL of the same host is a path", () => {
  assert.deepEqual(pick(read({ url: "/a?b=/c?d" })), ["/a?b=/c?d", "/a"]);
  assert.deepEqual(pick(read({ url: "http://A.test/x?y", rawHeaders: ["Host", "a.test"] })), ["/x?y", "/x"]);
  assert.deepEqual(pick(read({ url: "http://a.test?y", rawHeaders: ["Host", "a.test"] })), ["/?y", "/"]);
});

test("a request that two readers could understand differently is refused", () => {
  assert.equal(typeof readRequestHead(raw({ rawHeaders: ["Host", "a", "host", "b"] })), "string");
  assert.equal(
    typeof readRequestHead(raw({ httpVersion: "1.0", rawHeaders: ["Host", "a", "Transfer-Encoding", "chunked"] })),
    "string",
  );
  assert.equal(typeof readRequestHead(raw({ httpVersion: "2.0", rawHeaders: ["Host", "a"] })), "string");
  assert.equal(typeof readRequestHead(raw({})), "string");
  for (const rawHeaders of [
    ["Host", "a b"],
    ["Host", "a,b"],
    ["Host", "a/b"],
    ["Host", "a:1x"],
    ["Host", "a", "Transfer-Encoding", "gzip, chunked"],
    ["Host", "a", "Transfer-Encoding", "chunked", "Transfer-Encoding", "chunked"],
    ["Host", "a", "Content-Length", "99999999999999999999"],
    ["Host", "a", ...Array.from({ length: 400 }, () => "x")],
  ])
    assert.equal(typeof readRequestHead(raw({ rawHeaders })), "string", rawHeaders.slice(0, 2).join(": "));
  for (const url of ["*", "", "a", "/a#b", "http://b.test/", "http://user@a.test/", "/\xe9", "/a b"])
    assert.equal(typeof readRequestHead(raw({ url, rawHeaders: ["Host", "a.test"] })), "string");
});

test("hosts are names and addresses, with a port or without", () => {
  for (const host of ["", "a.test", "A.Test:80", "my_app.test", "127.0.0.1:8080", "[::1]:8080", "a.test:"])
    assert.equal(read({ rawHeaders: ["Host", host] }).hostHeader, host);
});

test("a trace is passed on when it can be read, and its state never without it", () => {
  const trace = `00-${"4bf92f35".repeat(4)}-00f067aa0ba902b7-01`;
  const sound = ["traceparent", trace, "tracestate", "a=1"];
  assert.deepEqual(read({ rawHeaders: sound }).headers, sound);
  assert.deepEqual(read({ rawHeaders: ["traceparent", `cc${trace.slice(2)}-more`] }).headers.length, 2);
  const faulty = [
    `ff${trace.slice(2)}`,
    trace.toUpperCase(),
    `00-${"0".repeat(32)}-00f067aa0ba902b7-01`,
    "00-1-2-3",
    `${trace}-more`,
  ];
  for (const value of faulty)
    assert.deepEqual(read({ rawHeaders: ["traceparent", value, "tracestate", "a=1", "Accept", "*/*"] }).headers, [
      "Accept",
      "*/*",
    ]);
  assert.deepEqual(read({ rawHeaders: ["traceparent", trace, "Traceparent", trace] }).headers, []);
});

test("the wish to be told to go on is honoured from HTTP/1.1 on", () => {
  assert.equal(read({ rawHeaders: ["Expect", "100-Continue"] }).expectsContinue, true);
  assert.equal(read({ httpVersion: "1.0", rawHeaders: ["Expect", "100-continue"] }).expectsContinue, false);
});

test("a body is there when a length or chunks say so", () => {
  assert.equal(read({ rawHeaders: ["Content-Length", "0"] }).hasBody, false);
  assert.equal(read({ rawHeaders: ["Content-Length", "1"] }).hasBody, true);
  assert.equal(read({ rawHeaders: ["Transfer-Encoding", "chunked"] }).hasBody, true);
});

test("property: no cookie of Belay's reaches the instance, and every other cookie does", () => {
  const pair = fc.tuple(
    fc.constantFrom(
      "a",
      "belay_uid",
      "b",
      "belayed",
      "belay_preview.production.shop",
      "__Host-belay_preview.production.shop",
      "belay_other",
    ),
    fc.stringMatching(/^[a-z0-9.]{0,8}$/),
  );
  fc.assert(
    fc.property(fc.array(pair), (pairs) => {
      const head = read({ rawHeaders: ["Cookie", pairs.map(([name, value]) => `${name}=${value}`).join("; ")] });
      const passed = head.headers[1] ?? "";
      const others = pairs.filter(([name]) => !/^(?:__Host-)?belay_/.test(name)).map(([name, value]) => `${name}=${value}`);
      assert.equal(passed, others.join("; "));
      assert.equal(head.visitorCookies.length, pairs.filter(([name]) => name === "belay_uid").length);
      assert.equal(head.previewCookies.length, pairs.filter(([name]) => name.includes("preview")).length);
    }),
  );
});

test("no header that speaks for Belay comes in from outside", () => {
  const { headers } = read({ rawHeaders: ["Belay-Release", "x", "belay-cohort", "internal", "Belayed", "1"] });
  assert.deepEqual(headers, ["Belayed", "1"]);
});

function raw(part: Partial<RawRequest>): RawRequest {
  return { url: "/", httpVersion: "1.1", rawHeaders: [], ...part };
}

/** A request that names no Host gets one, which is not among the headers that are returned. */
function read(part: Partial<RawRequest>): RequestHead {
  const { rawHeaders = [] } = part;
  const isNamed = rawHeaders.includes("Host");
  const head = readRequestHead(raw(isNamed ? part : { ...part, rawHeaders: [...rawHeaders, "Host", "a.test"] }));
  assert.ok(typeof head !== "string", String(head));
  return isNamed ? head : { ...head, headers: head.headers.slice(0, -2) };
}

function pick({ target, path }: RequestHead): readonly string[] {
  return [target, path];
}
