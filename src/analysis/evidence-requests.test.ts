import assert from "node:assert/strict";
import { test } from "node:test";
import { Evidence } from "./evidence.ts";
import { LabelTest } from "./label-test.ts";
import { begin, plan, record, rollout, runRollout, Traffic, unitOf } from "./traffic.fixture.ts";

/** One request by each visitor is what `evidence: request` makes of any traffic: each has a toss of its own. */
const single = { requestsPerVisitor: 1, newVisitorsPerSecond: 100 } as const;
const byRequest = plan({ evidence: "request" });

test("a dead release is rolled back by at most 5 failing requests in 99 of 100 rollouts", () => {
  let late = 0;
  for (let seed = 0; seed < 100; seed += 1) {
    const end = rollout({
      ...single,
      seed,
      answer: ({ arm }) => ({ isFailed: arm === "canary" }),
      forMs: 60_000,
      plan: byRequest,
    });
    assert.equal(end.outcome, "rolled back");
    if (end.failedCanaryVisitors > 5) late += 1;
  }
  assert.ok(late <= 2, `${late}`);
});

test("a good release is promoted, and its words speak of requests", () => {
  const evidence = Evidence.begin(byRequest);
  const traffic = new Traffic({ ...single, evidence, seed: 2, answer: () => ({ isFailed: false, tookMs: 20 }) });
  const end = runRollout({ plan: byRequest, evidence, traffic, forMs: 120_000 });
  assert.equal(end.outcome, "promoted");
  // No window to wait for: the gates take ln(20)/margin canary requests each, and the holds and the bake what they take.
  assert.ok(end.atMs < 24_000, `${end.atMs}`);
  const verdict = evidence.verdict({ kind: "step", step: 2 });
  assert.match(verdict.kind === "pass" ? verdict.reason : "", /requests scored on the canary, .* extra failing requests/);
});

test("identical releases are rolled back in at most 1 of 100 rollouts, over restarts, drift and shared bursts of errors", () => {
  let rolledBack = 0;
  for (let seed = 0; seed < 60; seed += 1) {
    const end = rollout({
      ...single,
      seed,
      answer: ({ atMs, random }) => ({ isFailed: random.float() < (atMs % 60_000 < 3_000 ? 0.2 : 0.02) }),
      forMs: 240_000,
      // The objective is wide and the gates cannot pass: only the comparison judges, and for long.
      plan: plan({ evidence: "request", sloAvailability: 0.7, harm: 0.0001 }),
    });
    if (end.outcome === "rolled back") rolledBack += 1;
  }
  // 0.2 are expected at most; 4 or more have a probability below 0.01 %.
  assert.ok(rolledBack <= 3, `${rolledBack} of 60`);
});

test("a visitor who comes again and again is scored once, and clients whom nobody knows again each time", () => {
  const scored = (visitorOf: (request: number) => number) => {
    const evidence = begin({ evidence: "request" });
    for (let request = 0; request < 600; request += 1) {
      const base = { unit: unitOf(request), atMs: request * 10 };
      evidence.absorb(record({ kind: "exposed", ...base, visitor: unitOf(visitorOf(request)) }));
      evidence.absorb(record({ kind: "served", ...base }));
    }
    evidence.advance({ nowMs: 60_000, settledUntilMs: 60_000 });
    return evidence.summary().scoredVisitors;
  };
  assert.equal(
    scored((request) => request),
    600,
  );
  const circle = scored((request) => request % 20);
  assert.ok(circle > 0 && circle <= 20, `${circle}`);
});

test("property: a restart leaves the value what it is", () => {
  for (const restarts of [false, true]) {
    const label = new LabelTest({ restarts });
    for (let failure = 0; failure < 40; failure += 1) {
      label.failed(failure % 9 === 0 ? "canary" : "stable", 500);
      const before = label.logE;
      label.invest();
      assert.ok(Math.abs(label.logE - before) < 1e-12);
    }
  }
});

test("a fault that begins after an hour of shared errors is seen sooner with restarts", () => {
  const failuresUntilDecided = (restarts: boolean) => {
    const label = new LabelTest({ restarts });
    for (let minute = 0; minute < 60; minute += 1) {
      for (let failure = 0; failure < 20; failure += 1) label.failed(failure === 0 ? "canary" : "stable", 500);
      label.invest();
    }
    let failures = 0;
    while (!label.isDecided && failures < 10_000) {
      failures += 1;
      label.failed(failures % 3 === 0 ? "canary" : "stable", 500);
    }
    return failures;
  };
  const [without, withRestarts] = [failuresUntilDecided(false), failuresUntilDecided(true)];
  assert.ok(withRestarts < 40 && without > 2 * withRestarts, `${without} without, ${withRestarts} with`);
});
