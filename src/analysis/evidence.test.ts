import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Evidence } from "./evidence.ts";
import { begin, plan, record, rollout, Traffic, unitOf, visit } from "./traffic.fixture.ts";

const firstStep = { kind: "step", step: 0 } as const;
const bake = { kind: "bake" } as const;

test("a dead canary at 5% fails with its third visitor, and says why", () => {
  const evidence = begin();
  for (const number of [1, 2]) evidence.absorb(record({ kind: "failed", unit: unitOf(number), atMs: 10 }));
  for (let again = 0; again < 100; again += 1) evidence.absorb(record({ kind: "failed", unit: unitOf(1), atMs: 20 }));
  evidence.advance({ nowMs: 25, settledUntilMs: 25 });
  assert.equal(evidence.verdict(firstStep).kind, "inconclusive");
  evidence.absorb(record({ kind: "failed", unit: unitOf(3), atMs: 30 }));
  evidence.advance({ nowMs: 40, settledUntilMs: 40 });
  assert.deepEqual(evidence.verdict(firstStep), {
    kind: "fail",
    metric: "errors",
    reason:
      "3 visitors failed on the canary (5% of visitors) against 0 on stable: 1,478 times likelier if the canary is worse than by chance (250 decides)",
  });
});

test("a failure is latched and outranks a pass", () => {
  const evidence = begin();
  visit(evidence, { from: 0, to: 1_200 });
  assert.equal(evidence.verdict(firstStep).kind, "pass");
  for (const number of [1, 2, 3]) evidence.absorb(record({ kind: "failed", unit: unitOf(number * 20), atMs: 12_000 }));
  evidence.advance({ nowMs: 12_100, settledUntilMs: 12_100 });
  assert.equal(evidence.verdict(firstStep).kind, "fail");
  for (let number = 1; number < 400; number += 1)
    evidence.absorb(record({ kind: "failed", unit: unitOf(number * 20 + 1), arm: "stable", atMs: 12_000 }));
  evidence.advance({ nowMs: 12_200, settledUntilMs: 12_200 });
  assert.equal(evidence.verdict(firstStep).kind, "fail");
});

test("the first gate passes after about ln(20)/margin canary visitors, and says what it rules out", () => {
  const evidence = begin();
  visit(evidence, { from: 0, to: 900 });
  const early = evidence.verdict(firstStep);
  assert.equal(early.kind, "inconclusive");
  if (early.kind === "inconclusive") {
    assert.match(
      early.missing,
      /^about \d\d\d more scored visitors, \d+ of them on the canary, if it is as good as stable: about \d s at 100 new visitors a second$/,
    );
    assert.equal(early.pendingVisitors, 301);
    assert.equal(early.lastVisitorAtMs, 8_990);
  }
  visit(evidence, { from: 900, to: 1_200 });
  const pass = evidence.verdict(firstStep);
  assert.equal(pass.kind, "pass");
  if (pass.kind === "pass")
    assert.match(pass.reason, /^\d\d visitors scored on the canary, none failed: rules out more than 8% extra/);
  const { scoredVisitors, excludedHarm } = evidence.summary();
  assert.ok(scoredVisitors >= 36 && scoredVisitors <= 46, `${scoredVisitors}`);
  assert.ok(Math.abs(excludedHarm - (1 - 0.05 ** (1 / scoredVisitors))) < 1e-12);
});

test("lost records mean that nothing passes, in words", () => {
  const evidence = begin();
  visit(evidence, { from: 0, to: 1_200 });
  evidence.recordsLost(3);
  const verdict = evidence.verdict(firstStep);
  assert.equal(verdict.kind, "inconclusive");
  if (verdict.kind === "inconclusive") assert.match(verdict.missing, /^3 records were lost/);
  assert.equal(evidence.summary().lostRecords, 3);
});

test("an outage of what both sides share is seldom blamed on the canary, also at 50%", () => {
  let blamed = 0;
  for (let seed = 0; seed < 200; seed += 1) {
    const evidence = Evidence.begin(plan());
    const traffic = new Traffic({
      evidence,
      seed,
      newVisitorsPerSecond: 40,
      answer: ({ atMs }) => ({ isFailed: atMs >= 5_000 }),
    });
    traffic.serve(5_000);
    while (traffic.nowMs < 8_000) traffic.tick();
    const { kind } = evidence.verdict(firstStep);
    if (kind === "fail") blamed += 1;
    else assert.equal(kind, "shared-outage");
  }
  assert.ok(blamed <= 20, `${blamed} of 200`);
});

test("the bake has no gate to pass", () => {
  const evidence = begin();
  visit(evidence, { from: 0, to: 1_200 });
  const verdict = evidence.verdict(bake);
  assert.equal(verdict.kind, "inconclusive");
  if (verdict.kind === "inconclusive") assert.match(verdict.missing, /SLO test watches the 99.9% objective/);
});

