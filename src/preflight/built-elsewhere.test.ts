import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { CheckResult } from "../rollout/check-result.ts";
import { checksOf } from "./all-checks.ts";
import type { Check } from "./check.ts";
import { runChecks } from "./run-checks.ts";
import { type Given, resultOf, subjectOf } from "./subject.fixture.ts";

/** One check of each kind that runs commands, or reads what one has written. */
const spec = (policy = "{}", waivers = "[]") => `{
  tests: { run: "exit 1" },
  audit: { failOn: high },
  custom: [{ name: own, run: "exit 1" }],
  scanners: [{ name: bandit, run: "exit 1", format: bandit }, { name: sent, report: sent.sarif, format: sarif }],
  policy: ${policy}, waivers: ${waivers} }`;
const files = { "package-lock.json": "{}", "sent.sarif": "{}" };
const names = ["tests", "audit", "own", "bandit", "sent"];

async function resultsOf(t: TestContext, given: Given): Promise<Readonly<Record<string, CheckResult>>> {
  const subject = await subjectOf(t, { files, ...given });
  const checks = checksOf(subject.manifest.checks);
  const results = await runChecks(checks, { subject, signal: new AbortController().signal, version: "0" });
  return Object.fromEntries(results.map((result) => [result.check, result]));
}

function earlier(own: Partial<CheckResult> = {}): NonNullable<Given["earlier"]> {
  const evidence = { inspected: 3, tool: "t", toolVersion: "1", inputsSha256: "a", durationMs: 70 };
  const result = { status: "pass", blocks: false, summary: "3 tests", findings: [], findingCount: 0, evidence, ...own } as const;
  return { environment: "staging", results: names.map((check) => ({ ...result, check })) };
}

const bad = { rule: "rotten", level: "fail", message: "it smells", fix: "Throw it away." } as const;

test("of a bundle that was sent, checks with commands are skipped and say where they run", async (t) => {
  const results = await resultsOf(t, { checks: spec(), isWithoutSource: true });
  for (const name of names) {
    assert.deepEqual([results[name]?.status, results[name]?.blocks], ["skipped", false], name);
    assert.match(results[name]?.summary ?? "", /runs where the bundle is built/, name);
  }
});

test("of a bundle that was built for staging, checks with commands are those of staging, with their evidence", async (t) => {
  const results = await resultsOf(t, { checks: spec(), isBuiltElsewhere: true, earlier: earlier() });
  for (const name of names) {
    assert.deepEqual([results[name]?.status, results[name]?.blocks], ["pass", false], name);
    assert.equal(results[name]?.summary, "3 tests (seen in staging, where it was built)");
    assert.equal(results[name]?.evidence.durationMs, 70);
  }
});

test("checks that only read files look again, at this environment's own release before", async (t) => {
  const given = { checks: "{}", isBuiltElsewhere: true, earlier: { environment: "staging", results: [] } };
  const migration = { "migrations/1.sql": "DROP TABLE orders;\n" };
  const results = await resultsOf(t, { ...given, checks: '{ migrations: ["migrations/*.sql"] }', files: migration });
  assert.deepEqual([results["migrations"]?.status, results["migrations"]?.blocks], ["fail", true]);
});

test("what staging let pass is judged anew: its errors, and waivers that have ended since", async (t) => {
  const unchecked = { ...bad, rule: "unchecked" };
  const failed = { status: "error", findings: [unchecked], findingCount: 1 } as const;
  const strict = await resultsOf(t, { checks: spec(), isBuiltElsewhere: true, earlier: earlier(failed) });
  assert.deepEqual([strict["tests"]?.status, strict["tests"]?.blocks], ["error", true]);

  const waived = { ...bad, waived: { reason: "r", by: "ann", until: "2026-03-01" } };
  const given = {
    checks: spec("{}", "[{ check: own, reason: r, by: ann, until: 2026-03-01 }]"),
    isBuiltElsewhere: true,
    earlier: earlier({ findings: [waived], findingCount: 1 }),
  };
  const still = await resultsOf(t, { ...given, now: "2026-03-01T12:00:00Z" });
  assert.deepEqual([still["own"]?.status, still["own"]?.blocks, still["waivers"]?.status], ["pass", false, "pass"]);
  const ended = await resultsOf(t, { ...given, now: "2026-03-02T12:00:00Z" });
  assert.deepEqual([ended["own"]?.status, ended["own"]?.blocks], ["fail", true]);
});

test("findings that the entry of staging does not hold keep their weight", async (t) => {
  const cut = earlier({ status: "fail", findings: [{ ...bad, rule: "first" }], findingCount: 2 });
  const checks = spec("{}", "[{ check: own, rule: first, reason: r, by: ann, until: 2099-01-01 }]");
  const results = await resultsOf(t, { checks, isBuiltElsewhere: true, earlier: cut });
  assert.deepEqual([results["own"]?.status, results["own"]?.blocks], ["fail", true]);
});

test("what did not run in staging could not be checked, and the policy is what mends it", async (t) => {
  const given = { checks: spec(), isBuiltElsewhere: true, earlier: { environment: "staging", results: [] } };
  const results = await resultsOf(t, given);
  assert.deepEqual([results["tests"]?.status, results["tests"]?.blocks], ["error", true]);
  assert.match(results["tests"]?.findings[0]?.fix ?? "", /Let checks\.policy have it run in staging too/);
});

test("a check that was skipped in staging is skipped", async (t) => {
  const own: Check = checksOf((await subjectOf(t, { checks: spec() })).manifest.checks).find(
    ({ name }) => name === "own",
  ) as Check;
  const result = await resultOf(t, own, { isBuiltElsewhere: true, earlier: earlier({ status: "skipped" }) });
  assert.equal(result.status, "skipped");
});
