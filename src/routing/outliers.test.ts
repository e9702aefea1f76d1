import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Outliers } from "./outliers.ts";
import type { Pool } from "./table.ts";

const pool = poolOf(3);

test("an instance that fails while its peers do not is ejected for 10 s", () => {
  const outliers = new Outliers();
  assert.equal(answer(outliers, { good: ["i1", "i2"], bad: ["i0"] }, 0), 1);
  assert.equal(outliers.isEjected("i0", 9_000), true);
  assert.equal(outliers.isEjected("i1", 9_000), false);
  assert.equal(outliers.isEjected("i0", 10_100), false);
});

test("a release that fails as a whole has no outlier, nor has a single instance", () => {
  assert.equal(answer(new Outliers(), { good: [], bad: ["i0", "i1", "i2"] }, 0), 0);
  const alone = new Outliers();
  for (let at = 0; at < 100; at += 1) assert.equal(alone.judged({ pool: poolOf(1), instance: "i0", end: "failed" }, at), false);
});

test("a few failures are no outlier, and neither is one without peers to compare with", () => {
  const outliers = new Outliers();
  for (let at = 0; at < 9; at += 1)
    for (const [instance, isFailed] of [
      ["i0", true],
      ["i1", false],
    ] as const)
      assert.equal(outliers.judged({ pool, instance, end: isFailed ? "failed" : "answered" }, at), false);
  const silent = new Outliers();
  for (let at = 0; at < 100; at += 1) assert.equal(silent.judged({ pool, instance: "i0", end: "failed" }, at), false);
});

test("to be beaten by a hedge is no failure, but who is always beaten and answers nothing is ejected like one that fails", () => {
  const judge = (beaten: number, before: "answered" | "failed" | null) => {
    const outliers = new Outliers();
    for (let at = 0; at < 20; at += 1) outliers.judged({ pool, instance: "i1", end: "answered" }, at);
    if (before !== null) outliers.judged({ pool, instance: "i0", end: before }, 20);
    for (let at = 0; at < beaten; at += 1) outliers.judged({ pool, instance: "i0", end: "beaten" }, 21 + at);
    return outliers.isEjected("i0", 100);
  };
  assert.equal(judge(9, null), false);
  assert.equal(judge(10, null), true);
  assert.equal(judge(9, "failed"), true);
  assert.equal(judge(50, "answered"), false);
});

test("failures of a while ago count no more", () => {
  const outliers = new Outliers();
  for (let at = 0; at < 9; at += 1) outliers.judged({ pool, instance: "i0", end: "failed" }, at);
  for (let at = 0; at < 20; at += 1) outliers.judged({ pool, instance: "i1", end: "answered" }, 12_000 + at);
  assert.equal(outliers.judged({ pool, instance: "i0", end: "failed" }, 12_030), false);
});

test("one that comes back no better is ejected twice as long, up to five minutes; one that was well for long begins anew", () => {
  const outliers = new Outliers();
  let nowMs = 0;
  const lengths: number[] = [];
  for (let time = 0; time < 7; time += 1) {
    assert.equal(answer(outliers, { good: ["i1", "i2"], bad: ["i0"] }, nowMs), 1);
    let untilMs = nowMs;
    while (outliers.isEjected("i0", untilMs + 200)) untilMs += 100;
    lengths.push(Math.round((untilMs - nowMs) / 10_000) * 10);
    nowMs = untilMs + 1_000;
  }
  assert.deepEqual(lengths, [10, 20, 40, 80, 160, 300, 300]);
  nowMs += 1_000_000;
  answer(outliers, { good: ["i1", "i2"], bad: ["i0"] }, nowMs);
  assert.equal(outliers.isEjected("i0", nowMs + 11_000), false);
});

test("property: never is more than half of a pool ejected", () => {
  const anyAnswers = fc.array(fc.record({ instance: fc.nat(5), isFailed: fc.boolean(), afterMs: fc.nat(400) }), {
    maxLength: 400,
  });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), fc.nat(5), anyAnswers, (size, bad, answers) => {
      const outliers = new Outliers();
      const six = poolOf(size);
      let nowMs = 0;
      for (const { instance, isFailed, afterMs } of answers) {
        nowMs += afterMs;
        const at = instance % size;
        outliers.judged(
          { pool: six, instance: `i${at}`, end: at <= bad % size && (isFailed || at % 2 === 0) ? "failed" : "answered" },
          nowMs,
        );
        const ejected = six.targets.filter((target) => outliers.isEjected(target.instance, nowMs)).length;
        assert.ok(ejected * 2 <= size);
      }
    }),
  );
});

/** Twelve answers of each, in 120 ms; how many ejections came of it. */
function answer(
  outliers: Outliers,
  { good, bad }: { readonly good: readonly string[]; readonly bad: readonly string[] },
  fromMs: number,
) {
  let ejections = 0;
  for (let time = 0; time < 12; time += 1) {
    const nowMs = fromMs + time * 10;
    for (const instance of good) if (outliers.judged({ pool, instance, end: "answered" }, nowMs)) ejections += 1;
    for (const instance of bad) if (outliers.judged({ pool, instance, end: "failed" }, nowMs)) ejections += 1;
  }
  return ejections;
}

function poolOf(size: number): Pool {
  const targets = Array.from({ length: size }, (_, at) => ({ instance: `i${at}`, host: "127.0.0.1", port: 4_000 + at }));
  return { release: "r", targets };
}
