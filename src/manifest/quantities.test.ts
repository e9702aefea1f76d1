import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { describeDuration, describePercent, parseDuration, parsePercent, parseSize } from "./quantities.ts";

test("durations, percents and sizes are read in their units", () => {
  assert.deepEqual(["250ms", "30s", "5m", "1h"].map(parseDuration), [250, 30_000, 300_000, 3_600_000]);
  assert.deepEqual(["0.2%", "99.9%", "5%", "0.01%"].map(parsePercent), [0.002, 0.999, 0.05, 0.0001]);
  assert.deepEqual(["512MB", "1GiB"].map(parseSize), [512_000_000, 1_073_741_824]);
});

test("what is not a quantity is refused", () => {
  for (const text of ["", "5", "5 s", "-5s", "5d", "1e3s"]) assert.throws(() => parseDuration(text), RangeError);
  for (const text of ["", "5", "%", "1e2%", "-1%"]) assert.throws(() => parsePercent(text), RangeError);
  for (const text of ["", "5", "5mb", "5 MB"]) assert.throws(() => parseSize(text), RangeError);
});

test("property: a described duration reads back as itself", () => {
  fc.assert(
    fc.property(fc.nat(3_000_000_000), (durationMs) => assert.equal(parseDuration(describeDuration(durationMs)), durationMs)),
  );
});

test("property: a described percent of up to four digits reads back as itself", () => {
  fc.assert(
    fc.property(fc.nat(1_000_000), (millionths) =>
      assert.equal(parsePercent(describePercent(millionths / 1_000_000)), millionths / 1_000_000),
    ),
  );
});
