import assert from "node:assert/strict";
import { test } from "node:test";
import { missing } from "../../scripts/setup-debian.ts";
import { runChecks } from "./run-checks.ts";
import { scannerCheck } from "./scanners.ts";
import { resultOf, subjectOf, toldOf } from "./subject.fixture.ts";
import { toSarif } from "./to-sarif.ts";

// Sources of the forms: Bandit's is the output of Bandit 1.6.2 of Debian 12, which also runs here where it is installed. The SARIF documents
// are made by hand in the shapes that Semgrep, Trivy, CodeQL and gitleaks document.

function scanner(changes: Partial<Parameters<typeof scannerCheck>[0]> = {}) {
  return scannerCheck({
    name: "scan",
    run: "cat scan.json",
    timeoutMs: 30_000,
    format: "sarif",
    report: null,
    failOn: "high",
    ...changes,
  });
}

function sarif(...runs: readonly object[]): string {
  return JSON.stringify({ version: "2.1.0", runs });
}

const semgrep = {
  tool: {
    driver: {
      name: "Semgrep",
      semanticVersion: "1.90.0",
      rules: [{ id: "js.eval", helpUri: "https://semgrep.dev/r/js.eval", defaultConfiguration: { level: "error" } }],
    },
  },
  results: [
    {
      ruleId: "js.eval",
      message: { text: "eval" },
      locations: [
        { physicalLocation: { artifactLocation: { uri: "src/a%20b.js", uriBaseId: "%SRCROOT%" }, region: { startLine: 3 } } },
      ],
    },
    { ruleId: "js.eval", message: { text: "known" }, suppressions: [{ kind: "inSource" }] },
    { ruleId: "js.eval", message: { text: "not yet accepted" }, suppressions: [{ kind: "external", status: "underReview" }] },
  ],
};
const codeql = {
  tool: {
    driver: { name: "CodeQL", rules: [{ id: "other" }] },
    extensions: [{ name: "js", rules: [{ id: "js/x", properties: { "security-severity": "7.1" } }] }],
  },
  results: [
    { rule: { id: "js/x", index: 0, toolComponent: { index: 0 } }, message: { text: "by extension" } },
    { ruleId: "js/x", kind: "pass", message: { text: "was fine" } },
  ],
};
const trivy = {
  tool: { driver: { name: "Trivy", rules: [{ id: "CVE-1", properties: { "security-severity": "9.8" } }] } },
  results: [{ ruleIndex: 0, ruleId: "CVE-1", level: "note", message: { text: "library" } }],
};

test("findings of several scanners' SARIF are read with their severity and place", async (t) => {
  const result = await resultOf(t, scanner(), { files: { "scan.json": sarif(semgrep, codeql, trivy) } });
  assert.deepEqual(toldOf(result), ["js.eval", "js/x", "CVE-1", "src/a b.js:3 js.eval"]);
  assert.deepEqual([result.status, result.evidence.tool, result.evidence.toolVersion], ["fail", "Semgrep", "1.90.0"]);
  const critical = await resultOf(t, scanner({ failOn: "critical" }), { files: { "scan.json": sarif(semgrep, codeql) } });
  assert.equal(critical.status, "warn");
  const clean = await resultOf(t, scanner(), {
    files: { "scan.json": sarif({ tool: { driver: { name: "gitleaks" } }, results: [] }) },
  });
  assert.equal(clean.status, "pass");
  const checks = "{ waivers: [{ check: scan, reason: r, by: ann, until: 2099-01-01 }] }";
  assert.equal((await resultOf(t, scanner(), { files: { "scan.json": sarif(semgrep) }, checks })).status, "pass");
});

for (const [words, text] of [
  ["no runs", sarif()],
  ["a run without results", sarif({ tool: { driver: { name: "gitleaks" } } })],
  ["a run that did not end well", sarif({ ...trivy, invocations: [{ executionSuccessful: false }] })],
  [
    "an error on the way",
    sarif({
      ...trivy,
      invocations: [
        { executionSuccessful: true, toolExecutionNotifications: [{ level: "error", message: { text: "parse error" } }] },
      ],
    }),
  ],
  ["another version", JSON.stringify({ version: "2.0.0", runs: [] })],
  ["no JSON", "panic: out of memory"],
  ["nothing", ""],
  ["the report of another commit", sarif({ ...trivy, versionControlProvenance: [{ revisionId: "d".repeat(40) }] })],
] as const) {
  test(`a report with ${words} could not be checked`, async (t) => {
    assert.equal((await resultOf(t, scanner(), { files: { "scan.json": text } })).status, "error");
  });
}

test("a report that was there before the scanner ran is none of this run, and one that says no commit is told", async (t) => {
  const files = { "scan.json": sarif(trivy) };
  const stale = await resultOf(t, scanner({ run: "true", report: "scan.json" }), { files });
  assert.deepEqual([stale.status, /no new scan\.json/.test(stale.summary)], ["error", true]);
  const fresh = await resultOf(t, scanner({ run: "cat scan.json > new.json", report: "new.json" }), { files });
  assert.deepEqual(toldOf(fresh), ["CVE-1"]);
  const read = await resultOf(t, scanner({ run: null, report: "scan.json" }), { files });
  assert.deepEqual(toldOf(read), ["CVE-1", "scan.json undated"]);
  assert.equal((await resultOf(t, scanner({ run: "no-such-scanner" }), {})).status, "error");
});

