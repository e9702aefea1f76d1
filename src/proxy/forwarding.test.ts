import assert from "node:assert/strict";
import { test } from "node:test";
import { TrustedProxies } from "../routing/trusted-proxies.ts";
import { headersForInstance } from "./forwarding.ts";
import { readRequestHead } from "./request-head.ts";

const claims = [
  ...["X-Forwarded-For", "6.6.6.6, 9.9.9.9, 10.0.0.7", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "evil.test"],
  ...["X-Forwarded-Port", "443", "Forwarded", "for=6.6.6.6", "X-Real-IP", "6.6.6.6"],
];

test("the instance learns who asks, how, for which host and under which id", () => {
  assert.deepEqual(headersFrom(["Host", "A.test:80"], { peerAddress: "10.0.0.1" }), {
    host: "A.test:80",
    "x-forwarded-for": "10.0.0.1",
    "x-forwarded-proto": "http",
    "x-request-id": "made",
    via: "1.1 belay",
    "x-forwarded-host": "A.test:80",
  });
});

test("what a stranger says of those before it is replaced", () => {
  const headers = headersFrom(["Host", "a.test", ...claims], { peerAddress: "9.9.9.9" });
  assert.deepEqual(headers, headersFrom(["Host", "a.test"], { peerAddress: "9.9.9.9" }));
});

test("a trusted proxy's client and scheme are taken over, its host is the one that was routed by", () => {
  const headers = headersFrom(["Host", "a.test", ...claims], { peerAddress: "10.0.0.1" }, ["10.0.0.0/8"]);
  assert.equal(headers["x-forwarded-for"], "9.9.9.9, 10.0.0.7, 10.0.0.1", "what the client claims for itself is dropped");
  assert.deepEqual(
    [headers["x-forwarded-proto"], headers["x-forwarded-port"], headers["x-forwarded-host"], headers["forwarded"]],
    ["https", "443", "a.test", undefined],
  );
});

test("a trusted proxy's words count only where they can be read", () => {
  const trusted = (name: string, value: string) =>
    headersFrom(["Host", "a.test", name, value], { peerAddress: "::1", scheme: "https" }, ["::1"]);
  assert.equal(trusted("X-Forwarded-Proto", "gopher")["x-forwarded-proto"], "https");
  assert.equal(trusted("X-Forwarded-Proto", "https, http")["x-forwarded-proto"], "http");
  assert.equal(trusted("X-Forwarded-Port", "x")["x-forwarded-port"], undefined);
  assert.equal(trusted("X-Forwarded-For", "::1, <script>, ::1")["x-forwarded-for"], "::1, ::1");
  assert.equal(trusted("X-Forwarded-For", "[fd00::1]:99")["x-forwarded-for"], "fd00::1, ::1");
});

test("hops are added to those that are named", () => {
  const via = (value: string) => headersFrom(["Host", "a", "Via", value], { peerAddress: "9.9.9.9" })["via"];
  assert.equal(via("1.0 fred, 1.1 front"), "1.0 fred, 1.1 front, 1.1 belay");
});

test("an address is compared without what sockets and proxies write around it", () => {
  const behind = headersFrom(["Host", "a.test", "X-Forwarded-For", "2.2.2.2:99"], { peerAddress: "::ffff:10.0.0.1" }, [
    "10.0.0.1",
  ]);
  assert.equal(behind["x-forwarded-for"], "2.2.2.2, 10.0.0.1");
});

function headersFrom(
  rawHeaders: readonly string[],
  arrival: { readonly peerAddress: string; readonly scheme?: "http" | "https" },
  trusted: readonly string[] = [],
): Readonly<Record<string, string | undefined>> {
  const head = readRequestHead({ url: "/", httpVersion: "1.1", rawHeaders });
  assert.ok(typeof head !== "string", String(head));
  const proxies = new TrustedProxies(trusted);
  const fields = headersForInstance(head, { scheme: "http", requestId: "made", proxies, ...arrival });
  const byName: Record<string, string> = {};
  for (let index = 0; index < fields.length; index += 2) {
    const name = (fields[index] ?? "").toLowerCase();
    assert.equal(byName[name], undefined, `${name} twice`);
    byName[name] = fields[index + 1] ?? "";
  }
  return byName;
}
