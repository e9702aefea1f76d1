import assert from "node:assert/strict";
import { test } from "node:test";
import type { BootAnswer, BootTrial } from "./check.ts";
import { rollback } from "./rollback.ts";
import { resultOf, toldOf } from "./subject.fixture.ts";

const ended: BootAnswer = {
  kind: "failed",
  reason: "it ended with exit code 1 before it answered",
  lastLines: "\nError: no API_URL\n    at main.js:1\n\nNode.js v26.10.0",
};

function trialOf(answer: BootAnswer, more: Partial<BootTrial> = {}): BootTrial {
  return { isConfigNew: true, gone: [], run: async () => answer, ...more };
}

test("a release that comes up with the new configuration is a way back, and how long it took is said", async (t) => {
  const trial = trialOf({ kind: "answered", afterMs: 1234 });
  const result = await resultOf(t, rollback, { previous: { trial } });
  assert.equal(result.status, "pass");
  assert.match(result.summary, /started with the configuration of this release, it answered after 1\.2 s/);
});

test("one that does not start closes the way back, and what it misses is named with its last words", async (t) => {
  const trial = trialOf(ended, { gone: ["API_URL"] });
  const result = await resultOf(t, rollback, { previous: { trial } });
  assert.deepEqual([result.status, result.blocks, ...toldOf(result)], ["fail", true, "does-not-start"]);
  const [finding] = result.findings;
  assert.equal(
    finding?.message,
    "b1, which serves now, does not start with the configuration of this release (without API_URL), so that there is no way back to it: it ended with exit code 1 before it answered\nError: no API_URL",
  );
  assert.match(finding?.fix ?? "", /^Leave API_URL in the configuration until/);
});

test("where only the tasks are others, it is the configuration that it has", async (t) => {
  const result = await resultOf(t, rollback, { previous: { trial: trialOf(ended, { isConfigNew: false }) } });
  assert.match(result.findings[0]?.message ?? "", /does not start with the configuration that it has, so/);
  assert.doesNotMatch(result.findings[0]?.fix ?? "", /Leave/);
});

test("a trial that its own limit ended could not be checked, and a waiver accepts that one can only go forward", async (t) => {
  const cut = trialOf({ kind: "cut-short", reason: "it was ended for its memory above 1074 MB" });
  const unknown = await resultOf(t, rollback, { previous: { trial: cut } });
  assert.deepEqual([unknown.status, unknown.blocks, ...toldOf(unknown)], ["error", true, "unchecked"]);
  const checks = "{ waivers: [{ check: rollback, rule: does-not-start, reason: a rename, by: ann, until: 2099-01-01 }] }";
  const waived = await resultOf(t, rollback, { checks, previous: { trial: trialOf(ended) } });
  assert.deepEqual([waived.status, waived.findings[0]?.waived?.by], ["pass", "ann"]);
});

test("without its bundle there is nothing to start, and with nothing new it is not started", async (t) => {
  const never = trialOf(ended, { run: async () => assert.fail("it was started") });
  const gone = await resultOf(t, rollback, { previous: { files: null, trial: never } });
  assert.deepEqual([gone.status, ...toldOf(gone)], ["fail", "bundle-gone"]);
  const same = await resultOf(t, rollback, { previous: { trial: null } });
  assert.equal(same.status, "pass");
  assert.doesNotMatch(same.summary, /started/);
});
