import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { thresholds } from "./budget.ts";
import { LabelTest, labelFactor } from "./label-test.ts";

const openShare = fc.double({ min: 1e-4, max: 1 - 1e-4, noNaN: true });

test("property: one failing visitor is a fair bet at every share and every ratio", () => {
  fc.assert(
    fc.property(openShare, fc.double({ min: 1, max: 1e5, noNaN: true }), (share, ratio) => {
      const expected =
        share * labelFactor({ arm: "canary", share, ratio }) + (1 - share) * labelFactor({ arm: "stable", share, ratio });
      assert.ok(Math.abs(expected - 1) < 1e-12, `${expected}`);
    }),
  );
});

test("property: the bet never gains when the canary fails less often than stable", () => {
  fc.assert(
    fc.property(
      openShare,
      fc.double({ min: 1, max: 1e5, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (share, ratio, less) => {
        const canaryShare = (share * less) / (share * less + 1 - share);
        const expected =
          canaryShare * labelFactor({ arm: "canary", share, ratio }) +
          (1 - canaryShare) * labelFactor({ arm: "stable", share, ratio });
        assert.ok(expected <= 1 + 1e-12);
      },
    ),
  );
});

test("property: the value after one visitor is a fair bet as well", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9_999 }), (weight) => {
      const [canary, stable] = [new LabelTest(), new LabelTest()];
      canary.failed("canary", weight);
      stable.failed("stable", weight);
      const share = weight / 10_000;
      assert.ok(Math.abs(share * Math.exp(canary.logE) + (1 - share) * Math.exp(stable.logE) - 1) < 1e-10);
    }),
  );
});

test("nobody to compare with is no evidence", () => {
  const label = new LabelTest();
  for (const weight of [0, 10_000]) for (let visitor = 0; visitor < 50; visitor += 1) label.failed("canary", weight);
  assert.equal(Math.exp(label.logE).toFixed(12), "1.000000000000");
  assert.equal(label.isDecided, false);
});

test("a dead canary at 5% is decided by its third failing visitor", () => {
  const label = new LabelTest();
  label.failed("canary", 500);
  label.failed("canary", 500);
  assert.equal(label.isDecided, false);
  label.failed("canary", 500);
  assert.equal(label.isDecided, true);
  assert.equal(Math.round(Math.exp(label.logE)), 1_478);
});

test("one failing visitor decides nothing, however small the canary's share", () => {
  const label = new LabelTest();
  label.failed("canary", 1);
  assert.ok(label.logE > Math.log(thresholds.errors));
  assert.equal(label.isDecided, false);
  label.failed("canary", 1);
  assert.equal(label.isDecided, true);
});

test("at 95% an error is worth so little that a dead canary needs 129 failing visitors", () => {
  const label = new LabelTest();
  let visitors = 0;
  while (!label.isDecided && visitors < 5_000) {
    label.failed("canary", 9_500);
    visitors += 1;
  }
  assert.equal(visitors, 129);
});

const failure = fc.record({ arm: fc.constantFrom("canary", "stable"), weight: fc.constantFrom(100, 500, 2_500) });

test("property: in whatever order, and cut into whatever batches, the same failures have the same value", () => {
  fc.assert(
    fc.property(fc.array(failure, { maxLength: 60 }), fc.nat(60), (failures, cut) => {
      const [inOrder, reordered] = [new LabelTest(), new LabelTest()];
      for (const { arm, weight } of failures) inOrder.failed(arm, weight);
      const batches = [...failures.slice(cut), ...failures.slice(0, cut)].sort((a, b) => a.weight - b.weight);
      for (const { arm, weight } of batches) reordered.failed(arm, weight);
      assert.ok(Math.abs(inOrder.logE - reordered.logE) < 1e-12 * Math.max(1, Math.abs(inOrder.logE)) * 100);
    }),
  );
});

test("property: a canary's failure speaks against it, a stable one for it, and a restored test goes on bit for bit", () => {
  fc.assert(
    fc.property(fc.array(failure, { maxLength: 60 }), (failures) => {
      let label = new LabelTest();
      for (const { arm, weight } of failures) {
        const twin = LabelTest.restore(JSON.parse(JSON.stringify(label.state())));
        const before = label.logE;
        label.failed(arm, weight);
        twin.failed(arm, weight);
        assert.equal(label.logE > before, arm === "canary");
        assert.deepEqual(twin.state(), label.state());
        label = twin;
      }
    }),
  );
});