test("when both sides burn their budget nobody is blamed, and nothing passes, until stable is well again", () => {
  const evidence = begin();
  visit(evidence, { from: 0, to: 1_200 });
  visit(evidence, { from: 1_200, to: 1_400, isBad: () => true });
  const verdict = evidence.verdict(firstStep);
  assert.equal(verdict.kind, "shared-outage");
  visit(evidence, { from: 1_400, to: 6_000 });
  assert.equal(evidence.verdict(firstStep).kind, "pass");
});

test("after the promotion, with nothing to compare with, the SLO test alone goes back", () => {
  const evidence = begin({}, 10_000);
  for (let number = 0; number < 2_000; number += 1) {
    evidence.absorb(record({ kind: "served", unit: unitOf(number), weight: 10_000, atMs: number * 25 }));
  }
  let failures = 0;
  while (evidence.verdict(bake).kind !== "fail" && failures < 100) {
    evidence.absorb(record({ kind: "failed", unit: unitOf(5_000 + failures), weight: 10_000, atMs: 50_000 }));
    failures += 1;
  }
  assert.ok(failures >= 2 && failures <= 40, `${failures}`);
  const verdict = evidence.verdict(bake);
  assert.equal(verdict.kind === "fail" ? verdict.metric : "", "slo");
  assert.equal(
    evidence
      .summary()
      .metrics.find(({ name }) => name === "errors")
      ?.eValue.toFixed(9),
    "1.000000000",
  );
});

test("an outage before the promotion does not excuse a fall after it", () => {
  const evidence = begin();
  visit(evidence, { from: 0, to: 100, isBad: () => true });
  assert.equal(evidence.verdict(firstStep).kind, "shared-outage");
  evidence.weightChanged({ weight: 10_000, exposureEpoch: 2, atMs: 2_000 });
  for (let number = 200; number < 240; number += 1) {
    evidence.absorb(record({ kind: "failed", unit: unitOf(number), weight: 10_000, exposureEpoch: 2, atMs: 3_000 }));
  }
  assert.equal(evidence.verdict(bake).kind, "fail");
});

test("the summary counts requests as it was told, and as harmed the visitors whom a failure has reached, each once", () => {
  const evidence = begin();
  for (const number of [1, 2]) evidence.absorb(record({ kind: "failed", unit: unitOf(number), atMs: 10 }));
  for (const kind of ["harmed", "harmed"] as const) evidence.absorb(record({ kind, unit: unitOf(2), atMs: 20 }));
  evidence.countRequests({ canary: { requests: 10, failed: 3 }, stable: { requests: 90, failed: 0 }, harmedRequests: 1 });
  const summary = evidence.summary();
  assert.deepEqual(summary.canary, { visitors: 2, failedVisitors: 2, requests: 10, failedRequests: 3 });
  assert.deepEqual([summary.harmedRequests, summary.harmedVisitors, summary.shieldedRequests], [1, 1, 2]);
});

const someRecord = fc.record({
  kind: fc.constantFrom("exposed", "failed", "served", "timed"),
  tookMs: fc.double({ min: 0, max: 5_000, noNaN: true }),
  unit: fc.integer({ min: 0, max: 60 }).map(unitOf),
  arm: fc.constantFrom("canary", "stable"),
  weight: fc.constantFrom(500, 2_500),
  exposureEpoch: fc.constantFrom(1, 2),
  atMs: fc.integer({ min: 1, max: 90_000 }),
} as const);

test("property: a snapshot, restored, goes on bit for bit as if nothing had happened", () => {
  fc.assert(
    fc.property(fc.array(someRecord, { maxLength: 80 }), fc.nat({ max: 80 }), (records, cut) => {
      const whole = begin();
      let halved = begin();
      records.forEach((changes, index) => {
        if (index === cut) halved = Evidence.restore(JSON.parse(JSON.stringify(halved.snapshot(index * 1_000))), index * 1_000);
        for (const evidence of [whole, halved]) {
          evidence.absorb(record(changes));
          if (index === 40) evidence.weightChanged({ weight: 2_500, exposureEpoch: 2, atMs: index * 1_000 });
          evidence.advance({ nowMs: index * 1_000, settledUntilMs: index * 1_000 });
        }
      });
      assert.deepEqual(halved.snapshot(100_000), whole.snapshot(100_000));
      assert.deepEqual(halved.summary(), whole.summary());
      assert.deepEqual(halved.verdict(firstStep), whole.verdict(firstStep));
    }),
  );
});

test("property: repeating every record changes nothing", () => {
  fc.assert(
    fc.property(fc.array(someRecord, { maxLength: 60 }), (records) => {
      const [once, twice] = [begin(), begin()];
      for (const changes of records) {
        once.absorb(record(changes));
        for (let time = 0; time < 3; time += 1) twice.absorb(record(changes));
      }
      for (const evidence of [once, twice]) evidence.advance({ nowMs: 200_000, settledUntilMs: 200_000 });
      assert.deepEqual(twice.snapshot(0), once.snapshot(0));
    }),
  );
});

