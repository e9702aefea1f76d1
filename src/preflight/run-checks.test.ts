import assert from "node:assert/strict";
import { test } from "node:test";
import { BelayError } from "../errors.ts";
import type { CheckFinding } from "../rollout/check-result.ts";
import { type Check, type Outcome, skippedHere } from "./check.ts";
import { describeBlocking, describeResults } from "./describe.ts";
import { type Progress, runChecks } from "./run-checks.ts";
import { type Given, resultOf, subjectOf } from "./subject.fixture.ts";

function check(name: string, run: Check["run"], timeoutMs = 60_000): Check {
  return { name, finds: "", runs: "", timeoutMs: () => timeoutMs, run };
}

function saw(inspected: number, findings: readonly CheckFinding[] = []): Outcome {
  return { kind: "inspected", inspected, noun: "files", findings, inputsSha256: "" };
}

const bad: CheckFinding = { rule: "rotten", level: "fail", message: "it smells", fix: "Throw it away.", file: "a/b.js", line: 3 };

test("a check that saw something and found nothing passes; one that saw nothing never does", async (t) => {
  assert.equal(
    (
      await resultOf(
        t,
        check("eggs", async () => saw(12)),
        {},
      )
    ).status,
    "pass",
  );
  const nothing = await resultOf(
    t,
    check("eggs", async () => saw(0)),
    {},
  );
  assert.deepEqual([nothing.status, nothing.blocks], ["error", true]);
  assert.match(nothing.findings[0]?.message ?? "", /nothing to look at/);
});

test("what is broken, too slow or missing is an error with a fix, and keeps no other check from ending", async (t) => {
  const subject = await subjectOf(t, {});
  const checks = [
    check("broken", () => Promise.reject(new TypeError("no such thing"))),
    check("missing", () =>
      Promise.reject(new BelayError({ code: "BELAY_COMMAND_MISSING", message: "no bandit", next: "Install it." })),
    ),
    check("slow", (_, signal) => new Promise((__, reject) => signal.addEventListener("abort", () => reject(signal.reason))), 20),
    check("fine", async () => saw(1)),
  ];
  const results = await runChecks(checks, { subject, signal: new AbortController().signal, version: "1" });
  assert.deepEqual(
    results.map(({ check: name, status }) => `${name} ${status}`),
    ["broken error", "missing error", "slow error", "fine pass"],
  );
  assert.equal(results[1]?.findings[0]?.fix, "Install it.");
  assert.match(results[2]?.summary ?? "", /not done after 0\.02 s/);
  assert.equal(
    describeBlocking(results),
    "3 checks failed: broken (could not be checked), missing (could not be checked), slow (could not be checked)",
  );
});

test("on abort nothing is reported: it rejects with the reason once every check has ended", async (t) => {
  const subject = await subjectOf(t, {});
  const stop = new AbortController();
  let ended = 0;
  const waits = check(
    "waits",
    (_, signal) =>
      new Promise((__, reject) =>
        signal.addEventListener("abort", () => {
          ended += 1;
          reject(signal.reason);
        }),
      ),
  );
  const running = runChecks([waits, { ...waits, name: "waits-too" }], { subject, signal: stop.signal, version: "1" });
  stop.abort(new Error("enough"));
  await assert.rejects(running, /enough/);
  assert.equal(ended, 2);
});

for (const { words, given, expected } of [
  { words: "fails everywhere by default", given: { environment: "staging" }, expected: { eggs: true, blind: false } },
  { words: "blocks by what could not be checked in production", given: {}, expected: { eggs: true, blind: true } },
  {
    words: "is told only when the policy says warn",
    given: { checks: "{ policy: { eggs: warn, blind: warn } }" },
    expected: { eggs: false, blind: false },
  },
  {
    words: "by environment",
    given: { checks: "{ policy: { eggs: { staging: fail }, blind: { production: fail } } }" },
    expected: { eggs: true, blind: true },
  },
  {
    words: "blocks in staging too by what could not be checked, where the policy names it",
    given: { environment: "staging", checks: "{ policy: { blind: fail } }" },
    expected: { eggs: true, blind: true },
  },
] as readonly { words: string; given: Given; expected: Readonly<Record<string, boolean>> }[]) {
  test(`policy: a failure ${words}`, async (t) => {
    const eggs = await resultOf(
      t,
      check("eggs", async () => saw(1, [bad])),
      given,
    );
    const blind = await resultOf(
      t,
      check("blind", async () => ({ kind: "unchecked", message: "dark", fix: "Light." })),
      given,
    );
    assert.deepEqual({ eggs: eggs.blocks, blind: blind.blocks }, expected);
    assert.deepEqual([eggs.status, blind.status], ["fail", "error"]);
  });
}

