import assert from "node:assert/strict";
import { test } from "node:test";
import { doubtsOf } from "../manifest/given-config.ts";
import { config } from "./config.ts";
import { resultOf, subjectOf, toldOf } from "./subject.fixture.ts";

const declared = `config:
  DATABASE_URL: { type: url, secret: true }
  REGION: { default: eu }
  NOTE: { required: false }
`;
const plain = (name: string) => ({ name, doubts: [], sameIn: [] });
const placeholder = { name: "DATABASE_URL", doubts: ["placeholder"], sameIn: [] } as const;

test("values that nobody doubts are a pass that says how many were looked at", async (t) => {
  const result = await resultOf(t, config, { more: declared, config: { values: [plain("DATABASE_URL"), plain("REGION")] } });
  assert.equal(result.status, "pass", JSON.stringify(result));
  assert.equal(result.summary, "3 variables");
});

test("nothing declared and nothing read is nothing to check; unknown values could not be checked", async (t) => {
  assert.equal(
    (await resultOf(t, config, { files: { "server.js": "listen(process.env.PORT, process.env.HOST)" } })).status,
    "skipped",
  );
  const unknown = await resultOf(t, config, { more: declared });
  assert.deepEqual([unknown.status, unknown.blocks], ["error", true]);
  assert.equal((await resultOf(t, config, { more: declared, environment: "staging" })).blocks, false);
});

test("a placeholder stops a release in production and is told in staging; a waiver accepts it", async (t) => {
  const values = [placeholder, plain("REGION")];
  const result = await resultOf(t, config, { more: declared, config: { values } });
  assert.deepEqual([result.status, toldOf(result)], ["fail", ["placeholder"]]);
  assert.match(result.findings[0]?.fix ?? "", /belay secret set DATABASE_URL --service shop --environment production/);
  const staged = await resultOf(t, config, { more: declared, environment: "staging", config: { values } });
  assert.deepEqual([staged.status, staged.blocks], ["warn", false]);
  const checks = "{ waivers: [{ check: config, rule: placeholder, reason: the shop is closed, by: ann, until: 2099-12-31 }] }";
  const waived = await resultOf(t, config, { more: declared, checks, config: { values } });
  assert.deepEqual([waived.status, waived.summary], ["pass", "3 variables, 1 waived"]);
});

test("an address of the machine itself is wrong in production alone, a literal one with its file", async (t) => {
  const values = [{ name: "REGION", doubts: ["this-machine"], sameIn: [] } as const];
  assert.deepEqual(toldOf(await resultOf(t, config, { more: declared, config: { values } })), ["belay.yml this-machine"]);
  assert.deepEqual(toldOf(await resultOf(t, config, { more: declared, environment: "staging", config: { values } })), []);
});

test("a secret that another environment has too stops production, unless belay.yml says that it is meant", async (t) => {
  const values = [{ name: "DATABASE_URL", doubts: [], sameIn: [{ environment: "staging", name: "DB_URL" }] }];
  const result = await resultOf(t, config, { more: declared, config: { values } });
  assert.equal(result.status, "fail");
  assert.equal(result.findings[0]?.message, "the secret DATABASE_URL has the same value as in staging (DB_URL)");
  const elsewhere = values.map((value) => ({ ...value, sameIn: [{ environment: "qa", name: "DATABASE_URL" }] }));
  assert.equal(
    (await resultOf(t, config, { more: declared, environment: "staging", config: { values: elsewhere } })).status,
    "warn",
  );
  const meant = declared.replace("secret: true", "secret: true, differs: false");
  assert.equal((await resultOf(t, config, { more: meant, config: { values } })).status, "pass");
});

test("what one environment has and the other has not is told, and so is a name with a typing error", async (t) => {
  const staged = "config: { REGION: {}, NOTE: { required: false } }\n";
  const given = { values: [plain("REGION")], missing: [{ name: "NOTE", near: "NOTTE" }], elsewhere: { staging: ["NOTE"] } };
  const result = await resultOf(t, config, { more: `${staged.replace("REGION: {}", "REGION: { default: eu }")}`, config: given });
  assert.deepEqual(
    result.findings.map(({ rule, message }) => [rule, message]),
    [
      ["near-miss", "NOTE has no value for production here; NOTTE is set and nothing asks for it"],
      ["drift", "NOTE has a value in staging and none in production"],
      ["drift", "REGION has a value in production and none in staging, where the release was tried"],
    ],
  );
  assert.equal(result.status, "warn");
  const nowhere = { values: [plain("REGION")], missing: [{ name: "NOTE", near: null }], elsewhere: { staging: ["REGION"] } };
  assert.equal((await resultOf(t, config, { more: staged.replace("{}", "{ default: eu }"), config: nowhere })).status, "pass");
});

