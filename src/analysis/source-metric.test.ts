import assert from "node:assert/strict";
import { test } from "node:test";
import type { Plan } from "../rollout/rollout.ts";
import type { CounterSample, CounterSource, SourceReading } from "../rollout/source.ts";
import { Evidence } from "./evidence.ts";
import { plan } from "./traffic.fixture.ts";

const firstStep = { kind: "step", step: 0 } as const;

const payments: CounterSource = {
  name: "payments",
  prometheus: "http://127.0.0.1:9090",
  bad: "bad",
  of: "of",
  everyMs: 1_000,
  timeoutMs: 500,
  isRequired: false,
};

/** A rollout at 5 % whose application counts, and a second that passes with each answer. */
class Counting {
  evidence: Evidence;
  nowMs = 100_000;
  readonly #counts = { canary: { of: 0, bad: 0 }, stable: { of: 0, bad: 0 } };

  constructor(source: Partial<CounterSource> = {}, own: Partial<Plan> = {}) {
    this.evidence = Evidence.begin(plan({ sources: [{ ...payments, ...source }], ...own }));
    this.evidence.weightChanged({ weight: 500, exposureEpoch: 1, atMs: this.nowMs });
    this.look({ kind: "broken", reason: "nothing yet" });
  }

  look(reading: SourceReading): void {
    this.nowMs += 1_000;
    this.evidence.advance({ nowMs: this.nowMs, settledUntilMs: this.nowMs });
    this.evidence.absorbReading("payments", { reading, askedAtMs: this.nowMs });
  }

