import assert from "node:assert/strict";
import { test } from "node:test";
import { artifact } from "./artifact.ts";
import { resultOf, toldOf } from "./subject.fixture.ts";

/** In two parts, so that no scanner takes this file for a leak. */
const key = `-----BEGIN ${"RSA PRIVATE"} KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\n`;
const map = (sources: readonly (string | null)[]) => JSON.stringify({ version: 3, sourcesContent: sources, mappings: "AAAA" });
const inline = (content: string) =>
  `x();\n//# sourceMappingURL=data:application/json;base64,${Buffer.from(content).toString("base64")}\n`;

test("a bundle of what serves passes, also with names that only sound bad", async (t) => {
  const files = {
    "server.js": `const hint = "sourceMappingURL=data:";`,
    ".env.example": "A=",
    "certs/ca.pem": "-----BEGIN CERTIFICATE-----\n",
    "app.js.map": map([null, ""]),
    ".npmrc": "fund=false\n",
    "node_modules/tls/test/key.pem": key,
    "node_modules/lib/lib.js.map": map(["theirs"]),
    core: "not a dump",
  };
  const result = await resultOf(t, artifact, { files });
  assert.deepEqual(toldOf(result), []);
  assert.equal(result.status, "pass");
  assert.match(result.summary, /^8 files in the bundle, /);
  assert.match(result.evidence.inputsSha256, /^[0-9a-f]{64}$/);
});

for (const [path, content, rule] of [
  ["dist/cli.js.map", map(["const a = 1;"]), "source-map"],
  ["dist/sections.js.map", JSON.stringify({ version: 3, sections: [{ map: JSON.parse(map(["a"])) }] }), "source-map"],
  ["dist/inline.js", inline(map(["const a = 1;"])), "source-map"],
  [".env", "A=1", "env-file"],
  ["conf/.env.production", "A=1", "env-file"],
  ["id_ed25519", key, "private-key"],
  ["tls/server.key", key, "private-key"],
  ["tls/store.p12", "", "private-key"],
  [".netrc", "machine a", "credentials"],
  [".git/config", "[core]", "git-folder"],
  ["core.1234", "\x7fELF", "core-dump"],
] as const) {
  test(`${path} fails by ${rule}, unless it is allowed`, async (t) => {
    const files = { "server.js": "", [path]: content };
    const result = await resultOf(t, artifact, { files });
    assert.deepEqual([result.status, result.blocks, ...toldOf(result)], ["fail", true, `${path} ${rule}`]);
    assert.notEqual(result.findings[0]?.fix, "");
    const allowed = await resultOf(t, artifact, { files, checks: `{ artifact: { allow: ["${path}"] } }` });
    assert.equal(allowed.status, "pass");
    assert.match(allowed.summary, /1 allowed/);
    const waived = await resultOf(t, artifact, {
      files,
      checks: `{ waivers: [{ check: artifact, rule: ${rule}, reason: r, by: ann, until: 2099-01-01 }] }`,
    });
    assert.deepEqual([waived.status, waived.findings[0]?.waived?.by], ["pass", "ann"]);
  });
}

test("a dump, a cache and a broken map are told", async (t) => {
  const files = { "a.dump": "", "node_modules/.cache/x": "", "b.map": "{" };
  assert.deepEqual(toldOf(await resultOf(t, artifact, { files })), [
    "a.dump data",
    "b.map source-map",
    "node_modules/.cache/x cache",
  ]);
});

test("what is new since the last release is told: a folder, a kind of file, growth", async (t) => {
  const files = { "server.js": Buffer.alloc(3_000_000), "backup/a.tar": "" };
  const result = await resultOf(t, artifact, { files, previous: { files: [{ path: "server.js", bytes: 1_000_000 }] } });
  assert.deepEqual(toldOf(result), ["new-folder", "new-kind", "growth"]);
  assert.match(result.findings[2]?.message ?? "", /grew from 1\.0 MB to 3\.0 MB since b1/);
  assert.equal(result.status, "warn");
});

test("a bundle above the size that the manifest allows fails, and an empty one could not be checked", async (t) => {
  const checks = "{ artifact: { maxSize: 1KB } }";
  assert.deepEqual(toldOf(await resultOf(t, artifact, { files: { a: "a".repeat(1_001) }, checks })), ["size"]);
  assert.equal((await resultOf(t, artifact, {})).status, "error");
});
