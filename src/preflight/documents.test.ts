import assert from "node:assert/strict";
import { test } from "node:test";
import { changelog } from "./changelog.ts";
import { rollback } from "./rollback.ts";
import { runbook } from "./runbook.ts";
import { resultOf, toldOf } from "./subject.fixture.ts";
import { compareVersions } from "./version.ts";

const waiverOf = (check: string) => `waivers: [{ check: ${check}, reason: r, by: ann, until: 2099-01-01 }]`;

const book = `# Shop at night
## Rolling back
\`\`\`sh
# TODO is a comment of the script here
belay rollback shop
\`\`\`
## Alerts
See [the dashboard](../docs/board.md#top) and [the web](https://example.com/x).
## Who is on call
## Dashboards and logs
`;
const runbookAt = "{ runbook: docs/runbook.md }";

test("a runbook that says what is needed at night passes", async (t) => {
  const result = await resultOf(t, runbook, { checks: runbookAt, files: { "docs/runbook.md": book, "docs/board.md": "" } });
  assert.deepEqual([result.status, ...toldOf(result)], ["pass"]);
  assert.equal(result.evidence.inspected, 5);
});

test("missing sections, open ends and dead links stop the release, unless they are waived", async (t) => {
  const files = { "docs/runbook.md": book.replace("## Alerts", "TBD") };
  const result = await resultOf(t, runbook, { checks: runbookAt, files });
  assert.deepEqual(toldOf(result), ["docs/runbook.md section", "docs/runbook.md:7 open-end", "docs/runbook.md:8 dead-link"]);
  assert.equal(result.status, "fail");
  assert.equal(
    (await resultOf(t, runbook, { checks: `{ runbook: docs/runbook.md, ${waiverOf("runbook")} }`, files })).status,
    "pass",
  );
});

test("a runbook that is not there, or empty, could not be checked; without its name there is nothing to check", async (t) => {
  assert.equal((await resultOf(t, runbook, { checks: runbookAt })).status, "error");
  assert.equal((await resultOf(t, runbook, {})).status, "skipped");
});

const logAt = "{ changelog: CHANGELOG.md }";
const at = (version: string, log: string) => ({ "package.json": JSON.stringify({ version }), "CHANGELOG.md": log });

test("a raised version with words about it passes", async (t) => {
  const previous = { sources: { "package.json": '{ "version": "1.4.9" }' } };
  for (const heading of ["## 1.4.10", "## [1.4.10] - 2026-01-02", "# v1.4.10 (2026-01-02)"]) {
    const result = await resultOf(t, changelog, {
      checks: logAt,
      files: at("1.4.10", `# Changes\n${heading}\n### Fixed\n- a bug\n## 1.4.9\n`),
      previous,
    });
    assert.deepEqual([result.status, ...toldOf(result)], ["pass"], heading);
  }
});

for (const [words, files, told] of [
  ["no heading has the version", at("1.5.0", "# Changes\n## 1.5.0-rc.1\n- x\n## 11.5.0\n- x\n"), ["CHANGELOG.md no-entry"]],
  ["nothing stands below it", at("1.5.0", "# Changes\n## 1.5.0\n### Fixed\n\n## 1.4.0\n- x\n"), ["CHANGELOG.md:2 empty-entry"]],
  ["the version was not raised", at("1.4.0", "## 1.4.0\n- x\n"), ["package.json not-raised"]],
] as const) {
  test(`it fails when ${words}, unless it is waived`, async (t) => {
    const previous = { sources: { VERSION: "1.4.0\n" } };
    const result = await resultOf(t, changelog, { checks: logAt, files, previous });
    assert.deepEqual([result.status, ...toldOf(result)], ["fail", ...told]);
    assert.equal(
      (await resultOf(t, changelog, { checks: `{ changelog: CHANGELOG.md, ${waiverOf("changelog")} }`, files, previous })).status,
      "pass",
    );
  });
}

test("without a version or a changelog it could not be checked", async (t) => {
  assert.equal(
    (await resultOf(t, changelog, { checks: logAt, files: { "CHANGELOG.md": "x", "package.json": "{}" } })).status,
    "error",
  );
  assert.equal((await resultOf(t, changelog, { checks: logAt })).status, "error");
});

test("versions are in the order of semver.org", () => {
  const order = [
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.2.0",
    "1.10.0",
    "2.0.0",
  ];
  for (const [index, version] of order.entries())
    for (const [other, text] of order.entries())
      assert.equal(Math.sign(compareVersions(version, text)), Math.sign(index - other), `${version} ${text}`);
});

test("the way back is there with its command, or the release stops; at the first one there is none", async (t) => {
  const ready = await resultOf(t, rollback, { previous: { files: [{ path: "server.js", bytes: 3 }] } });
  assert.equal(ready.status, "pass");
  assert.match(ready.summary, /`belay rollback shop --to b1`, 1 files/);
  const gone = await resultOf(t, rollback, { previous: { files: null } });
  assert.deepEqual([gone.status, ...toldOf(gone)], ["fail", "bundle-gone"]);
  assert.equal(
    (await resultOf(t, rollback, { previous: { files: null }, checks: `{ ${waiverOf("rollback")} }` })).status,
    "pass",
  );
  assert.equal((await resultOf(t, rollback, {})).status, "skipped");
});
