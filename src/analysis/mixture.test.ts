import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LabelTest } from "./label-test.ts";
import { LatencyTest } from "./latency-test.ts";
import { Mixture } from "./mixture.ts";
import { Gate } from "./non-inferiority.ts";
import { SampleRatio } from "./sample-ratio.ts";
import { begin, visit } from "./traffic.fixture.ts";

const wealth = fc.array(fc.double({ min: -50, max: 8, noNaN: true }), { minLength: 1, maxLength: 12 });

test("property: a state of more or fewer alternatives never makes the value larger than it was", () => {
  fc.assert(
    fc.property(
      wealth,
      fc.double({ min: 0, max: 0.5, noNaN: true }),
      fc.integer({ min: 1, max: 12 }),
      (logWealth, cash, count) => {
        const mixture = new Mixture({ priors: Array.from({ length: count }, () => 1 / count), cash: 0.25 });
        mixture.load({ logWealth, cash });
        const was = Math.log(logWealth.reduce((sum, each) => sum + Math.exp(each), cash));
        assert.ok(mixture.logValue() <= was + 1e-9);
        if (count >= logWealth.length)
          assert.ok(Math.abs(mixture.logValue() - was) < 1e-9, "and none of it is lost where there is room");
        assert.equal(JSON.parse(JSON.stringify(mixture.state())).logWealth.includes(null), false);
      },
    ),
  );
});

test("property: the value that is remembered is the value, whatever came before", () => {
  const act = fc.oneof(fc.double({ min: -2, max: 2, noNaN: true }), fc.constant("invest" as const));
  fc.assert(
    fc.property(fc.array(act, { maxLength: 30 }), (acts) => {
      const mixture = new Mixture({ priors: [0.4, 0.6], cash: 0.25 });
      for (const one of acts) {
        if (one === "invest") mixture.invest(0.01);
        else mixture.multiply(Float64Array.of(one, -one));
        const { logWealth, cash } = mixture.state();
        const value = Math.log(logWealth.reduce((sum, each) => sum + Math.exp(each), cash));
        assert.ok(Math.abs(mixture.logValue() - value) < 1e-9);
      }
    }),
  );
});

test("an absurd weight is no evidence for anything", () => {
  const [label, latency, ratio, gate] = [
    new LabelTest(),
    new LatencyTest(),
    new SampleRatio(),
    new Gate({ harm: 0.02, nextWeight: 2_500 }),
  ];
  for (let index = 0; index < 200; index += 1) latency.timed({ arm: "stable", weight: 500, tookMs: 10 });
  const before = [label.state(), latency.state(), ratio.state(), gate.state()];
  for (const weight of [Number.NaN, -1, 0, 10_000, Number.POSITIVE_INFINITY]) {
    label.failed("canary", weight);
    latency.timed({ arm: "canary", weight, tookMs: 1_000 });
    ratio.seen({ arm: "canary", weight });
    gate.score({ arm: "canary", weight, isBad: true });
  }
  assert.deepEqual([label.state(), latency.state(), ratio.state(), gate.state()], before);
});

test("a clock that steps back takes no evidence back and gives none", () => {
  const evidence = begin();
  visit(evidence, { from: 0, to: 3_000, isBad: (number) => number % 500 === 1 });
  const { metrics, scoredVisitors } = evidence.summary();
  for (const nowMs of [29_990, 5, 20_000]) evidence.advance({ nowMs, settledUntilMs: nowMs });
  assert.deepEqual(evidence.summary().metrics, metrics);
  assert.equal(evidence.summary().scoredVisitors, scoredVisitors);
});
