import assert from "node:assert/strict";
import { test } from "node:test";
import { createSeededRandom } from "../ports/random.ts";
import { differenceInterval, shareInterval } from "./effect.ts";

const close = (value: number, expected: number) => assert.ok(Math.abs(value - expected) < 5e-4, `${value} is not ${expected}`);

test("the interval of a share is Wilson's", () => {
  const { estimate, low, high } = shareInterval(81, 263);
  close(estimate, 0.308);
  close(low, 0.2553);
  close(high, 0.3662);
  assert.equal(shareInterval(0, 20).low, 0);
  close(shareInterval(0, 20).high, 0.1611);
});

test("the interval of a difference is Newcombe's", () => {
  // His example (a): 56/70 against 48/80.
  const { estimate, low, high } = differenceInterval(shareInterval(56, 70), shareInterval(48, 80));
  close(estimate, 0.2);
  close(low, 0.0524);
  close(high, 0.3339);
});

test("without anybody on one side the limits are those of ignorance, and never no numbers", () => {
  const { low, high } = differenceInterval(shareInterval(0, 0), shareInterval(1, 10));
  assert.ok(low >= -1 && low < 0 && high <= 1 && high > 0);
});

test("it covers the true difference in about 95 of 100 samples", () => {
  const random = createSeededRandom(1);
  const sample = (n: number, p: number) => Array.from({ length: n }, () => random.float()).filter((draw) => draw < p).length;
  let covered = 0;
  for (let run = 0; run < 1_000; run += 1) {
    const { low, high } = differenceInterval(shareInterval(sample(60, 0.2), 60), shareInterval(sample(600, 0.02), 600));
    if (low <= 0.18 && high >= 0.18) covered += 1;
  }
  assert.ok(covered >= 930 && covered <= 975, String(covered));
});
