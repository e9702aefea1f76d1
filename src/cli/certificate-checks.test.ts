import assert from "node:assert/strict";
import { test } from "node:test";
import type { CertificateFacts } from "../ports/certificate-files.ts";
import { checkCertificates } from "./certificate-checks.ts";

const nowMs = Date.UTC(2026, 10, 21);
const dayMs = 86_400_000;
const good = aCertificate("shop", "shop.test", 60);

function aCertificate(name: string, host: string, days: number): CertificateFacts {
  const covers = (asked: string) => asked === host;
  return { name, names: [host], validFromMs: nowMs - dayMs, validToMs: nowMs + days * dayMs, covers };
}

function toldOf(certificates: readonly CertificateFacts[], hosts: readonly string[] = ["shop.test"], isServed = true) {
  return checkCertificates({ certificates, hosts, isServed }, nowMs).map(({ level, words }) => `${level} ${words}`);
}

test("a certificate in order is told with its hosts and its end", () => {
  assert.deepEqual(toldOf([good]), ["pass shop: for shop.test, until 2027-01-20"]);
});

test("one that ends soon, has ended, has not begun or cannot be used is told", () => {
  assert.deepEqual(toldOf([aCertificate("shop", "shop.test", 13)]), ["warn shop: for shop.test, until 2026-12-04"]);
  assert.deepEqual(toldOf([aCertificate("shop", "shop.test", -1)]), ["fail shop: for shop.test, and it ended 2026-11-20"]);
  const early = { ...good, validFromMs: nowMs + dayMs };
  assert.deepEqual(toldOf([early]), ["fail shop: for shop.test, and it begins 2026-11-22 only"]);
  assert.deepEqual(toldOf([good, { name: "other", why: "key values mismatch" }]), [
    "pass shop: for shop.test, until 2027-01-20",
    "fail other: it cannot be used: key values mismatch",
  ]);
});

test("a host that no certificate is for is told, and of two the one that visitors meet counts", () => {
  assert.deepEqual(toldOf([good], ["shop.test", "api.test", "*", "localhost"]), [
    "pass shop: for shop.test, until 2027-01-20",
    "warn no certificate is for api.test",
  ]);
  assert.deepEqual(toldOf([aCertificate("a", "shop.test", -1), good]).at(0), "fail a: for shop.test, and it ended 2026-11-20");
});

test("without any certificate nobody comes in by TLS, which matters where TLS is served", () => {
  assert.deepEqual(toldOf([]), ["fail there is none, so no visitor comes in by TLS"]);
  assert.deepEqual(toldOf([], ["shop.test"], false), []);
  assert.deepEqual(toldOf([good], ["api.test"], false), ["pass shop: for shop.test, until 2027-01-20"]);
});
