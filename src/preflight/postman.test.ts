import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { postman } from "./postman.ts";
import { runChecks } from "./run-checks.ts";
import { type Given, resultOf, subjectOf } from "./subject.fixture.ts";

/*
 * The recordings are the whole reports of newman 6.2.2 (npm), run on Node 26 against a small server of two pets: three requests of
 * one collection, of which one assertion fails and one request finds nobody; and the first two of them as they should be.
 * `npm run bench:newman` makes newman write such reports anew, and holds the check against them.
 */
const recordings = join(import.meta.dirname, "recordings");
const failing = readFileSync(join(recordings, "newman-6.2.2-failing.json"), "utf8");
const passing = readFileSync(join(recordings, "newman-6.2.2-passing.json"), "utf8");

/** A runner, which finds a report that it may have written. */
function given(run: string, own: { readonly report?: string; readonly more?: string } = {}): Given {
  const { report = "", more = "" } = own;
  const checks = `{ api: { postman: { run: ${JSON.stringify(run)}, timeout: 60s } }${more} }`;
  return { checks, files: { "written.json": report }, running: 4711, environment: "staging" };
}

const write = 'cp written.json "$BELAY_REPORT"';

test("a collection whose assertions hold passes", async (t) => {
  const result = await resultOf(t, postman, given(write, { report: passing }));
  assert.deepEqual([result.status, result.summary], ["pass", "3 assertions, 2 requests of Pets"]);
});

test("assertions that fail and requests without an answer are findings, with the request's name", async (t) => {
  const result = await resultOf(t, postman, given(`${write}; exit 1`, { report: failing }));
  assert.deepEqual([result.status, result.blocks], ["fail", true]);
  assert.deepEqual(
    result.findings.map(({ rule, message }) => [rule, message]),
    [
      ["assertion", "reading / all pets: has two: expected 1 to equal 2"],
      ["request", "nobody there: connect ECONNREFUSED 127.0.0.1:9"],
    ],
  );
  const suppressed = await resultOf(t, postman, given(write, { report: failing }));
  assert.equal(suppressed.status, "fail", "an exit code of 0 makes none of it good");
});

test("the command gets the instance's address, and its report is gone afterwards", async (t) => {
  const subject = await subjectOf(t, given(`test "$BELAY_BASE_URL" = http://127.0.0.1:4711 && ${write}`, { report: passing }));
  const [result] = await runChecks([postman], { subject, signal: new AbortController().signal, version: "0" });
  assert.equal(result?.status, "pass", JSON.stringify(result));
  assert.ok(!existsSync(join(subject.running?.scratch ?? "", "postman-report.json")));
});

for (const [what, run, report, words] of [
  ["is not installed", "no-such-runner run x", "", /exit code 127 and wrote no report/],
  ["writes no report", "exit 0", "", /exit code 0 and wrote no report/],
  ["writes nonsense", write, "<html>", /no JSON report of newman/],
  ["writes other JSON", write, '{"run":{"stats":{},"failures":{}}}', /no JSON report of newman/],
  ["asserts nothing", write, passing.replace(/"assertions": \{\s*"total": 3/, '"assertions": { "total": 0'), /0 assertions/],
  [
    "breaks half way",
    write,
    passing.replace(/("failures": \[\])[^}]*\}/, '$1, "error": { "message": "out of memory" } }'),
    /out of memory/,
  ],
  ["takes too long", "sleep 60", "", /not done after 0\.2 s/],
] as const) {
  test(`a runner that ${what} is an error, which stops production and is told in staging`, async (t) => {
    const own = given(run, { report });
    const checks = String(own.checks).replace("60s", run.startsWith("sleep") ? "200ms" : "60s");
    const result = await resultOf(t, postman, { ...own, checks });
    assert.deepEqual([result.status, result.blocks], ["error", false], JSON.stringify(result.findings));
    assert.match(result.findings[0]?.message ?? "", words);
  });
}

test("a runner that ends badly without a failure in its report fails", async (t) => {
  const result = await resultOf(t, postman, given(`${write}; exit 3`, { report: passing }));
  assert.deepEqual(
    result.findings.map(({ rule, message }) => [rule, message]),
    [["exit-code", "the runner ended with exit code 3, although its report has no failure"]],
  );
});

test("a waived assertion is shown as waived", async (t) => {
  const more = ", waivers: [{ check: postman, reason: a test of tomorrow, by: ann, until: 2099-12-31 }]";
  const result = await resultOf(t, postman, given(`${write}; exit 1`, { report: failing, more }));
  assert.deepEqual([result.status, result.blocks, result.findings[0]?.waived?.by], ["pass", false, "ann"]);
});