test("policy: a check that is off does not run", async (t) => {
  const subject = await subjectOf(t, { checks: "{ policy: { eggs: { production: off } } }" });
  const results = await runChecks([check("eggs", () => Promise.reject(new Error("it ran")))], {
    subject,
    signal: new AbortController().signal,
    version: "1",
  });
  assert.deepEqual(results, []);
});

const waiver = (more: string) => `{ waivers: [{ check: eggs, reason: old friends, by: ann, until: 2026-03-31, ${more} }] }`;

for (const { words, more, now, status } of [
  { words: "accepts its rule", more: "rule: rotten", now: "2026-03-31T23:59:59Z", status: "pass" },
  { words: "accepts files below a folder", more: 'file: "a/**"', now: "2026-01-01T00:00:00Z", status: "pass" },
  { words: "accepts no other rule", more: "rule: cracked", now: "2026-01-01T00:00:00Z", status: "fail" },
  { words: "accepts no other file", more: 'file: "b/**"', now: "2026-01-01T00:00:00Z", status: "fail" },
  { words: "ends with its day, in UTC", more: "rule: rotten", now: "2026-04-01T00:00:00Z", status: "fail" },
]) {
  test(`a waiver ${words}`, async (t) => {
    const subject = await subjectOf(t, { checks: waiver(more), now });
    const results = await runChecks([check("eggs", async () => saw(1, [bad]))], {
      subject,
      signal: new AbortController().signal,
      version: "1",
    });
    assert.equal(results[0]?.status, status);
    const shown = describeResults(results, (text) => text);
    if (status === "pass")
      assert.match(shown, /waived {2}eggs: a\/b\.js:3 it smells \[rotten\]\n {8}waived by ann until 2026-03-31: old friends/);
    const waivers = results.find(({ check: name }) => name === "waivers");
    const isOver = now.startsWith("2026-04");
    assert.equal(waivers?.status, isOver ? "fail" : status === "pass" ? "pass" : "warn");
    assert.equal(waivers?.blocks, isOver, "an expired waiver stops the release by itself");
  });
}

test("checks that had nothing to look at are named together once they are many, and alone say why", async (t) => {
  const names = ["milk", "tea", "rice", "salt"];
  const idle = names.map((name) => check(name, async () => ({ kind: "skipped", why: `no ${name}` })));
  const shownOf = async (checks: readonly Check[]) => {
    const subject = await subjectOf(t, {});
    const results = await runChecks(checks, { subject, signal: new AbortController().signal, version: "1" });
    return describeResults(results, (text) => text);
  };
  assert.match(await shownOf(idle.slice(0, 1)), /^ {2}- {5}milk: no milk$/m);
  const many = await shownOf([check("eggs", async () => saw(1, [bad])), ...idle]);
  assert.match(many, /nothing to look at \(`--only <check>` says why\): milk, tea, rice, salt$/);
  assert.doesNotMatch(many, /no milk/);
  assert.match(many, /it smells \[rotten\]/);
  const asked = check("jam", async () => skippedHere("runs in staging"));
  assert.match(await shownOf([...idle, asked]), /^ {2}- {5}jam: runs in staging\n.*: milk, tea, rice, salt$/m);
});

test("a waiver without a rule also accepts what could not be checked, which is then no pass", async (t) => {
  const given = { checks: waiver(""), now: "2026-01-01T00:00:00Z" };
  const blind = await resultOf(
    t,
    check("eggs", async () => ({ kind: "unchecked", message: "dark", fix: "Light." })),
    given,
  );
  assert.deepEqual([blind.status, blind.blocks], ["warn", false]);
});

test("a hundred findings are counted, and as many kept as an entry should hold", async (t) => {
  const many = Array.from({ length: 100 }, (_, index) => ({ ...bad, line: 100 - index, message: "m".repeat(2_000) }));
  const result = await resultOf(
    t,
    check("eggs", async () => saw(1, many)),
    {},
  );
  assert.equal(result.findingCount, 100);
  assert.equal(result.findings.length, 20);
  assert.equal(result.findings[0]?.line, 1);
  assert.ok(JSON.stringify(result).length < 25_000);
});

test("progress tells how many are done and which run", async (t) => {
  const subject = await subjectOf(t, {});
  const seen: Progress[] = [];
  await runChecks([check("one", async () => saw(1)), check("two", async () => saw(1))], {
    subject,
    signal: new AbortController().signal,
    version: "1",
    onProgress: (progress) => seen.push(progress),
  });
  assert.deepEqual(seen[0], { done: 0, total: 2, running: ["one"] });
  assert.deepEqual(seen.at(-1), { done: 2, total: 2, running: [] });
});
