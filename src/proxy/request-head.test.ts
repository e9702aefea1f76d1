import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { headersForInstance, type RawRequest, type RequestHead, readRequestHead } from "./request-head.ts";

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

test("headers that Connection names are left out, Host never", () => {
  const head = read({ rawHeaders: ["Host", "a.test", "X-Hop", "1", "Connection", "close, x-hop , host", "X-Kept", "2"] });
  assert.deepEqual(head.headers, ["Host", "a.test", "X-Kept", "2"]);
});

test("the instance learns who asks, for which host and under which id", () => {
  const head = read({ rawHeaders: ["Host", "A.test:80", "X-Request-Id", "abc-1"] });
  assert.deepEqual(headersForInstance(head, { clientAddress: "10.0.0.1", requestId: head.requestId ?? "made" }), [
    ...["Host", "A.test:80", "X-Forwarded-For", "10.0.0.1", "X-Forwarded-Proto", "http", "X-Request-Id", "abc-1"],
    ...["X-Forwarded-Host", "A.test:80"],
  ]);
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
  assert.equal(typeof readRequestHead(raw({ httpVersion: "1.0", rawHeaders: ["Transfer-Encoding", "chunked"] })), "string");
  assert.equal(typeof readRequestHead(raw({ httpVersion: "2.0" })), "string");
  for (const url of ["*", "", "a", "http://b.test/"])
    assert.equal(typeof readRequestHead(raw({ url, rawHeaders: ["Host", "a.test"] })), "string");
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

function read(part: Partial<RawRequest>): RequestHead {
  const head = readRequestHead(raw(part));
  assert.ok(typeof head !== "string", String(head));
  return head;
}

function pick({ target, path }: RequestHead): readonly string[] {
  return [target, path];
}