test("evidence of an earlier boot of the machine is taken as if it were of now", () => {
  const evidence = begin();
  visit(evidence, { from: 100_000, to: 100_900 });
  const restored = Evidence.restore(JSON.parse(JSON.stringify(evidence.snapshot(1_009_000))), 500);
  const before = restored.summary().scoredVisitors;
  restored.advance({ nowMs: 4_000, settledUntilMs: 4_000 });
  assert.ok(restored.summary().scoredVisitors > before);
  const verdict = restored.verdict(firstStep);
  assert.ok(verdict.kind !== "inconclusive" || (verdict.lastVisitorAtMs ?? 501) <= 500);
});

test("what is not a snapshot is refused with a code", () => {
  const whole = begin().snapshot(0);
  for (const broken of [
    undefined,
    null,
    {},
    { ...whole, version: 4 },
    { ...whole, gates: [] },
    { ...whole, metrics: { errors: { mixture: {} } } },
  ]) {
    assert.throws(() => Evidence.restore(broken, 0), { code: "BELAY_EVIDENCE_UNREADABLE" });
  }
});

test("a good release goes through the demo's plan in about the time that was forecast", () => {
  const end = rollout({ seed: 1, newVisitorsPerSecond: 40, answer: () => ({ isFailed: false, tookMs: 30 }), forMs: 120_000 });
  assert.equal(end.outcome, "promoted");
  assert.ok(end.atMs > 35_000 && end.atMs < 55_000, `${end.atMs}`);
});

test("a dead release is rolled back by at most 5 failing visitors in 99 of 100 rollouts", () => {
  let late = 0;
  for (let seed = 0; seed < 100; seed += 1) {
    const end = rollout({ seed, newVisitorsPerSecond: 40, answer: ({ arm }) => ({ isFailed: arm === "canary" }), forMs: 60_000 });
    assert.equal(end.outcome, "rolled back");
    if (end.failedCanaryVisitors > 5) late += 1;
  }
  assert.ok(late <= 1, `${late}`);
});

test("a closed circle of visitors never passes a gate", () => {
  const end = rollout({ seed: 5, newVisitorsPerSecond: 40, circle: 500, answer: () => ({ isFailed: false }), forMs: 300_000 });
  assert.equal(end.outcome, "still running");
});

test("identical releases are rolled back in at most 1 of 100 rollouts, though some visitors fail again and again", () => {
  // Goal: the false rollbacks of a comparison per request (64 to 79 % in the reference simulations) do not come back.
  // Method: 2,000 returning visitors, of whom 3 % fail half of their requests; the objective is wide, so only the comparison judges.
  let rolledBack = 0;
  for (let seed = 0; seed < 300; seed += 1) {
    const end = rollout({
      seed,
      newVisitorsPerSecond: 30,
      circle: 2_000,
      requestsPerVisitor: 2,
      answer: ({ visitor, random }) => ({ isFailed: visitor % 33 === 0 && random.float() < 0.5 }),
      forMs: 60_000,
      plan: plan({ sloAvailability: 0.7 }),
    });
    if (end.outcome === "rolled back") rolledBack += 1;
  }
  // 3 are expected at most; 8 or more have a probability of 1.2 %.
  assert.ok(rolledBack <= 7, `${rolledBack} of 300`);
});

test("failing at once is not worse than failing as often by a slow timeout", () => {
  // Goal: the known bias of scoring errors as they arrive stays within the bound at ordinary error rates (0.1 % of requests).
  let rolledBack = 0;
  for (let seed = 0; seed < 150; seed += 1) {
    const end = rollout({
      seed,
      newVisitorsPerSecond: 40,
      answer: ({ arm, random }) => ({
        isFailed: random.float() < 0.001,
        tookMs: arm === "canary" ? 0 : 20_000 * random.float() ** 8,
      }),
      forMs: 90_000,
      plan: plan({ sloAvailability: 0.9 }),
    });
    if (end.outcome === "rolled back") rolledBack += 1;
  }
  assert.ok(rolledBack <= 4, `${rolledBack} of 150`);
});

test("a release that turns bad late in the bake is rolled back by the SLO test within 40 failing visitors", () => {
  for (let seed = 0; seed < 10; seed += 1) {
    const turnsBadAtMs = 200_000 + seed * 7_000;
    const end = rollout({
      seed,
      newVisitorsPerSecond: 40,
      answer: ({ arm, atMs }) => ({ isFailed: arm === "canary" && atMs >= turnsBadAtMs }),
      forMs: 400_000,
      plan: plan({ bakeMs: 350_000 }),
    });
    assert.deepEqual([end.outcome, end.metric], ["rolled back", "slo"]);
    assert.ok(end.failedCanaryVisitors <= 40, `${end.failedCanaryVisitors}`);
  }
});
