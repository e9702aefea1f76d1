import assert from "node:assert/strict";
import { test } from "node:test";
import { Evidence } from "./evidence.ts";
import { begin, plan, record, rollout, runRollout, Traffic, type TrafficOptions, unitOf, visit } from "./traffic.fixture.ts";

const firstStep = { kind: "step", step: 0 } as const;

test("a slower release is an alarm, and takes itself back where the plan says so", () => {
  const answer: TrafficOptions["answer"] = ({ arm, random }) => ({
    isFailed: false,
    tookMs: (arm === "canary" ? 200 : 100) * (0.5 + random.float()),
  });
  for (const onFail of [undefined, { latency: "rollback" }, { latency: "hold" }] as const) {
    const chosen = plan({ onFail });
    const evidence = Evidence.begin(chosen);
    const traffic = new Traffic({ evidence, seed: 3, newVisitorsPerSecond: 40, answer });
    const end = runRollout({ plan: chosen, evidence, traffic, forMs: 60_000 });
    if (onFail?.latency === "rollback") {
      assert.deepEqual([end.outcome, end.metric], ["rolled back", "latency"]);
      assert.deepEqual(evidence.alarms(), []);
      const verdict = evidence.verdict(firstStep);
      assert.match(
        verdict.kind === "fail" ? verdict.reason : "",
        /^answers of the canary are slower, throughout: half of \d+ answers within 2\d\d ms \(\d+ ms on stable\), 95% within .* times likelier if it is slower than by chance \(400 decides\)$/,
      );
    } else {
      assert.equal(end.outcome, "promoted");
      assert.deepEqual(
        evidence.alarms().map(({ metric, onFail: then }) => [metric, then]),
        [["latency", onFail?.latency ?? "notify"]],
      );
    }
  }
});

test("answers of the warm-up are timed on neither side", () => {
  const chosen = plan({ warmUpMs: 60_000 });
  const evidence = Evidence.begin(chosen);
  const traffic = new Traffic({ evidence, seed: 3, newVisitorsPerSecond: 40, answer: () => ({ isFailed: false, tookMs: 50 }) });
  runRollout({ plan: chosen, evidence, traffic, forMs: 20_000 });
  assert.equal(evidence.summary().latency?.stable.visitors, 0);
  while (traffic.nowMs < 70_000) traffic.tick();
  assert.ok((evidence.summary().latency?.stable.visitors ?? 0) > 100);
});

test("a promise of speed is kept on each side by itself: the slow side goes back, and where both are slow nobody is blamed", () => {
  const run = (isSlow: (arm: "canary" | "stable") => boolean) =>
    rollout({
      seed: 5,
      newVisitorsPerSecond: 40,
      answer: ({ arm }) => ({ isFailed: false, tookMs: isSlow(arm) ? 500 : 50 }),
      forMs: 60_000,
      plan: plan({ latencyObjective: { underMs: 300, share: 0.99 } }),
    });
  const slow = run((arm) => arm === "canary");
  assert.deepEqual([slow.outcome, slow.metric], ["rolled back", "latencySlo"]);
  assert.equal(run(() => true).outcome, "held");
  assert.equal(run(() => false).outcome, "promoted");
});

test("a metric that only notifies takes no release back, and holds none for an outage", () => {
  const onFail = { errors: "notify", slo: "notify" } as const;
  const end = rollout({
    seed: 5,
    newVisitorsPerSecond: 40,
    answer: ({ random }) => ({ isFailed: random.float() < 0.05 }),
    forMs: 120_000,
    plan: plan({ onFail, harm: 0.4 }),
  });
  assert.equal(end.outcome, "promoted");
});

test("where too many come to the canary nothing that compares the sides counts, and only the objective still does", () => {
  const evidence = begin();
  for (let number = 0; number < 400; number += 1) {
    const arm = number % 2 === 0 ? "canary" : "stable";
    evidence.absorb(record({ kind: "exposed", unit: unitOf(number), arm, atMs: number }));
    if (number > 100 && arm === "canary" && number < 140) evidence.absorb(record({ kind: "failed", unit: unitOf(number), arm }));
    else evidence.absorb(record({ kind: "served", unit: unitOf(number), arm, atMs: number }));
  }
  evidence.advance({ nowMs: 60_000, settledUntilMs: 60_000 });
  const [alarm] = evidence.alarms();
  assert.deepEqual([alarm?.metric, alarm?.onFail], ["assignment", "hold"]);
  assert.match(alarm?.reason ?? "", /^200 of 400 new visitors came to the canary, and about 20 were planned/);
  const verdict = evidence.verdict(firstStep);
  assert.equal(verdict.kind === "fail" ? verdict.metric : verdict.kind, "slo");
});

test("a canary that leaves its visitors without any answer is seen, though there is no failure to count", () => {
  const evidence = begin();
  for (let number = 0; number < 2_000; number += 1) {
    const arm = number % 20 === 0 ? "canary" : "stable";
    const base = { unit: unitOf(number), arm, atMs: number * 10 } as const;
    evidence.absorb(record({ kind: "exposed", ...base }));
    if (arm === "stable") evidence.absorb(record({ kind: "served", ...base }));
    evidence.advance({ nowMs: number * 10, settledUntilMs: number * 10 });
  }
  assert.deepEqual(
    evidence.alarms().map(({ metric, onFail }) => [metric, onFail]),
    [["answers", "hold"]],
  );
  const verdict = evidence.verdict(firstStep);
  assert.match(verdict.kind === "inconclusive" ? verdict.missing : "", /one side does not answer/);
});

test("a snapshot of the version before goes on with what it had counted", () => {
  const evidence = begin();
  visit(evidence, { from: 0, to: 900 });
  const { failures, metrics, assignment, answers, exposedSinceMs, ...kept } = evidence.snapshot(9_000);
  // As it was packed then: the minute times eight, with three flags.
  const known = kept.book.known.split(",").map((item) => {
    const [unit, packed = ""] = item.split(":");
    const value = Number.parseInt(packed, 36);
    return `${unit}:${(Math.floor(value / 32) * 8 + (value % 8)).toString(36)}`;
  });
  const { errors: label, slo } = metrics;
  const first = { ...kept, label, slo, version: 1, failure: null, book: { ...kept.book, known: known.join(",") } };
  const restored = Evidence.restore(JSON.parse(JSON.stringify(first)), 9_000);
  assert.deepEqual(restored.verdict(firstStep), evidence.verdict(firstStep));
  assert.equal(restored.summary().scoredVisitors, evidence.summary().scoredVisitors);
  assert.deepEqual([failures.length, exposedSinceMs], [0, 0]);
  assert.ok(assignment !== null && answers !== null);
});

test("a snapshot that named each metric in a field of its own goes on bit for bit", () => {
  const evidence = begin({ latencyObjective: { underMs: 300, share: 0.99 } });
  visit(evidence, { from: 0, to: 900, isBad: (number) => number % 50 === 0 });
  evidence.absorb(record({ kind: "timed", unit: unitOf(3), tookMs: 400, atMs: 10 }));
  const { metrics, ...kept } = evidence.snapshot(9_000);
  const { errors: label, slo, latency, latencySlo } = metrics;
  const second = { ...kept, version: 2, label, slo, latency, latencySlo };
  const restored = Evidence.restore(JSON.parse(JSON.stringify(second)), 9_000);
  assert.deepEqual(restored.snapshot(9_000), evidence.snapshot(9_000));
  assert.throws(() => Evidence.restore({ ...second, label: { mixture: null } }, 9_000), {
    code: "BELAY_EVIDENCE_UNREADABLE",
    message: /metrics\.errors\.mixture/,
  });
});
