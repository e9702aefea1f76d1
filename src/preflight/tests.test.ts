import assert from "node:assert/strict";
import { test } from "node:test";
import { resultOf, toldOf } from "./subject.fixture.ts";
import { countTests, tests } from "./tests.ts";

const node = process.execPath;

/** Node's own reporter writes the report, so that its form is the real one. */
function junit(file: string): string {
  return `{ tests: { run: "${node} --test --test-reporter=junit --test-reporter-destination=report.xml ${file}", junit: report.xml } }`;
}

const head = 'import { test } from "node:test";\n';

test("tests that pass, counted by the report of Node's test runner", async (t) => {
  const files = { "a.test.mjs": `${head}test("a", () => {}); test("b", () => {}); test.todo("c");` };
  const result = await resultOf(t, tests, { files, checks: junit("a.test.mjs") });
  assert.deepEqual([result.status, result.summary], ["pass", "2 tests"]);
});

test("a test that fails stops the release, unless it is waived", async (t) => {
  const files = { "a.test.mjs": `${head}test("a", () => { throw new Error("no"); });` };
  const result = await resultOf(t, tests, { files, checks: junit("a.test.mjs") });
  assert.deepEqual([result.status, ...toldOf(result)], ["fail", "failed"]);
  const waived = "{ tests: { run: exit 1 }, waivers: [{ check: tests, rule: failed, reason: r, by: ann, until: 2099-01-01 }] }";
  assert.equal((await resultOf(t, tests, { checks: waived })).status, "pass");
});

for (const [words, checks] of [
  ["all were skipped", junit("skipped.test.mjs")],
  ["the command is missing", "{ tests: { run: no-such-runner } }"],
  ["no report was written", "{ tests: { run: 'true', junit: report.xml } }"],
  ["the report is from before", "{ tests: { run: 'true', junit: old.xml } }"],
  ["it takes too long", "{ tests: { run: sleep 60, timeout: 100ms } }"],
] as const) {
  test(`where ${words} it could not be checked`, async (t) => {
    const files = {
      "skipped.test.mjs": `${head}test.skip("a", () => {});`,
      "old.xml": '<testsuites><testcase name="a"/></testsuites>',
    };
    const result = await resultOf(t, tests, { files, checks });
    assert.equal(result.status, "error", result.summary);
  });
}

test("cases are counted in reports of several writers; what is no report is none", () => {
  assert.deepEqual(
    countTests(
      '<testsuite tests="9"><testcase/><testcase name="b"><failure/></testcase><testcase><skipped/></testcase></testsuite>',
    ),
    { run: 2, failed: 1 },
  );
  assert.deepEqual(
    countTests("<testsuites><testcase name='a'><system-out><![CDATA[<failure/>]]></system-out></testcase></testsuites>"),
    { run: 1, failed: 0 },
  );
  assert.deepEqual(countTests("<testsuites/>"), { run: 0, failed: 0 });
  assert.equal(countTests("<html>"), null);
});