test("code that reads what is not declared is told with its place and the name that was meant", async (t) => {
  const files = {
    "server.js":
      'const url = process.env.DATABSE_URL;\nconst key = process.env["API_KEY"];\nconst { REGION, FLAVOUR = "x", HUE } = process.env;\n',
    "app/main.py":
      'import os\nurl = os.environ["DATABASE_URL"]\nport = os.environ["PORT"]\ntoken = os.getenv("TOKEN")\nlevel = os.environ.get("LEVEL", "info")\n',
    "lib/quiet.ts":
      "process.env.TEST_MODE = '1'; const level = process.env.LOG_LEVEL ?? 'info'; const env = process.env.NODE_ENV; if (process.env.SIMD === '1') fast();",
    "test/server.test.js": "process.env.ONLY_IN_TESTS",
    "node_modules/x/index.js": "process.env.OF_OTHERS",
  };
  const result = await resultOf(t, config, { more: declared, files, config: { values: [plain("DATABASE_URL")] } });
  assert.deepEqual(toldOf(result), [
    "app/main.py:4:9 undeclared",
    "server.js:1:13 undeclared",
    "server.js:2:13 undeclared",
    "server.js:3:7 undeclared",
  ]);
  assert.equal(result.findings[1]?.fix, "Did you mean DATABASE_URL?");
  assert.match(result.findings[3]?.message ?? "", /reads HUE/);
  assert.equal(result.status, "warn");
});

test("the evidence holds no hash of a value", async (t) => {
  const subject = await subjectOf(t, { more: declared, config: { values: [plain("DATABASE_URL")] } });
  const seen = JSON.stringify(subject.given);
  assert.deepEqual(Object.keys(JSON.parse(seen).values[0]), ["name", "doubts", "sameIn"]);
});

const any = { isLocal: false, isSecret: false, oneOf: null };

for (const value of [
  "changeme",
  "CHANGE_ME",
  "todo",
  "xxxx",
  "your-api-key-here",
  "<your key>",
  "sk_live_xxxxxxxxxxxx",
  "postgres://shop:changeme@db/shop",
  "***",
  "replace_me",
])
  test(`${value} is a placeholder`, () => assert.deepEqual(doubtsOf("KEY", any, value), ["placeholder"]));

for (const value of ["$DATABASE_URL", "$" + "{API_KEY}", "{{ api_key }}", "https://$" + "{HOST}/x", "%API_KEY%"])
  test(`${value} is not filled in`, () => assert.deepEqual(doubtsOf("KEY", any, value), ["unexpanded"]));

for (const value of [
  "http://localhost:3000",
  "redis://127.0.0.1",
  "postgres://u:p@localhost/x",
  "http://[::1]:80/",
  "localhost:5432",
  "http://api.localhost/",
  "http://0.0.0.0",
])
  test(`${value} is this machine`, () => assert.deepEqual(doubtsOf("KEY", any, value), ["this-machine"]));

for (const value of [
  "postgres://shop:hunter22@db/shop",
  "eu",
  "https://shop.test-lab.io/",
  "p$ssw0rd!x",
  "exchange",
  "the-todo-list",
  "3.5",
  "https://localhost.run/",
  "sk_live_9fQ",
  "mysecretary",
])
  test(`${value} is nothing to doubt`, () => assert.deepEqual(doubtsOf("KEY", any, value), []));

test("a word that says something in the open is a placeholder for a secret alone", () => {
  for (const value of ["none", "Password", "null", "secret"]) {
    assert.deepEqual(doubtsOf("SAMESITE", any, value), []);
    assert.deepEqual(doubtsOf("KEY", { ...any, isSecret: true }, value), ["placeholder"]);
  }
});

test("an address of the machine is meant where the variable says so, names what to listen on, or lists its values", () => {
  const value = "http://localhost:3000";
  assert.deepEqual(doubtsOf("KEY", { ...any, isLocal: true }, value), []);
  assert.deepEqual(doubtsOf("BIND_ADDRESS", any, "127.0.0.1:9000"), []);
  assert.deepEqual(doubtsOf("KEY", { ...any, oneOf: [value] }, value), []);
  assert.deepEqual(doubtsOf("KEY", any, "https://api.example.com/v1"), ["reserved-host"]);
});
