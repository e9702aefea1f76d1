import assert from "node:assert/strict";
import { test } from "node:test";
import { parity } from "./parity.ts";
import { type Given, resultOf, toldOf } from "./subject.fixture.ts";

const lock = (packages: Record<string, object>) => JSON.stringify({ lockfileVersion: 3, packages: { "": {}, ...packages } });
const files = (engines: string, more: NonNullable<Given["files"]> = {}) => ({
  "package.json": JSON.stringify({ engines: { node: engines } }),
  ...more,
});

test("what asks for the Node that runs is fine, and another one is told with both versions", async (t) => {
  const same = await resultOf(t, parity, { files: files(">=24", { ".nvmrc": "v26\n", ".tool-versions": "nodejs 26.10.0\n" }) });
  assert.deepEqual([same.status, same.evidence.inspected], ["pass", 3]);
  const other = await resultOf(t, parity, { files: files("^20", { ".node-version": "22.1.0" }) });
  assert.deepEqual([other.status, other.blocks, ...toldOf(other)], ["warn", false, ".node-version node", "package.json node"]);
  assert.equal(other.findings[1]?.message, "package.json asks for Node ^20, and here it is 26.10.0");
});

test("what cannot be compared is said, and no pass", async (t) => {
  const nothing = await resultOf(t, parity, { files: { "server.js": "" }, environment: "staging" });
  assert.deepEqual([nothing.status, nothing.summary], ["skipped", "there is nothing to compare"]);
  const alias = await resultOf(t, parity, { files: { ".nvmrc": "lts/*" }, environment: "staging" });
  assert.equal(alias.status, "skipped");
  assert.match(alias.summary, /whether Node 26\.10\.0 is what \.nvmrc calls "lts\/\*"/);
  const partly = await resultOf(t, parity, {
    files: files("*", { "package-lock.json": lock({}), "node_modules/a/index.js": "" }),
  });
  assert.equal(partly.status, "pass");
  assert.match(partly.summary, /not known: what is installed: npm left no list in node_modules; what staging serves/);
});

test("packages of the lockfile that are others in the bundle, or missing, are named; those for development may be missing", async (t) => {
  const locked = lock({
    "node_modules/a": { version: "1.0.0" },
    "node_modules/b": { version: "2.0.0" },
    "node_modules/b/node_modules/c": { version: "3.0.0" },
    "node_modules/tool": { version: "4.0.0", dev: true },
  });
  const installed = lock({ "node_modules/a": { version: "1.0.0" }, "node_modules/b": { version: "2.1.0" } });
  const given = { files: { "package-lock.json": locked, "node_modules/.package-lock.json": installed }, environment: "staging" };
  const result = await resultOf(t, parity, given);
  assert.deepEqual(
    [result.status, ...result.findings.map(({ message }) => message)],
    ["warn", "of the lockfile, b 2.0.0 is installed as 2.1.0", "of the lockfile, c 3.0.0 is not installed"],
  );
});

test("another commit than staging's is told in production, not the other way, and can be waived", async (t) => {
  const serving = (environment: string, commit: string) => [{ environment, release: "r1", commit: commit.repeat(40) }];
  assert.equal((await resultOf(t, parity, { serving: serving("staging", "c") })).status, "pass");
  const other = await resultOf(t, parity, { serving: serving("staging", "d") });
  assert.deepEqual([other.status, ...toldOf(other)], ["warn", "other-commit"]);
  assert.match(
    other.findings[0]?.message ?? "",
    /^staging serves r1 of commit dddddddddddd, and this release is of cccccccccccc$/,
  );
  assert.equal((await resultOf(t, parity, { environment: "staging", serving: serving("production", "d") })).status, "skipped");
  const checks = "{ waivers: [{ check: parity, rule: other-commit, reason: a fix, by: ann, until: 2099-01-01 }] }";
  assert.equal((await resultOf(t, parity, { checks, serving: serving("staging", "d") })).status, "pass");
});
