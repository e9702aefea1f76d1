import assert from "node:assert/strict";
import { test } from "node:test";
import { forecast } from "./forecast.ts";
import { plan } from "./traffic.fixture.ts";

test("the demo's plan takes 20.7/(harm x visitors) seconds of gates, a window each, and the bake", () => {
  const { gates, totalMs, canPass, words } = forecast(plan(), 40);
  const gatesMs = gates.reduce((sum, gate) => sum + gate.gateMs, 0);
  assert.ok(Math.abs(gatesMs - 20_670 / (0.02 * 40)) < 50, `${gatesMs}`);
  assert.equal(Math.round(totalMs - gatesMs), 3 * 3_000 + 8_000);
  assert.equal(canPass, true);
  assert.equal(words, "about 26 s of gates at 40 new visitors a second; rules out more than 2% extra failing visitors");
});

test("a long hold collects visitors for the gates after it", () => {
  const steps = [500, 2_500, 5_000].map((weight) => ({ weight, minHoldMs: 600_000 }));
  const { gates } = forecast(plan({ steps }), 40);
  assert.deepEqual(
    gates.map(({ stepMs }) => stepMs),
    [600_000, 600_000, 600_000],
  );
  assert.equal(gates[2]?.gateMs, 0);
});

test("a gate that takes longer than the longest hold cannot pass, and is named", () => {
  const { canPass, words } = forecast(plan({ harm: 0.002 }), 1);
  assert.equal(canPass, false);
  assert.equal(
    words,
    "the gate of the 5% step takes about 2.1 h at 1 new visitors a second, longer than the longest hold of 10 min",
  );
});

test("without new visitors nothing can pass", () => {
  const { canPass, totalMs, words } = forecast(plan(), 0);
  assert.equal(canPass, false);
  assert.equal(totalMs, Number.POSITIVE_INFINITY);
  assert.match(words, /^without new visitors the gate of the 5% step cannot pass/);
});
