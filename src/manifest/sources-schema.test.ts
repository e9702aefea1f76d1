import assert from "node:assert/strict";
import { test } from "node:test";
import { parseManifest } from "./parse-manifest.ts";

const head = `version: 1
service: shop
run: { command: node server.js }
environments:
  production: { routes: [{ host: shop.example.com }] }
`;

function read(source: string, name = "payments") {
  return parseManifest(`${head}sources:\n  ${name}: ${source}\n`, "belay.yml");
}

const good = `prometheus: "http://127.0.0.1:9090", bad: 'failed_total{release="{{release}}"}', of: 'all_total{release="{{ release }}"}'`;

test("a source is in the plan with every default, and its failure is only told", () => {
  const parsed = read(`{ ${good} }`);
  assert.ok(parsed.ok);
  assert.deepEqual(parsed.manifest.plan.sources, [
    {
      name: "payments",
      prometheus: "http://127.0.0.1:9090",
      bad: 'failed_total{release="{{release}}"}',
      of: 'all_total{release="{{ release }}"}',
      everyMs: 15_000,
      timeoutMs: 5_000,
      isRequired: false,
    },
  ]);
  assert.deepEqual(parsed.manifest.plan.onFail, { "source:payments": "notify" });
});

test("what is said of it is kept beside what is said of other metrics", () => {
  const parsed = parseManifest(
    `${head}rollout: { onFail: { latency: hold } }
sources:
  payments: { ${good}, every: 1s, timeout: 500ms, token: PROMETHEUS_TOKEN, onFail: rollback, required: true }
`,
    "belay.yml",
  );
  assert.ok(parsed.ok);
  const [source] = parsed.manifest.plan.sources ?? [];
  assert.deepEqual(
    [source?.everyMs, source?.timeoutMs, source?.token, source?.isRequired],
    [1_000, 500, "PROMETHEUS_TOKEN", true],
  );
  assert.deepEqual(parsed.manifest.plan.onFail, { latency: "hold", "source:payments": "rollback" });
});

test("a password in an address, a question without a release and a placeholder that nobody fills in are refused", () => {
  for (const written of [
    `{ ${good.replace("127.0.0.1", "user:secret@127.0.0.1")} }`,
    `{ ${good.replace("9090", "9090/?token=secret")} }`,
    `{ ${good.replace("http:", "file:")} }`,
    `{ ${good.replace("{{release}}", "x")} }`,
    `{ ${good.replace("{{ release }}", "{{release}}-{{instance}}")} }`,
    `{ ${good}, every: 100ms }`,
    `{ ${good}, token: "a secret" }`,
  ]) {
    const parsed = read(written);
    assert.ok(!parsed.ok, written);
    assert.match(parsed.problems[0]?.path ?? "", /^sources\.payments/);
  }
  const named = read(`{ ${good} }`, "Payments!");
  assert.ok(!named.ok);
  assert.match(named.problems[0]?.fix ?? "", /such as payments/);
});
