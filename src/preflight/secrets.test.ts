import assert from "node:assert/strict";
import { test } from "node:test";
import { secretRules } from "./secret-rules.ts";
import { secrets } from "./secrets.ts";
import { resultOf, toldOf } from "./subject.fixture.ts";

/** Random characters that mean nothing, the same each time. Examples are put together here, so that no scanner finds one in this file. */
function noise(length: number, alphabet = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"): string {
  let state = 7;
  return Array.from({ length }, () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return alphabet[Math.floor(state / 65_536) % alphabet.length];
  }).join("");
}

const upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const examples: Readonly<Record<string, string>> = {
  "private-key": `-----BEGIN ${"OPENSSH PRIVATE"} KEY-----\n${noise(40)}`,
  "aws-access-key": `id = ${"AKIA"}${noise(16, upper)}`,
  "aws-secret-key": `aws_secret_access_key = ${noise(40)}`,
  "github-token": `${"ghp"}_${noise(36)}`,
  "gitlab-token": `${"glpat"}-${noise(20)}`,
  "slack-token": `${"xoxb"}-${noise(24)}`,
  "stripe-key": `${"sk_live"}_${noise(24)}`,
  "npm-token": `${"npm"}_${noise(36)}`,
  "npmrc-auth": `//registry.npmjs.org/:_authToken=${noise(20)}`,
  "anthropic-key": `${"sk-ant"}-api03-${noise(93)}`,
  "openai-key": `sk-proj-${noise(20)}${"T3Blbk"}FJ${noise(20)}`,
  "google-key": `${"AIza"}${noise(35)}`,
  "sendgrid-key": `${"SG"}.${noise(22)}.${noise(43)}`,
  "database-password": `postgres://app:${noise(12)}@db.prod.example.io/shop`,
  "url-password": `https://bot:${noise(12)}@git.corp.io/x`,
  jwt: `${"eyJ"}${noise(20)}.${"eyJ"}${noise(30)}.${noise(43)}`,
  assignment: `SESSION_SECRET="${noise(32)}"`,
};

test("there is an example for each rule", () => {
  assert.deepEqual(
    Object.keys(examples),
    secretRules.map(({ name }) => name),
  );
});

for (const { name, level } of secretRules) {
  const secret = examples[name] ?? "";
  test(`${name} is found with its place and never shown, in source and in bundle`, async (t) => {
    const files = { "src/config.js": `// é\nuse();  ${secret}\n` };
    for (const bundled of [() => true, () => false]) {
      const result = await resultOf(t, secrets, { files, bundled });
      assert.deepEqual(result.findings.map(({ rule, line }) => `${rule} ${line}`).slice(0, 1), [`${name} 2`]);
      assert.equal(result.status, level);
      assert.doesNotMatch(JSON.stringify(result), new RegExp(secret.slice(-12).replaceAll(/[^\w]/g, ".")));
      assert.match(result.findings[0]?.fix ?? "", /^Revoke it .* first/);
    }
    const waived = await resultOf(t, secrets, {
      files,
      checks: '{ waivers: [{ check: secrets, file: "src/**", reason: r, by: ann, until: 2099-01-01 }] }',
    });
    assert.equal(waived.status, "pass");
  });
}

test("placeholders, names, hashes and what others published are no secrets", async (t) => {
  const files = {
    "a.js": [
      `const token = "your-token-goes-here";`,
      `password: "changeme-changeme-1"`,
      `postgres://app:${"secret"}@localhost/db`,
      `postgres://user:$${"{PASSWORD}"}@prod.example.io/db`,
      `integrity: "sha512-${noise(86)}=="`,
      `stripe = "${"sk_live"}_${"x".repeat(24)}"`,
      `key = "${"AKIA"}IOSFODNN7EXAMPLE"`,
      `apiKey: "process.env.API_KEY_FOR_SHOP"`,
      `-----BEGIN ${"PRIVATE"} KEY-----`,
    ].join("\n"),
    "node_modules/x/test.js": examples["github-token"] ?? "",
  };
  const result = await resultOf(t, secrets, { files });
  assert.deepEqual(toldOf(result), []);
  assert.equal(result.evidence.inspected, 1);
});

test("a binary file is not searched, and that is said; with nothing searched it could not be checked", async (t) => {
  const files = { "a.bin": Buffer.from([0, 1, 2]), "b.txt": "x" };
  assert.equal((await resultOf(t, secrets, { files })).summary, "1 file searched, 1 binary ones not");
  assert.equal((await resultOf(t, secrets, { files: { "a.bin": files["a.bin"] } })).status, "error");
});

test("no text makes a search long", () => {
  const hostile = [
    `-----BEGIN PRIVATE KEY-----\n${"a: ".repeat(200)}!`,
    `_authToken ${"/".repeat(100_000)}`,
    `T3BlbkFJ ${"sk-".repeat(30_000)}`,
    "eyJ".repeat(30_000),
  ];
  for (const text of hostile) for (const { pattern } of secretRules) for (const _match of text.matchAll(pattern));
});
