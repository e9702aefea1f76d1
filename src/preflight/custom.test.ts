import assert from "node:assert/strict";
import { test } from "node:test";
import { customCheck } from "./custom.ts";
import { resultOf, toldOf } from "./subject.fixture.ts";

function own(run: string, timeoutMs = 30_000) {
  return customCheck({ name: "own", run, timeoutMs });
}

for (const { words, run, status, told } of [
  { words: "0 is a pass", run: "true", status: "pass", told: [] },
  { words: "1 is a failure, with what it said", run: "echo too blue; exit 1", status: "fail", told: ["exit-code"] },
  { words: "2 is a warning", run: "exit 2", status: "warn", told: ["exit-code"] },
  { words: "3 could not be checked", run: "exit 3", status: "error", told: ["unchecked"] },
  { words: "a missing program could not be checked", run: "no-such-program-at-all", status: "error", told: ["unchecked"] },
  { words: "a signal could not be checked", run: "kill -9 $$", status: "error", told: ["unchecked"] },
  {
    words: "findings in JSON are read",
    run: `echo '{"inspected":3,"findings":[{"rule":"blue","message":"too blue","file":"a.css","line":4}]}'; exit 1`,
    status: "fail",
    told: ["a.css:4 blue"],
  },
  {
    words: "findings that only warn do not hide the exit code",
    run: `echo '{"findings":[{"level":"warn","message":"m"}]}'; exit 1`,
    status: "fail",
    told: ["exit-code", "finding"],
  },
  { words: "broken JSON could not be checked", run: `echo '{"findings":['`, status: "error", told: ["unchecked"] },
  {
    words: "findings of another form could not be checked",
    run: `echo '{"findings":[{"text":"m"}]}'; exit 1`,
    status: "error",
    told: ["unchecked"],
  },
  {
    words: "a pass with a failing finding could not be checked",
    run: `echo '{"findings":[{"level":"fail","message":"m"}]}'`,
    status: "error",
    told: ["unchecked"],
  },
  {
    words: "a pass that looked at nothing could not be checked",
    run: `echo '{"inspected":0}'`,
    status: "error",
    told: ["unchecked"],
  },
] as const) {
  test(`a command of one's own: ${words}`, async (t) => {
    const result = await resultOf(t, own(run), {});
    assert.deepEqual([result.status, ...toldOf(result)], [status, ...told], result.summary);
  });
}

test("it runs in the service's folder, and is stopped at its time", async (t) => {
  assert.equal((await resultOf(t, own("test -f server.js"), { files: { "server.js": "" } })).status, "pass");
  const slow = await resultOf(t, own("sleep 60", 100), {});
  assert.deepEqual([slow.status, slow.summary], ["error", "it was not done after 0.1 s"]);
});

test("a waiver accepts what it finds", async (t) => {
  const checks = "{ waivers: [{ check: own, reason: r, by: ann, until: 2099-01-01 }] }";
  assert.equal((await resultOf(t, own("exit 1"), { checks })).status, "pass");
});
