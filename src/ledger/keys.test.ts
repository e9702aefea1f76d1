import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { createSeededRandom, createSystemRandom } from "../ports/random.ts";
import { signCheckpoint, verifyCheckpoint } from "./checkpoint.ts";
import { createSignerFrom, openSigner } from "./keys.ts";

const folder = mkdtempSync(join(tmpdir(), "belay-keys-"));
after(() => rmSync(folder, { recursive: true }));
const random = createSystemRandom();

test("the key is made once, for its owner only, and is the same at the next start", () => {
  const keysFolder = join(folder, "a", "keys");
  const { publicKey } = openSigner({ keysFolder, random });
  assert.equal(statSync(keysFolder).mode & 0o777, 0o700);
  assert.equal(statSync(join(keysFolder, "ledger.key")).mode & 0o777, 0o600);
  assert.equal(openSigner({ keysFolder, random }).publicKey, publicKey);
});

test("a key file or folder that others can read is refused with the command that closes it", () => {
  const keysFolder = join(folder, "b");
  openSigner({ keysFolder, random });
  const file = join(keysFolder, "ledger.key");
  chmodSync(file, 0o640);
  assert.throws(() => openSigner({ keysFolder, random }), { code: "BELAY_KEYS_READABLE", next: new RegExp(`chmod 600 ${file}`) });
  chmodSync(file, 0o600);
  chmodSync(keysFolder, 0o755);
  assert.throws(() => openSigner({ keysFolder, random }), {
    code: "BELAY_KEYS_READABLE",
    next: new RegExp(`chmod 700 ${keysFolder}\``),
  });
});

test("a key file that holds no key is refused and not replaced", () => {
  const keysFolder = join(folder, "c");
  mkdirSync(keysFolder, { mode: 0o700 });
  writeFileSync(join(keysFolder, "ledger.key"), "no key\n", { mode: 0o600 });
  assert.throws(() => openSigner({ keysFolder, random }), { code: "BELAY_KEYS_UNUSABLE" });
  assert.equal(statSync(join(keysFolder, "ledger.key")).size, 7);
});

test("a signature fits its checkpoint and no other", () => {
  const signer = createSignerFrom(createSeededRandom(1).bytes(32));
  const checkpoint = signCheckpoint(signer, { log: "a1", position: 3, hash: "ff", at: "2026-01-01T00:00:00Z" });
  assert.ok(verifyCheckpoint(checkpoint));
  assert.equal(verifyCheckpoint({ ...checkpoint, position: 4 }), false);
  assert.equal(verifyCheckpoint({ ...checkpoint, log: "a2" }), false);
  assert.equal(verifyCheckpoint({ ...checkpoint, publicKey: createSignerFrom(random.bytes(32)).publicKey }), false);
  assert.equal(verifyCheckpoint({ ...checkpoint, publicKey: "bm8ga2V5" }), false);
});
