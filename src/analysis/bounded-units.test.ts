import assert from "node:assert/strict";
import { test } from "node:test";
import { BoundedUnits } from "./bounded-units.ts";
import { unitOf } from "./traffic.fixture.ts";

test("a full map keeps a random half of all units, and accepts no others from then on", () => {
  const units = new BoundedUnits<number>(1_000);
  let accepted = 0;
  for (let number = 0; number < 8_000; number += 1) units.set(unitOf(number), number);
  assert.ok(units.halvings >= 3);
  const kept = new Set(Array.from(units.entries(), ([unit]) => unit));
  assert.ok(kept.size <= 1_000);
  for (let number = 0; number < 8_000; number += 1) {
    const unit = unitOf(number);
    // The sample is a property of the unit alone: whoever is accepted has been kept since its first record.
    assert.equal(units.accepts(unit), kept.has(unit));
    if (units.accepts(unit)) accepted += 1;
  }
  assert.ok(Math.abs(accepted * units.scale - 8_000) < 1_000, `${accepted}`);
});

test("a sample is independent of the leading digits of the unit, from which a side may have been drawn", () => {
  const units = new BoundedUnits<number>(500);
  for (let number = 0; number < 8_000; number += 1) units.set(unitOf(number), 1);
  const low = Array.from(units.entries()).filter(([unit]) => Number.parseInt(unit.slice(0, 8), 16) < 2 ** 31).length;
  const kept = Array.from(units.entries()).length;
  assert.ok(Math.abs(low / kept - 0.5) < 0.1, `${low} of ${kept}`);
});
