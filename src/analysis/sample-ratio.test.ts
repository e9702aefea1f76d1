import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createSeededRandom } from "../ports/random.ts";
import { SampleRatio } from "./sample-ratio.ts";

const visitor = fc.record({ arm: fc.constantFrom("canary", "stable"), weight: fc.constantFrom(100, 500, 2_500, 9_500) });

test("property: after any past, the next visitor is a fair bet if the weight is what it is said to be", () => {
  fc.assert(
    fc.property(fc.array(visitor, { maxLength: 60 }), fc.constantFrom(100, 500, 9_500), (past, weight) => {
      const ratio = new SampleRatio();
      for (const one of past) ratio.seen(one);
      const after = (arm: "canary" | "stable") => {
        const next = SampleRatio.restore(ratio.state());
        next.seen({ arm, weight });
        return Math.exp(next.logE - ratio.logE);
      };
      const share = weight / 10_000;
      assert.ok(Math.abs(share * after("canary") + (1 - share) * after("stable") - 1) < 1e-12);
    }),
  );
});

function visitorsUntilFired(options: { seed: number; planned: number; real: number; most: number }): number | null {
  const random = createSeededRandom(options.seed);
  const ratio = new SampleRatio();
  for (let count = 1; count <= options.most; count += 1) {
    ratio.seen({ arm: random.float() < options.real ? "canary" : "stable", weight: options.planned });
    if (ratio.hasFired) return count;
  }
  return null;
}

test("visitors who are shared out as planned never fire it in 300 rollouts", () => {
  for (let seed = 0; seed < 300; seed += 1) {
    const planned = seed % 2 === 0 ? 500 : 5_000;
    assert.equal(visitorsUntilFired({ seed, planned, real: planned / 10_000, most: 4_000 }), null);
  }
});

test("a canary that never reports is seen within some hundred visitors, and 4% in place of 5 within some thousand", () => {
  const gone = visitorsUntilFired({ seed: 1, planned: 500, real: 0, most: 5_000 });
  assert.ok(gone !== null && gone < 600, `${gone}`);
  const less = visitorsUntilFired({ seed: 2, planned: 500, real: 0.04, most: 40_000 });
  assert.ok(less !== null && less < 20_000, `${less}`);
});

test("it stays fired, and says what it counted and what was planned", () => {
  const ratio = new SampleRatio();
  for (let count = 0; count < 30; count += 1) ratio.seen({ arm: "canary", weight: 500 });
  assert.equal(ratio.hasFired, true);
  for (let count = 0; count < 5_000; count += 1) ratio.seen({ arm: "stable", weight: 500 });
  assert.equal(ratio.hasFired, true);
  assert.deepEqual(ratio.counts, { canary: 30, all: 5_030, expected: 251.5 });
});

test("where everybody is on one side there is nothing to count", () => {
  const ratio = new SampleRatio();
  for (let count = 0; count < 1_000; count += 1) for (const weight of [0, 10_000]) ratio.seen({ arm: "canary", weight });
  assert.equal(ratio.counts.all, 0);
});
