import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BurnRates } from "./burn-rate.ts";

const minuteMs = 60_000;

/** So many minutes of 1,000 requests each, of which a share fails. */
function serve(rates: BurnRates, from: number, minutes: number, failing: number): void {
  for (let minute = from; minute < from + minutes; minute += 1) {
    rates.add({ requests: 1_000, failed: Math.round(1_000 * failing), nowMs: minute * minuteMs });
  }
}

const limits = (rates: BurnRates, minute: number) => rates.burning(0.999, minute * minuteMs).map(({ limit }) => limit);

test("an hour at twenty times the budget burns, and stops to within minutes of being well again", () => {
  const rates = new BurnRates();
  serve(rates, 0, 60, 0.02);
  const [fastest] = rates.burning(0.999, 59 * minuteMs);
  assert.equal(fastest?.limit, 14.4);
  assert.ok(Math.abs((fastest?.rate ?? 0) - 20) < 0.01);
  serve(rates, 60, 6, 0);
  assert.deepEqual(limits(rates, 65).includes(14.4), false);
});

test("a slow leak is seen in the long windows only, and a service within its budget in none", () => {
  const leaking = new BurnRates();
  serve(leaking, 0, 4_320, 0.002);
  assert.deepEqual(limits(leaking, 4_319), [1]);
  const well = new BurnRates();
  serve(well, 0, 4_320, 0.001);
  assert.deepEqual(limits(well, 4_319), []);
});

test("a handful of failures wakes nobody", () => {
  const rates = new BurnRates();
  rates.add({ requests: 9, failed: 9, nowMs: 0 });
  assert.deepEqual(limits(rates, 0), []);
  rates.add({ requests: 1, failed: 1, nowMs: 0 });
  assert.deepEqual(limits(rates, 0), [14.4, 6, 1]);
});

test("what is older than three days is forgotten, over any gap, and a clock that goes back changes nothing old", () => {
  const rates = new BurnRates();
  serve(rates, 0, 60, 0.5);
  assert.deepEqual(rates.burning(0.999, 5_000 * minuteMs), []);
  assert.deepEqual(rates.state().minutes, []);
  rates.add({ requests: 5, failed: 1, nowMs: 10 * minuteMs });
  assert.deepEqual(rates.state().minutes, [[5_000, 5, 1]]);
});

test("property: what is restored goes on as what was kept", () => {
  const counted = fc.record({ minute: fc.nat(9_000), requests: fc.nat(50), failed: fc.nat(50) });
  fc.assert(
    fc.property(fc.array(counted, { maxLength: 40 }), (all) => {
      const rates = new BurnRates();
      for (const { minute, requests, failed } of all.sort((a, b) => a.minute - b.minute))
        rates.add({ requests: requests + failed, failed, nowMs: minute * minuteMs });
      const restored = BurnRates.restore(JSON.parse(JSON.stringify(rates.state())));
      assert.deepEqual(restored.state(), rates.state());
      assert.deepEqual(restored.burning(0.99, 9_001 * minuteMs), rates.burning(0.99, 9_001 * minuteMs));
    }),
  );
});
