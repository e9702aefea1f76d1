import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { parseManifest } from "../manifest/parse-manifest.ts";
import type { CheckResult } from "../rollout/check-result.ts";
import { conformance } from "./conformance.ts";
import { runChecks } from "./run-checks.ts";
import { type Given, subjectOf } from "./subject.fixture.ts";

const checks = "{ api: { openapi: openapi.yaml } }";

async function resultsOf(t: TestContext, given: Given, environments?: string): Promise<readonly CheckResult[]> {
  const subject = await subjectOf(t, { checks, ...given });
  const text = `version: 1\nservice: shop\nrun: { command: node a.js }\nenvironments: ${environments}\nchecks: ${checks}\n`;
  const parsed = environments === undefined ? null : parseManifest(text, "belay.yml");
  assert.ok(parsed === null || parsed.ok, JSON.stringify(parsed));
  const manifest = parsed?.ok === true ? parsed.manifest : subject.manifest;
  return runChecks([conformance], { subject: { ...subject, manifest }, signal: new AbortController().signal, version: "0" });
}

async function shown(t: TestContext, given: Given, environments?: string) {
  const [result] = await resultsOf(t, given, environments);
  return [result?.status, result?.summary];
}

test("before it runs, a check of a running release says where it will run, and without staging that it is not checked", async (t) => {
  assert.deepEqual(await shown(t, { environment: "staging" }), ["skipped", "runs here when the release's instances are ready"]);
  assert.deepEqual(await shown(t, {}), ["skipped", "runs in staging, before anything of the release runs here"]);
  const alone = "{ production: { routes: [{ host: a.example.com }] } }";
  assert.deepEqual(await shown(t, {}, alone), ["skipped", "not checked: no staging comes before production"]);
  assert.deepEqual(await shown(t, { checks: "{}" }), ["skipped", "checks.api names no document"]);
});

const evidence = { inspected: 2, tool: "", toolVersion: "", inputsSha256: "", durationMs: 5 };
const unchecked = { rule: "unchecked", level: "fail", message: "there is no openapi.yaml", fix: "Commit it." } as const;

test("what was seen in staging is judged by production's policy, and what did not run there is an error", async (t) => {
  const passed = {
    check: "conformance",
    status: "pass",
    blocks: false,
    summary: "2 operations asked",
    findings: [],
    findingCount: 0,
    evidence,
  } as const;
  const seen = (result: CheckResult) => resultsOf(t, { earlier: { environment: "staging", results: [result] } });
  const [good] = await seen(passed);
  assert.deepEqual(
    [good?.status, good?.blocks, good?.summary],
    ["pass", false, "2 operations asked (seen in staging, where it ran)"],
  );
  const [told] = await seen({ ...passed, status: "error", findings: [unchecked], findingCount: 1 });
  assert.deepEqual([told?.status, told?.blocks], ["error", true], "an error that staging let go");
  const [missing] = await seen({ ...passed, status: "skipped" });
  assert.deepEqual([missing?.status, missing?.blocks], ["error", true]);
});

test("a waiver of what runs later is not told as unused", async (t) => {
  const waivers = "waivers: [{ check: conformance, reason: r, by: ann, until: 2099-12-31 }]";
  const results = await resultsOf(t, { environment: "staging", checks: checks.replace(" } }", ` }, ${waivers} }`) });
  assert.deepEqual(
    results.map(({ check, status }) => [check, status]),
    [
      ["conformance", "skipped"],
      ["waivers", "pass"],
    ],
  );
});
