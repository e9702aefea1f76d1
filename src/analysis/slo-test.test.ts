import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createSeededRandom } from "../ports/random.ts";
import { SloTest } from "./slo-test.ts";

test("property: at or within twice the tolerated share the bet never gains, and at twice it is fair", () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.3, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (availability, part) => {
        const budget = Math.min(0.98, Math.max(1e-6, 2 * (1 - availability)));
        const [served, failed] = [new SloTest(availability), new SloTest(availability)];
        served.served();
        failed.failed();
        const expected = (share: number) => share * Math.exp(failed.logE) + (1 - share) * Math.exp(served.logE);
        assert.ok(Math.abs(expected(budget) - 1) < 1e-9);
        assert.ok(expected(budget * part) <= 1 + 1e-9);
      },
    ),
  );
});

test("property: a restart leaves the value what it is", () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 30 }), (outcomes) => {
      const slo = new SloTest(0.999);
      for (const isFailed of outcomes) {
        if (isFailed) slo.failed();
        else slo.served();
      }
      const before = slo.logE;
      slo.invest();
      assert.ok(Math.abs(slo.logE - before) < 1e-9);
    }),
  );
});

function failuresUntilFired(goodVisitors: number, perMinute: number): number {
  const slo = new SloTest(0.999);
  for (let visitor = 1; visitor <= goodVisitors; visitor += 1) {
    slo.served();
    if (visitor % perMinute === 0) slo.invest();
  }
  let failures = 1;
  while (!slo.failed() && failures < 5_000) failures += 1;
  return failures;
}

test("a side that fails for everyone fires it within a few visitors at first, and within 40 after a million good ones", () => {
  const counts = [0, 5_000, 50_000, 1_000_000].map((goodVisitors) => failuresUntilFired(goodVisitors, 5_000));
  assert.ok((counts[0] ?? 0) <= 3, `${counts}`);
  for (const count of counts) assert.ok(count <= 40, `${counts}`);
});

test("two failing visitors are needed at least", () => {
  const slo = new SloTest(0.99999);
  assert.equal(slo.failed(), false);
  assert.equal(slo.failed(), true);
});

test("a side that fired is burning until it is shown to be well again", () => {
  const slo = new SloTest(0.999);
  for (let visitor = 0; visitor < 10; visitor += 1) slo.failed();
  assert.equal(slo.isBurning, true);
  for (let visitor = 0; visitor < 1_000; visitor += 1) slo.served();
  assert.equal(slo.isBurning, true);
  for (let visitor = 0; visitor < 10_000; visitor += 1) slo.served();
  assert.equal(slo.isBurning, false);
});

test("a side exactly at twice its tolerated share fires in at most 1 of 1,000 rollouts", () => {
  const random = createSeededRandom(11);
  let fired = 0;
  for (let rollout = 0; rollout < 600; rollout += 1) {
    const slo = new SloTest(0.995);
    for (let visitor = 1; visitor <= 2_000; visitor += 1) {
      if (random.float() >= 0.01) slo.served();
      else if (slo.failed()) {
        fired += 1;
        break;
      }
      if (visitor % 200 === 0) slo.invest();
    }
  }
  // 0.6 are expected at most; 4 or more have a probability of 0.3 %.
  assert.ok(fired <= 3, `${fired}`);
});
