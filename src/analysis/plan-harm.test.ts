import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { forecast } from "./forecast.ts";
import { harmMax, harmWithin, withinWords } from "./plan-harm.ts";
import { plan } from "./traffic.fixture.ts";

test("property: what a time is said to rule out fits into it, and a tenth less would not", () => {
  fc.assert(
    fc.property(fc.double({ min: 0.5, max: 500, noNaN: true }), fc.integer({ min: 60_000, max: 7_200_000 }), (rate, withinMs) => {
      const own = plan({ maxHoldMs: 7_200_000 });
      const harm = harmWithin(own, rate, withinMs);
      if (harm === harmMax) return;
      assert.ok(forecast({ ...own, harm }, rate).totalMs <= withinMs);
      assert.ok(forecast({ ...own, harm: harm * 0.9 }, rate).totalMs > withinMs);
    }),
  );
});

test("it is said before the start, in visitors or in requests", () => {
  const harm = harmWithin(plan(), 10, 120_000);
  assert.match(
    withinWords(plan({ harm }), 10, 120_000),
    /^within 2 min a release that fails [\d.]+% more of your visitors would be caught, and less would not$/,
  );
  assert.match(withinWords(plan({ harm, evidence: "request" }), 10, 120_000), /more of your requests would be caught/);
});

test("holds that take longer than the time leave nothing to choose", () => {
  const slow = plan({ steps: [{ weight: 500, minHoldMs: 300_000 }] });
  assert.equal(harmWithin(slow, 10, 60_000), harmMax);
  assert.match(withinWords({ ...slow, harm: harmMax }, 10, 60_000), /^its holds and its bake alone take 5 min/);
});
