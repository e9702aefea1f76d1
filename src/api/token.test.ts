import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createSeededRandom } from "../ports/random.ts";
import { createApiToken, matchesToken, readApiToken } from "./token.ts";

function inFolder(use: (file: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "belay-token-"));
  try {
    use(join(folder, "api-token.json"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("a token is kept as a hash in a file of its owner, and matches itself alone", () => {
  inFolder((file) => {
    const token = createApiToken({ file, name: "ci", random: createSeededRandom(1) });
    assert.doesNotMatch(readFileSync(file, "utf8"), new RegExp(token.slice(6)));
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const kept = readApiToken(file);
    assert.ok(kept);
    assert.equal(kept.name, "ci");
    assert.equal(matchesToken(token, kept), true);
    for (const other of ["", `${token}x`, token.slice(1), kept.sha256]) assert.equal(matchesToken(other, kept), false);
  });
});

test("a new token replaces the one before", () => {
  inFolder((file) => {
    const first = createApiToken({ file, name: "ci", random: createSeededRandom(1) });
    createApiToken({ file, name: "ci", random: createSeededRandom(2) });
    const kept = readApiToken(file);
    assert.ok(kept && !matchesToken(first, kept));
  });
});

test("a missing file is no token, a damaged one is an error with the way out", () => {
  inFolder((file) => {
    assert.equal(readApiToken(file), undefined);
    for (const content of ["", "{", "{}", '{"name":"x","sha256":"short"}']) {
      writeFileSync(file, content);
      assert.throws(() => readApiToken(file), { code: "BELAY_API_TOKEN_FILE", next: /belay up/ });
    }
  });
});
