import assert from "node:assert/strict";
import { test } from "node:test";
import { problemOfValue } from "./config-contract.ts";
import { parseManifest } from "./parse-manifest.ts";

const base = `version: 1
service: shop
run: { command: node server.js }
environments:
  production:
    routes: [{ host: shop.example.com }]
    config: { REGION: { value: eu }, TIMEOUT_MS: { from: env } }
config:
  DATABASE_URL: { type: url, secret: true, differs: true }
  REGION: { enum: [eu, us] }
  TIMEOUT_MS: { type: int, min: 100, max: 10000 }
  DEBUG: { type: bool, default: false }
  NOTE: { required: false }
`;

function problems(text: string): readonly string[] {
  const parsed = parseManifest(text, "belay.yml");
  return parsed.ok
    ? []
    : parsed.problems.map(({ line, column, path, message, fix }) => `${line}:${column} ${path}: ${message} | ${fix}`);
}

test("a contract and its sources are read with their defaults", () => {
  const parsed = parseManifest(base, "belay.yml");
  assert.ok(parsed.ok);
  const { config, environments } = parsed.manifest;
  assert.deepEqual(config["DATABASE_URL"], {
    type: "url",
    isRequired: true,
    isSecret: true,
    differs: true,
    isLocal: false,
    oneOf: null,
    pattern: null,
    min: null,
    max: null,
    fallback: null,
  });
  assert.equal(config["DEBUG"]?.fallback, "false");
  assert.deepEqual(environments["production"]?.config, { REGION: { kind: "value", value: "eu" }, TIMEOUT_MS: { kind: "env" } });
});

const cases: readonly (readonly [change: (text: string) => string, problem: RegExp])[] = [
  [
    (text) => text.replace("REGION: { value", "REGOIN: { value"),
    /7:15 environments.production.config.REGOIN: .*not declared.*Did you mean REGION\?/,
  ],
  [(text) => text.replace("REGION: { value: eu }, ", ""), /5:3 .*REGION has no source here and no default/],
  [(text) => text.replace("value: eu", "value: mars"), /the value is none of eu, us/],
  [
    (text) =>
      text
        .replace("enum: [eu, us]", "differs: true")
        .replace("environments:\n", "environments:\n  qa: { config: { REGION: { value: eu }, TIMEOUT_MS: { value: 200 } } }\n"),
    /8:15 environments.production.config.REGION: it is the same as in qa, and config.REGION says that it differs/,
  ],
  [(text) => text.replace("value: eu", "value: eu, from: env"), /more than one source/],
  [(text) => text.replace("value: eu", ""), /no source/],
  [(text) => text.replace("default: false", "default: maybe"), /the default is neither true nor false/],
  [(text) => text.replace("differs: true", "default: hunter22"), /a secret has no default/],
  [
    (text) => text.replace("REGION: { value", "DATABASE_URL: { value: x }, REGION: { value"),
    /a secret must not stand in this file/,
  ],
  [(text) => text.replace("NOTE:", "BELAY_NOTE:"), /belongs to Belay/],
  [(text) => text.replace("NOTE:", "NO-TE:"), /cannot be the name of a variable.*DATABASE_URL/],
  [(text) => text.replace("type: bool", "type: boolean"), /found "boolean" where string, int, number, bool or url is expected/],
  [(text) => text.replace("required: false", "pattern: '('"), /not a regular expression/],
];

for (const [change, expected] of cases) {
  test(`the manifest is refused that fits ${expected}`, () => {
    const found = problems(change(base));
    assert.ok(
      found.some((problem) => expected.test(problem)),
      found.join("\n"),
    );
  });
}

test("each type says what does not fit, and never the value", () => {
  const variable = {
    isRequired: true,
    isSecret: true,
    differs: null,
    isLocal: false,
    oneOf: null,
    pattern: null,
    min: 2,
    max: 5,
    fallback: null,
  };
  const problem = (type: "string" | "int" | "number" | "bool" | "url", value: string) =>
    problemOfValue({ ...variable, type }, value);
  assert.equal(problem("int", "3"), undefined);
  assert.equal(problem("int", "3.5"), "is no whole number");
  assert.equal(problem("int", "7"), "is too large: at most 5");
  assert.equal(problem("number", "2.5"), undefined);
  assert.equal(problem("number", "1e3"), "is no number");
  assert.equal(problem("bool", "yes"), "is neither true nor false");
  assert.equal(problem("url", "localhost:80"), "is no URL");
  assert.equal(problem("string", ""), "is empty");
  assert.equal(problem("string", "abcdef"), "is too long: at most 5 characters");
  assert.equal(problem("string", "a\0b"), "has a NUL byte, which no environment can hold");
});
