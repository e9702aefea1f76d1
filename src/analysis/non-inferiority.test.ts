import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createSeededRandom } from "../ports/random.ts";
import type { Arm } from "../routing/wire.ts";
import { Gate, gateFactors, gateThreshold } from "./non-inferiority.ts";

const unit = fc.double({ min: 0, max: 1, noNaN: true });

test("property: under every pair of rates at or beyond the margin the gate's bet never gains", () => {
  // Goal: exact validity over the whole null, whatever rate the alternative was built from.
  // Method: rates and margins over many orders of magnitude; the null's edge, its inside and its corners.
  fc.assert(
    fc.property(unit, unit, unit, unit, unit, (a, b, c, d, e) => {
      const [rate, share, margin] = [Math.exp(-12 * a) * 0.98, 0.005 + 0.99 * b, Math.exp(-8 * c) * 0.5];
      const factors = gateFactors({ rate, share, margin });
      for (const p0 of [0, d * (1 - margin), 1 - margin]) {
        for (const p1 of [p0 + margin, p0 + margin + e * (1 - margin - p0), 1]) {
          const canary = p1 * Math.exp(factors.canary.bad) + (1 - p1) * Math.exp(factors.canary.good);
          const stable = p0 * Math.exp(factors.stable.bad) + (1 - p0) * Math.exp(factors.stable.good);
          assert.ok(share * canary + (1 - share) * stable <= 1 + 1e-9);
        }
      }
    }),
    { numRuns: 1_000 },
  );
});

test("property: the bet gains in the mean when both sides fail alike", () => {
  fc.assert(
    fc.property(unit, unit, (a, b) => {
      const [rate, share, margin] = [Math.exp(-9 * a) * 0.5, 0.05 + 0.9 * b, 0.04];
      const { canary, stable, growth } = gateFactors({ rate, share, margin });
      const gain =
        share * (rate * canary.bad + (1 - rate) * canary.good) + (1 - share) * (rate * stable.bad + (1 - rate) * stable.good);
      assert.ok(growth > 0);
      assert.ok(Math.abs(gain - growth) < 1e-9);
    }),
  );
});

function canaryVisitorsUntilPass(gate: Gate, weight: number): number {
  let canaryVisitors = 0;
  for (let visitor = 1; !gate.hasPassed && visitor < 1_000_000; visitor += 1) {
    const arm: Arm = visitor % (10_000 / weight) === 0 ? "canary" : "stable";
    if (arm === "canary") canaryVisitors += 1;
    gate.score({ arm, weight, isBad: false });
  }
  return canaryVisitors;
}

test("without failures a gate needs about ln(20)/margin canary visitors", () => {
  for (const { harm, nextWeight } of [
    { harm: 0.02, nextWeight: 2_500 },
    { harm: 0.002, nextWeight: 2_500 },
    { harm: 0.002, nextWeight: 9_500 },
  ]) {
    const gate = new Gate({ harm, nextWeight });
    const needed = Math.log(20) / gate.margin;
    const count = canaryVisitorsUntilPass(gate, 500);
    assert.ok(count > needed * 0.9 && count < needed * 1.1 + 1, `${count} of ${needed}`);
  }
});

test("what is still missing is about what it then takes", () => {
  const gate = new Gate({ harm: 0.002, nextWeight: 2_500 });
  for (let visitor = 0; visitor < 2_000; visitor += 1)
    gate.score({ arm: visitor % 20 === 0 ? "canary" : "stable", weight: 500, isBad: false });
  const missing = gate.visitorsMissing(500);
  const taken = canaryVisitorsUntilPass(gate, 500) * 20;
  assert.ok(Math.abs(missing - taken) < 0.15 * taken, `${missing} and ${taken}`);
  assert.equal(gate.visitorsMissing(0), Number.POSITIVE_INFINITY);
});

test("a canary that fails for the margin more visitors passes in at most 1 of 20 rollouts", () => {
  const random = createSeededRandom(3);
  let passed = 0;
  const rollouts = 2_000;
  for (let rollout = 0; rollout < rollouts; rollout += 1) {
    const gate = new Gate({ harm: 0.02, nextWeight: 2_500 });
    for (let visitor = 0; visitor < 4_000 && !gate.hasPassed; visitor += 1) {
      const arm: Arm = random.float() < 0.05 ? "canary" : "stable";
      gate.score({ arm, weight: 500, isBad: arm === "canary" && random.float() < gate.margin });
    }
    if (gate.hasPassed) passed += 1;
  }
  // 100 are expected at most; the standard error of the simulation is 9.7. The bound is tight: far fewer would be wrong too.
  assert.ok(passed <= 130 && passed >= 60, `${passed} of ${rollouts}`);
});

test("a pass is latched", () => {
  const gate = new Gate({ harm: 0.02, nextWeight: 2_500 });
  canaryVisitorsUntilPass(gate, 500);
  for (let visitor = 0; visitor < 100; visitor += 1) gate.score({ arm: "canary", weight: 500, isBad: true });
  assert.ok(gate.logE < Math.log(gateThreshold));
  assert.equal(gate.hasPassed, true);
});
