import assert from "node:assert/strict";
import { test } from "node:test";
import { parseManifest } from "./parse-manifest.ts";

const sixLines = `version: 1
service: shop
run: { command: node server.js, health: /healthz }
environments:
  production: { routes: [{ host: shop.example.com }] }
`;
const line = (text: string) => sixLines + text;

function parsed(text: string) {
  const result = parseManifest(text, "belay.yml");
  assert.ok(result.ok, JSON.stringify(result));
  return result;
}

test("staging comes before production without a word, without routes if it likes, and the order can be written", () => {
  const after = (text: string) =>
    Object.entries(parsed(text).manifest.environments).map(([name, environment]) => `${name} after ${environment.after}`);
  assert.deepEqual(after(sixLines), ["production after null"]);
  assert.deepEqual(after(line("  staging: {}\n")), ["production after staging", "staging after null"]);
  const production = "production: { routes: [{ host: shop.example.com }], after: ";
  assert.deepEqual(after(line("  test: {}\n").replace("production: {", `${production}test } #`)), [
    "production after test",
    "test after null",
  ]);
  const none = line("  staging: { routes: [{ host: s.example.com }] }\n").replace("production: {", `${production}none } #`);
  assert.deepEqual(after(none), ["production after null", "staging after null"]);
});

for (const { text, at, message, fix } of [
  {
    text: sixLines.replace("{ routes: [{ host: shop.example.com }] }", "{}"),
    at: "5:15",
    message: /this key is missing/,
    fix: /routes: \[/,
  },
  {
    text: line("  test: { after: staging }\n"),
    at: "6:18",
    message: /test cannot come after staging: there is no such/,
    fix: /production/,
  },
  {
    text: line("  staging: { after: test }\n  test: {}\n"),
    at: "6:21",
    message: /production comes after staging, which itself comes after test/,
    fix: /none/,
  },
]) {
  test(`an order that cannot be is shown at ${at}: ${message.source}`, () => {
    const result = parseManifest(text, "belay.yml");
    assert.ok(!result.ok);
    const found = result.problems.find((problem) => message.test(problem.message));
    assert.ok(found, JSON.stringify(result.problems));
    assert.equal(`${found.line}:${found.column}`, at);
    assert.match(found.fix, fix);
  });
}
