import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { backoffMs } from "./backoff.ts";

test("the first restart is immediate, then the pauses double from 100 ms", () => {
  assert.deepEqual([1, 2, 3, 4, 5].map(backoffMs), [0, 100, 200, 400, 800]);
});

test("property: the pause never shrinks and never exceeds 30 s", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000 }), (ends) => {
      assert.ok(backoffMs(ends) <= backoffMs(ends + 1));
      assert.ok(backoffMs(ends) <= 30_000);
    }),
  );
});
