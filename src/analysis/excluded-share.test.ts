import assert from "node:assert/strict";
import { test } from "node:test";
import { excludedShare } from "./excluded-share.ts";

function near(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) < 5e-5, `${actual} is not ${expected}`);
}

test("nobody scored rules nothing out", () => {
  assert.equal(excludedShare(0, 0), 1);
  assert.equal(excludedShare(3, 3), 1);
});

test("without failures it is 1 - 0.05^(1/n)", () => {
  near(excludedShare(25, 0), 0.1129);
  near(excludedShare(150, 0), 0.0198);
});

test("with failures it is the upper limit of Clopper and Pearson", () => {
  // One-sided 95 % limits as in published tables of the binomial distribution.
  near(excludedShare(10, 1), 0.3942);
  near(excludedShare(20, 2), 0.2826);
  near(excludedShare(100, 5), 0.1023);
});

test("it stays sound with large counts", () => {
  const limit = excludedShare(60_000, 6_000);
  assert.ok(limit > 0.1 && limit < 0.103, `${limit}`);
});
