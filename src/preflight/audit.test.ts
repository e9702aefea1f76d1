import assert from "node:assert/strict";
import { test } from "node:test";
import { audit, readAudit } from "./audit.ts";
import type { Check } from "./check.ts";
import { resultOf, toldOf } from "./subject.fixture.ts";

// The first document is what npm 11.19.1 wrote against a mirror without advisories, shortened; npm ended with 1, as for findings. The
// second has the form of npm's documentation of `npm audit --json` (auditReportVersion 2).
const mirror = {
  message: "405 Method Not Allowed - POST https://registry.npmjs.org/-/npm/v1/security/advisories/bulk",
  method: "POST",
  statusCode: 405,
  body: "",
  error: { summary: "", detail: "" },
};
const vulnerable = {
  auditReportVersion: 2,
  vulnerabilities: {
    lodash: {
      name: "lodash",
      severity: "high",
      isDirect: true,
      via: [
        {
          source: 1,
          name: "lodash",
          title: "Command Injection in lodash",
          url: "https://github.com/advisories/GHSA-35jh-r3h4-6jhm",
          severity: "high",
          range: "<4.17.21",
        },
      ],
      effects: [],
      range: "<4.17.21",
      nodes: ["node_modules/lodash"],
      fixAvailable: true,
    },
    shop: { name: "shop", severity: "critical", via: ["lodash"], range: "*", fixAvailable: false },
    quiet: { name: "quiet", severity: "low", via: ["lodash"], range: "*", fixAvailable: true },
  },
  metadata: { vulnerabilities: { high: 1, total: 3 }, dependencies: { prod: 12, dev: 3, total: 14 } },
};

/** The check with what npm wrote in its place. */
function reading(document: unknown): Check {
  return { ...audit, run: async () => readAudit(typeof document === "string" ? document : JSON.stringify(document), "high") };
}

test("a vulnerability that has a fix stops the release, one without or below the severity is told; a waiver by its number accepts", async (t) => {
  const result = await resultOf(t, reading(vulnerable), {});
  assert.deepEqual(result.findings.map(({ rule, level }) => `${rule} ${level}`).toSorted(), [
    "GHSA-35jh-r3h4-6jhm fail",
    "vulnerability warn",
    "vulnerability warn",
  ]);
  assert.deepEqual([result.status, result.evidence.inspected], ["fail", 14]);
  const checks = "{ waivers: [{ check: audit, rule: GHSA-35jh-r3h4-6jhm, reason: not reachable, by: ann, until: 2099-01-01 }] }";
  assert.equal((await resultOf(t, reading(vulnerable), { checks })).status, "warn");
});

test("no vulnerability is a pass; a registry that cannot say, and anything else, could not be checked", async (t) => {
  assert.equal((await resultOf(t, reading({ ...vulnerable, vulnerabilities: {} }), {})).status, "pass");
  const unknown = await resultOf(t, reading(mirror), {});
  assert.deepEqual([unknown.status, /405 Method Not Allowed/.test(unknown.summary)], ["error", true]);
  for (const text of ["", "<html>", "[]", JSON.stringify({ vulnerabilities: {} })])
    assert.equal((await resultOf(t, reading(text), {})).status, "error", text);
});

test("it runs where it is asked for and a lockfile of npm is there", async (t) => {
  assert.equal((await resultOf(t, audit, {})).status, "skipped");
  assert.deepEqual(toldOf(await resultOf(t, audit, { checks: "{ audit: {} }" })), []);
});
