import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { configKeyFile, openConfigKey, readConfigKey } from "./config-key.ts";
import { createSeededRandom, createSystemRandom } from "./random.ts";
import { createSealing } from "./sealing.ts";

const sealing = createSealing(new Uint8Array(32).fill(1), createSystemRandom());

test("what was sealed opens for the same purpose and key, and for nothing else", () => {
  const sealed = sealing.seal("hunter22", "a");
  assert.equal(sealing.open(sealed, "a"), "hunter22");
  assert.ok(!sealed.includes("hunter22"));
  assert.notEqual(sealing.seal("hunter22", "a"), sealed);
  assert.throws(() => sealing.open(sealed, "b"));
  assert.throws(() => sealing.open(`${sealed.slice(0, -8)}AAAAAAA=`, "a"));
  assert.throws(() => sealing.open("", "a"));
  assert.throws(() => createSealing(new Uint8Array(32).fill(2), createSystemRandom()).open(sealed, "a"));
});

test("a fingerprint is the same for the same text, and another under another key", () => {
  assert.equal(sealing.fingerprint("x"), sealing.fingerprint("x"));
  assert.notEqual(sealing.fingerprint("x"), sealing.fingerprint("y"));
  const other = createSealing(new Uint8Array(32).fill(2), createSystemRandom());
  assert.notEqual(other.fingerprint("x"), sealing.fingerprint("x"));
});

test("the key lies beside the data folder, is made once, and may be read by nobody else", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "belay-key-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = configKeyFile(join(folder, "data/"));
  assert.equal(file, join(folder, "data.key"));
  assert.throws(() => readConfigKey(file), { code: "BELAY_CONFIG_KEY_MISSING" });
  const key = openConfigKey(file, createSeededRandom(1));
  assert.equal(key.length, 32);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.deepEqual(openConfigKey(file, createSeededRandom(2)), key);
  chmodSync(file, 0o640);
  assert.throws(() => readConfigKey(file), { code: "BELAY_CONFIG_KEY_READABLE" });
  chmodSync(file, 0o600);
  writeFileSync(file, "short");
  assert.throws(() => readConfigKey(file), { code: "BELAY_CONFIG_KEY_UNUSABLE" });
});
