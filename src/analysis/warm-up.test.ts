import assert from "node:assert/strict";
import { test } from "node:test";
import { Evidence } from "./evidence.ts";
import { forecast } from "./forecast.ts";
import { begin, plan, record, unitOf, visit } from "./traffic.fixture.ts";
import { gateWarmUpMs, WarmUp } from "./warm-up.ts";

const cold = plan({ warmUpMs: 30_000, steps: [500, 2_500].map((weight) => ({ weight, minHoldMs: 10_000 })) });

test("nothing is timed before the first exposure and while instances are new, and nobody is scored then", () => {
  const warmUp = new WarmUp(cold);
  assert.equal(warmUp.isTimed(500), false);
  warmUp.begins(1_000);
  assert.deepEqual(
    [30_999, 31_000].map((atMs) => warmUp.isTimed(atMs)),
    [false, true],
  );
  assert.deepEqual(
    [10_999, 11_000].map((atMs) => warmUp.isScored(atMs)),
    [false, true],
  );
  warmUp.begins(60_000);
  assert.deepEqual(
    [59_999, 60_000, 70_000].map((atMs) => warmUp.isScored(atMs)),
    [true, false, true],
  );
  assert.deepEqual(new WarmUp(cold, warmUp.state()).state(), warmUp.state());
});

test("a release whose instances start again and again hides nothing behind its warm-ups", () => {
  const warmUp = new WarmUp(cold);
  for (let start = 0; start < 100; start += 1) warmUp.begins(start * 10_000);
  assert.equal(warmUp.isScored(45_000), true);
  assert.equal(warmUp.state().length, 4);
});

test("a plan of quick steps is not slowed down by a long warm-up, and one of long steps is by nothing", () => {
  assert.equal(gateWarmUpMs(cold), 10_000);
  assert.equal(
    gateWarmUpMs({
      ...cold,
      steps: [
        { weight: 0, minHoldMs: 1, cohort: "team" },
        { weight: 100, minHoldMs: 60_000 },
      ],
    }),
    30_000,
  );
  assert.equal(gateWarmUpMs({ ...cold, steps: [] }), 0);
  const [without, withIt] = [plan(), plan({ warmUpMs: 30_000 })].map((each) => forecast(each, 40).gates[0]?.stepMs ?? 0);
  assert.ok(without !== undefined && withIt !== undefined && withIt - without <= 2_000 && withIt > without);
});

test("visitors of a warm-up are in no gate, on either side, whatever became of them; their errors count all the same", () => {
  const evidence = begin({ warmUpMs: 30_000 });
  visit(evidence, { from: 0, to: 200 });
  evidence.advance({ nowMs: 60_000, settledUntilMs: 60_000 });
  assert.equal(evidence.summary().scoredVisitors, 0, "within the first two seconds");
  visit(evidence, { from: 6_000, to: 6_400 });
  evidence.advance({ nowMs: 70_000, settledUntilMs: 70_000 });
  assert.equal(evidence.summary().scoredVisitors, 20);
  evidence.instanceStarted(70_000);
  visit(evidence, { from: 7_001, to: 7_190 });
  evidence.advance({ nowMs: 90_000, settledUntilMs: 90_000 });
  assert.equal(evidence.summary().scoredVisitors, 20, "an instance was started anew");
  const restored = Evidence.restore(JSON.parse(JSON.stringify(evidence.snapshot(90_000))), 90_000);
  for (const each of [evidence, restored]) {
    for (const number of [1, 2, 3]) each.absorb(record({ kind: "failed", unit: unitOf(number * 20), atMs: 70_500 }));
    each.advance({ nowMs: 90_000, settledUntilMs: 90_000 });
    assert.equal(each.verdict({ kind: "step", step: 0 }).kind, "fail");
  }
  assert.deepEqual(restored.snapshot(90_000), evidence.snapshot(90_000));
});