  /** The application counted so much more. */
  count(canary: readonly [of: number, bad: number], stable: readonly [of: number, bad: number]): void {
    this.#counts.canary = { of: this.#counts.canary.of + canary[0], bad: this.#counts.canary.bad + canary[1] };
    this.#counts.stable = { of: this.#counts.stable.of + stable[0], bad: this.#counts.stable.bad + stable[1] };
    const samples = (["canary", "stable"] as const).flatMap((arm) =>
      (["of", "bad"] as const).map(
        (what): CounterSample => ({ arm, what, process: arm, series: arm, value: this.#counts[arm][what] }),
      ),
    );
    this.look({ kind: "read", samples });
  }

  get source() {
    return this.evidence.summary().sources?.[0];
  }

  get missing(): string {
    const verdict = this.evidence.verdict(firstStep);
    return verdict.kind === "inconclusive" ? verdict.missing : verdict.kind;
  }
}

test("what the application counts is notified, holds or takes back, as the plan says", () => {
  for (const end of [undefined, "hold", "notify", "rollback"] as const) {
    const counting = new Counting({}, end === undefined ? {} : { onFail: { "source:payments": end } });
    counting.count([0, 0], [0, 0]);
    for (let batch = 0; batch < 3; batch += 1) counting.count([20, 20], [380, 1]);
    const verdict = counting.evidence.verdict(firstStep);
    const words =
      /^by payments, 60 of 60 went badly on the canary against 3 of 1,140 on stable: .* times likelier if the canary is worse than by chance \(667 decides\)$/;
    if (end === "hold" || end === "notify") {
      const [alarm] = counting.evidence.alarms();
      assert.deepEqual([alarm?.metric, alarm?.onFail], ["source:payments", end]);
      assert.match(alarm?.reason ?? "", words);
    } else {
      assert.equal(verdict.kind === "fail" && verdict.metric, "source:payments");
      assert.match(verdict.kind === "fail" ? verdict.reason : "", words);
    }
  }
});

test("a release that is as good as stable is not found to be worse", () => {
  const counting = new Counting();
  for (let batch = 0; batch < 200; batch += 1) counting.count([20, batch % 5 === 0 ? 1 : 0], [380, 4]);
  assert.notEqual(counting.evidence.verdict(firstStep).kind, "fail");
  assert.deepEqual(counting.evidence.alarms(), []);
  assert.equal(counting.source?.state, "heard");
  assert.equal(counting.source?.batches, 199);
});

test("a required source that says nothing lets nothing pass, in words; one that is not required only shows it", () => {
  for (const isRequired of [true, false]) {
    const counting = new Counting({ isRequired });
    const verdict = counting.evidence.verdict(firstStep);
    assert.equal(verdict.kind, "inconclusive");
    assert.equal(verdict.kind === "inconclusive" && verdict.waitsForSource === true, isRequired);
    assert.equal(/^the source payments is required and broken: nothing yet$/.test(counting.missing), isRequired);
    assert.deepEqual([counting.source?.state, counting.source?.words], ["broken", "nothing yet"]);
    counting.count([0, 0], [0, 0]);
    assert.equal(/has not shown both sides at this weight yet: the first answer/.test(counting.missing), isRequired);
    counting.count([5, 0], [95, 0]);
    assert.match(counting.missing, /more scored visitors/);
    counting.look({ kind: "broken", reason: "it does not answer: connection refused" });
    assert.equal(/broken: it does not answer: connection refused$/.test(counting.missing), isRequired);
    const bake = counting.evidence.verdict({ kind: "bake" });
    assert.equal(bake.kind === "inconclusive" && /connection refused/.test(bake.missing), isRequired);
  }
});

test("a source whose counters stand still is broken after a minute", () => {
  const counting = new Counting({ isRequired: true });
  counting.count([0, 0], [0, 0]);
  counting.count([5, 0], [95, 0]);
  for (let second = 0; second < 59; second += 1) counting.count([0, 0], [0, 0]);
  assert.equal(counting.source?.state, "heard");
  for (let second = 0; second < 3; second += 1) counting.count([0, 0], [0, 0]);
  assert.match(counting.missing, /required and broken: nothing to compare came for 6\d s: its counters stand still$/);
});

test("what was counted across a change of the weight is in no batch", () => {
  const counting = new Counting();
  counting.count([0, 0], [0, 0]);
  counting.count([5, 0], [95, 0]);
  counting.evidence.weightChanged({ weight: 2_500, exposureEpoch: 2, atMs: counting.nowMs });
  counting.look({ kind: "broken", reason: "asked before" });
  counting.count([500, 500], [9_500, 0]);
  assert.equal(counting.source?.batches, 1);
  assert.equal(counting.source?.state, "waiting");
  counting.count([5, 1], [95, 0]);
  assert.deepEqual(counting.source?.canary, { of: 10, bad: 1 });
});

test("where one side has no traffic, before and after the rollout's steps, what was heard stands and nothing is waited for", () => {
  for (const weight of [0, 10_000]) {
    const counting = new Counting({ isRequired: true });
    counting.count([0, 0], [0, 0]);
    counting.count([5, 0], [95, 0]);
    counting.evidence.weightChanged({ weight, exposureEpoch: 2, atMs: counting.nowMs });
    counting.look({ kind: "broken", reason: "gone" });
    assert.deepEqual([counting.source?.state, counting.source?.batches], ["heard", 1]);
    assert.doesNotMatch(counting.missing, /payments/);
  }
});

test("evidence that was kept in the middle of a batch goes on bit for bit, and counts it once", () => {
  const [one, other] = [new Counting(), new Counting()];
  for (const each of [one, other]) {
    each.count([0, 0], [0, 0]);
    each.count([20, 3], [380, 2]);
    each.count([0, 0], [10, 1]);
  }
  other.evidence = Evidence.restore(JSON.parse(JSON.stringify(other.evidence.snapshot(other.nowMs))), other.nowMs);
  for (const each of [one, other]) each.count([20, 3], [380, 2]);
  assert.deepEqual(other.evidence.snapshot(other.nowMs), one.evidence.snapshot(one.nowMs));
  assert.deepEqual(other.source?.canary, { of: 40, bad: 6 });
  assert.deepEqual(other.source?.stable, { of: 770, bad: 5 });
});