test("Bandit says of a file that it cannot parse, and of a folder that is not there, only in its errors", async (t) => {
  const recorded = {
    errors: [{ filename: "broken.py", reason: "syntax error while parsing AST from file" }],
    metrics: { _totals: { loc: 2 }, "broken.py": { loc: 1 }, "fine.py": { loc: 1 } },
    results: [],
  };
  const result = await resultOf(t, scanner({ format: "bandit" }), { files: { "scan.json": JSON.stringify(recorded) } });
  assert.equal(result.status, "error");
  assert.match(result.summary, /bandit could not read broken\.py: syntax error/);
});

test("Bandit itself: what it finds, what it cannot read, and what its version cannot see", {
  skip: missing("bandit"),
}, async (t) => {
  const bandit = scanner({ format: "bandit", run: "bandit -q -r . -f json", failOn: "high" });
  const shell = "import subprocess\ndef run(name):\n    return subprocess.call('ls ' + name, shell=True)\n";
  const found = await resultOf(t, bandit, { files: { "app.py": shell, "fine.py": "print(1)\n" } });
  assert.equal(found.status, "fail");
  assert.ok(toldOf(found).includes("app.py:3 B602"), toldOf(found).join());
  assert.equal(found.evidence.inspected, 2);
  const broken = await resultOf(t, bandit, { files: { "broken.py": "def broken(:\n" } });
  assert.equal(broken.status, "error");
  const nothing = await resultOf(t, bandit, { files: { "a.txt": "" } });
  assert.equal(nothing.status, "error");
});

test("Belay's own findings as SARIF are read by its own reader, with what was waived left out", async (t) => {
  const subject = await subjectOf(t, {
    files: { "scan.json": sarif(semgrep, trivy) },
    checks: "{ waivers: [{ check: scan, rule: CVE-1, reason: not reachable, by: ann, until: 2099-01-01 }] }",
  });
  const signal = new AbortController().signal;
  const results = await runChecks([scanner()], { subject, signal, version: "1.2.3" });
  const written = JSON.stringify(toSarif(results, { version: "1.2.3" }));
  const again = await resultOf(t, scanner(), { files: { "scan.json": written } });
  assert.deepEqual(toldOf(again), ["scan/js.eval", "src/a b.js:3 scan/js.eval"]);
  assert.equal(again.evidence.toolVersion, "1.2.3");
  const broken = await runChecks([scanner({ run: "false" })], { subject, signal, version: "1.2.3" });
  const unread = await resultOf(t, scanner(), { files: { "scan.json": JSON.stringify(toSarif(broken, { version: "1.2.3" })) } });
  assert.equal(unread.status, "error", "what could not be checked is no clean run");
});

/** secretlint 13.0.6 with its preset of rules, as its SARIF formatter wrote it of a file with a GitHub token and one without; the helpUri is left out. */
const secretlintRule = "@secretlint/secretlint-rule-preset-recommend > @secretlint/secretlint-rule-github";
const secretlint = (isFound: boolean) =>
  JSON.stringify({
    $schema: "http://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: "secretlint",
            rules: isFound
              ? [{ id: secretlintRule, shortDescription: { text: `secretlint rule(${secretlintRule}) error` } }]
              : [],
            version: "1.0.0",
            informationUri: "https://github.com/secretlint/secretlint",
          },
        },
        results: isFound
          ? [
              {
                level: "error",
                message: { text: `found GitHub Token(${"*".repeat(29)}): ${"*".repeat(40)}` },
                ruleId: secretlintRule,
                locations: [
                  {
                    physicalLocation: {
                      artifactLocation: { uri: "src/config.js", index: 0 },
                      region: { startLine: 2, startColumn: 16, endLine: 2, endColumn: 56 },
                    },
                  },
                ],
                ruleIndex: 0,
              },
            ]
          : [],
        artifacts: isFound ? [{ sourceLanguage: "JavaScript", location: { uri: "src/config.js" } }] : [],
      },
    ],
  });

test("what secretlint writes is read: a token it found stops the release, and without files it has not looked", async (t) => {
  const of = (run: string, more = "") => {
    const checks = `{ scanners: [{ name: secretlint, run: '${run}', format: sarif, failOn: high }]${more} }`;
    const files = { "found.sarif": secretlint(true), "clean.sarif": secretlint(false) };
    return resultOf(t, scanner({ name: "secretlint", run }), { checks, files });
  };
  const found = await of("cat found.sarif; exit 1");
  const rule = secretlintRule.replaceAll(/[ >]/g, "-");
  assert.deepEqual([found.status, ...toldOf(found)], ["fail", `src/config.js:2 ${rule}`]);
  assert.equal((await of("cat clean.sarif")).status, "pass");
  const nowhere = await of("echo Error: Not found target files >&2; exit 2");
  assert.deepEqual([nowhere.status, ...toldOf(nowhere)], ["error", "unchecked"]);
  const waivers = `, waivers: [{ check: secretlint, rule: "${rule}", reason: a sample, by: ann, until: 2099-01-01 }]`;
  assert.equal((await of("cat found.sarif; exit 1", waivers)).status, "pass");
});
