import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { missing } from "../../scripts/setup-debian.ts";
import { createSystemClock } from "../ports/system-clock.ts";
import { Certificates } from "./certificates.ts";
import { makeCertificate } from "./loopback-world.ts";

test("a folder that cannot be read is complained of once, and ends nothing", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "belay-certificates-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "a-file-in-its-place");
  writeFileSync(file, "");
  const told: string[] = [];
  const log = { info: () => {}, warn: (message: string) => told.push(message), error: () => {} };
  const certificates = new Certificates({ folder: file, log, clock: createSystemClock() });
  certificates.reload();
  certificates.reload();
  assert.deepEqual(told, ["the folder of certificates cannot be read"]);
  assert.equal(certificates.first, undefined);
});

// Goal: of two certificates for a host, one that was forgotten in the folder never takes the place of the one that was renewed.
// Method: the first by name ends after a day, the other after a month; the clock passes the first one's end.
test("a certificate that has ended is served only when no other is for the host", { skip: missing("openssl") }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), "belay-certificates-"));
  t.after(() => rmSync(folder, { recursive: true }));
  makeCertificate(folder, "shop", "shop.test", 1);
  makeCertificate(folder, "shop-0001", "shop.test", 30);
  makeCertificate(folder, "other", "other.test", 1);
  let now = Temporal.Now.instant();
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  const certificates = new Certificates({ folder, log, clock: { now: () => now } });
  certificates.reload();
  const named = (name: string) => readFileSync(join(folder, name, "fullchain.pem"));
  const contextBefore = certificates.contextFor("shop.test");
  assert.deepEqual(certificates.first?.cert, named("other"));
  now = now.add({ hours: 48 });
  certificates.reload();
  assert.notEqual(certificates.contextFor("shop.test"), contextBefore);
  assert.deepEqual(certificates.first?.cert, named("shop-0001"));
  assert.ok(certificates.covers("other.test"));
  assert.notEqual(certificates.contextFor("other.test"), certificates.contextFor("shop.test"));
  const ends = certificates.report().served.map(({ name }) => name);
  assert.deepEqual(ends, ["other", "shop", "shop-0001"]);
});
