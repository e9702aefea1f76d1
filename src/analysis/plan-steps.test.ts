import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { plan } from "../rollout/rollout.builder.ts";
import { forecast } from "./forecast.ts";
import { planSteps } from "./plan-steps.ts";

const defaults = { ...plan, harm: 0.002, maxHoldMs: 3_600_000, scoreWindowMs: 10_000 };
const weights = (newVisitorsPerSecond: number) => planSteps(defaults, newVisitorsPerSecond).map(({ weight }) => weight);

test("a busy service begins with one visitor in a hundred, and others with about two visitors a second on the canary", () => {
  assert.deepEqual(weights(300), [100, 500, 2_500, 5_000]);
  assert.deepEqual(weights(100), [200, 1_000, 2_500, 5_000]);
  assert.deepEqual(weights(33), [500, 2_500, 5_000]);
});

test("a quieter one begins with a larger share, so that somebody meets the canary at all", () => {
  assert.deepEqual(weights(5), [2_000, 5_000]);
  assert.deepEqual(weights(2), [2_000, 5_000]);
});

test("a service with one request a second does not take a day, whatever its visitors and the harm", () => {
  for (const perSecond of [1, 1 / 3, 1 / 10, 1 / 60]) {
    for (const harm of [0.002, 0.01, 0.05]) {
      const own = { ...defaults, harm, bakeMs: 1_800_000 };
      const steps = planSteps(own, perSecond);
      const { canPass, totalMs } = forecast({ ...own, steps }, perSecond);
      const longestMs = canPass ? totalMs : steps.length * own.maxHoldMs + own.bakeMs;
      assert.ok(longestMs <= 3 * 3_600_000, `${longestMs} at ${perSecond} a second and a harm of ${harm}`);
    }
  }
});

test("without visitors the steps only bound how many meet a bad release", () => {
  assert.deepEqual(weights(0), [1_000, 5_000]);
});

test("property: steps rise, and whatever can pass is planned so that it passes within the longest hold", () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 500, noNaN: true }),
      fc.double({ min: 0.001, max: 0.2, noNaN: true }),
      (perSecond, harm) => {
        const own = { ...defaults, harm };
        const steps = planSteps(own, perSecond);
        for (const [index, step] of steps.entries()) assert.ok(step.weight > (steps[index - 1]?.weight ?? 0));
        const coarsest = [2_000, 5_000].map((weight) => ({ weight, minHoldMs: 60_000 }));
        const couldPass = forecast({ ...own, steps: coarsest }, perSecond).canPass && perSecond * 0.2 * 60 >= 5;
        if (couldPass) assert.ok(forecast({ ...own, steps }, perSecond).canPass);
      },
    ),
  );
});
