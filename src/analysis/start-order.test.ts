import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createSeededRandom } from "../ports/random.ts";
import type { Unit } from "../rollout/rollout.ts";
import type { Arm, OpenRequest } from "../routing/wire.ts";
import { errorMetric } from "./error-metric.ts";
import { Evidence } from "./evidence.ts";
import { LabelTest } from "./label-test.ts";
import { StartOrder, type Waiting } from "./start-order.ts";
import { begin, plan, record, rollout, unitOf } from "./traffic.fixture.ts";

const deadlineMs = 30_000;

interface Request {
  readonly unit: string;
  readonly arm: Arm;
  readonly weight: number;
  readonly atMs: number;
  readonly tookMs: number;
  readonly isFailed: boolean;
}

/** The share rises as time goes. */
const request = fc
  .record({
    unit: fc.constantFrom("a", "b", "c", "d", "e", "f", "g", "h"),
    arm: fc.constantFrom("canary", "stable"),
    atMs: fc.integer({ min: 0, max: 10_000 }),
    tookMs: fc.integer({ min: 1, max: deadlineMs }),
    isFailed: fc.boolean(),
  })
  .map((drawn) => ({ ...drawn, weight: drawn.atMs < 3_000 ? 100 : drawn.atMs < 6_000 ? 500 : 2_500 }));
const requests = fc.uniqueArray(request, { maxLength: 30, selector: ({ atMs }) => atMs });
/** Visitors fail again, and go over to the canary; a request that is a unit of its own does neither, and there the bet has restarts. */
const courses = fc.oneof(
  requests.map((all) => ({ all, restartsAtMs: [] })),
  fc.record({
    all: requests.map((all) => all.map((one, index) => ({ ...one, unit: `${index}` }))),
    restartsAtMs: fc.uniqueArray(fc.integer({ min: 0, max: 10_000 }), { maxLength: 3 }),
  }),
);

/** As they become known: what is reported at each end, and what is open then, with the number of requests that a worker tells. */
function* reportsOf(all: readonly Request[], toldMax: number) {
  const ends = all.toSorted((a, b) => a.atMs + a.tookMs - b.atMs - b.tookMs);
  const known = new Set<string>();
  for (const [index, one] of ends.entries()) {
    const nowMs = one.atMs + one.tookMs;
    const open = ends.slice(index + 1).filter(({ atMs }) => atMs < nowMs);
    const settledUntilMs = Math.min(nowMs, ...open.map(({ atMs }) => atMs));
    const onStable = open.filter(({ arm }) => arm === "stable").toSorted((a, b) => a.atMs - b.atMs);
    const knownUntilMs = Math.min(nowMs, onStable[toldMax]?.atMs ?? nowMs);
    const isAgain = known.has(one.unit);
    if (one.isFailed) known.add(one.unit);
    yield { one, isAgain, at: { nowMs, settledUntilMs, open: { requests: onStable.slice(0, toldMax), knownUntilMs } } };
  }
}

function take(order: StartOrder, one: Request, isAgain: boolean): void {
  if (!one.isFailed) return;
  if (isAgain) order.failedAgain(record({ kind: "failed", ...one }));
  else order.failed(record({ kind: "failed", ...one }));
}

/** First failures of visitors by the start of their requests, as someone who knows the end of everything puts them into order. */
function inOrder(all: readonly Request[], restartsAtMs: readonly number[] = []): readonly Waiting[] {
  const failed = new Set<string>();
  const first = all
    .filter(({ isFailed }) => isFailed)
    .toSorted((a, b) => a.atMs - b.atMs)
    .filter(({ unit }) => !failed.has(unit) && failed.add(unit));
  const restart = restartsAtMs.map((atMs): Waiting => ({ unit: "", arm: "restart", weight: 0, atMs }));
  const failures = first.map(({ unit, arm, weight, atMs }): Waiting => ({ unit, arm, weight, atMs }));
  // Half a millisecond later, so that nothing begins at the same time.
  return [...failures, ...restart.map((waiting) => ({ ...waiting, atMs: waiting.atMs + 0.5 }))].toSorted(
    (a, b) => a.atMs - b.atMs,
  );
}

function weigh(label: LabelTest, { arm, weight }: Waiting): void {
  if (arm === "restart") label.invest();
  else label.failed(arm, weight);
}

test("property: however long failures take, they are given on in the order of their beginnings, each visitor once", () => {
  fc.assert(
    fc.property(requests, fc.integer({ min: 1, max: 5 }), (all, toldMax) => {
      const order = new StartOrder(deadlineMs);
      const given: Waiting[] = [];
      for (const { one, isAgain, at } of reportsOf(all, toldMax)) {
        take(order, one, isAgain);
        order.release(at, (waiting) => given.push(waiting));
      }
      order.release({ nowMs: 60_000, settledUntilMs: 60_000 }, (waiting) => given.push(waiting));
      assert.deepEqual(given, inOrder(all));
    }),
  );
});

test("property: weighed at its worst, the bet is nowhere above what it is in order when everything has ended", () => {
  fc.assert(
    fc.property(courses, fc.integer({ min: 1, max: 5 }), ({ all, restartsAtMs }, toldMax) => {
      const end = new LabelTest({ restarts: true });
      const logE = inOrder(all, restartsAtMs).map((waiting) => {
        weigh(end, waiting);
        return { atMs: waiting.atMs, logE: end.logE };
      });
      const order = new StartOrder(deadlineMs);
      for (const atMs of restartsAtMs) order.restart(atMs + 0.5);
      const settled = new LabelTest({ restarts: true });
      for (const { one, isAgain, at } of reportsOf(all, toldMax)) {
        take(order, one, isAgain);
        order.release(at, (waiting) => weigh(settled, waiting));
        const ahead = settled.copy();
        for (const waiting of order.atWorst(at)) {
          weigh(ahead, waiting);
          const reached = logE.findLast(({ atMs }) => atMs <= waiting.atMs)?.logE ?? 0;
          assert.ok(ahead.logE <= reached + 1e-9, `${ahead.logE} above ${reached} at ${waiting.atMs}`);
        }
      }
    }),
    { numRuns: 1_000 },
  );
});

test("a worker that is gone for good holds failures up for the deadline and two seconds, and a clock that steps back for no longer", () => {
  const order = new StartOrder(deadlineMs);
  order.failed(record({ kind: "failed", atMs: 1_000 }));
  const given: Waiting[] = [];
  const release = (nowMs: number) => order.release({ nowMs, settledUntilMs: 500 }, (failure) => given.push(failure));
  for (const nowMs of [1_000, 20_000, 3_000, 32_999]) release(nowMs);
  assert.equal(given.length, 0);
  release(33_000);
  assert.equal(given.length, 1);
});

/** The share of rollouts that errors call worse though both sides fail equally often: the canary at once, stable after 29 s. */
function calledWorse(options: {
  readonly perSecond: number;
  readonly unit: Unit;
  readonly runs: number;
  readonly isToldOpen: boolean;
}): number {
  const { perSecond, unit, runs, isToldOpen } = options;
  const chosen = plan({ evidence: unit });
  let worse = 0;
  for (let seed = 0; seed < runs; seed += 1) {
    const random = createSeededRandom(seed);
    const errors = errorMetric.begin("errors", chosen);
    const open: (OpenRequest & { readonly endsAtMs: number })[] = [];
    let isWorse = false;
    let atMs = 0;
    for (let nowMs = 1_000; nowMs <= 480_000 && !isWorse; nowMs += 1_000) {
      for (; atMs < nowMs; atMs += (-1_000 * Math.log(1 - random.float())) / perSecond) {
        const weight = atMs < 120_000 ? 500 : atMs < 240_000 ? 2_500 : 5_000;
        const failure = record({ kind: "failed", unit: unitOf(Math.round(atMs * 1_000)), weight, atMs });
        if (random.float() < weight / 10_000) errors.absorb(failure, 1);
        else open.push({ ...failure, endsAtMs: atMs + 29_000 });
      }
      for (; (open[0]?.endsAtMs ?? Number.POSITIVE_INFINITY) <= nowMs; open.shift())
        errors.absorb(record({ kind: "failed", ...open[0], arm: "stable" }), 1);
      // The control plane is told of the 64 oldest.
      const told = { requests: open.slice(0, 64), knownUntilMs: open[64]?.atMs ?? nowMs };
      const settledUntilMs = open[0]?.atMs ?? nowMs;
      errors.advance?.(isToldOpen ? { nowMs, settledUntilMs, open: told } : { nowMs, settledUntilMs: nowMs });
      if (nowMs % 60_000 === 0) errors.invest({ requestsPerVisit: 1, atMs: nowMs });
      isWorse = errors.failure({ weight: 500, failedVisitors: { canary: 0, stable: 0 } }) !== null;
    }
    if (isWorse) worse += 1;
  }
  return worse / runs;
}

test("a canary that fails as often as stable and sooner is not called worse, at 100 and at 1,000 requests a second", () => {
  const asTheyCome = calledWorse({ perSecond: 1, unit: "visitor", runs: 100, isToldOpen: false });
  assert.ok(asTheyCome > 0.03, `as they come it is: ${asTheyCome}`);
  for (const unit of ["visitor", "request"] as const) {
    // At most 0.4 % are expected: 4 or more of 100 and 2 or more of 15 have a probability below 0.2 %.
    const ofHundred = calledWorse({ perSecond: 1, unit, runs: 100, isToldOpen: true });
    assert.ok(ofHundred < 0.04, `${unit}, 100 a second: ${ofHundred}`);
    const ofThousand = calledWorse({ perSecond: 10, unit, runs: 15, isToldOpen: true });
    assert.ok(ofThousand < 0.1, `${unit}, 1,000 a second: ${ofThousand}`);
  }
});

test("a request that stays open costs a dead release one failing visitor more, and no waiting", () => {
  const evidence = begin({ sloAvailability: 0.5 });
  const open = { requests: [{ unit: unitOf(1), weight: 500, atMs: 10 }], knownUntilMs: 1_000 };
  const failures = (open: { readonly requests: readonly OpenRequest[]; readonly knownUntilMs: number }) => {
    const one = Evidence.restore(evidence.snapshot(0), 0);
    for (let failed = 1; failed < 20; failed += 1) {
      one.absorb(record({ kind: "failed", unit: unitOf(100 + failed), atMs: 20 + failed }));
      one.advance({ nowMs: 1_000, settledUntilMs: 10, open });
      if (one.verdict({ kind: "step", step: 0 }).kind === "fail") return failed;
    }
    return null;
  };
  assert.deepEqual([failures({ ...open, requests: [] }), failures(open), failures({ ...open, knownUntilMs: 15 })], [3, 4, null]);
});

test("a dead release goes back at once, and evidence that was kept goes on bit for bit", () => {
  const end = rollout({
    seed: 3,
    newVisitorsPerSecond: 100,
    answer: ({ arm }) => ({ isFailed: arm === "canary", tookMs: 10 }),
    forMs: 60_000,
  });
  assert.equal(end.outcome, "rolled back");
  assert.ok(end.failedCanaryVisitors <= 6, `${end.failedCanaryVisitors}`);

  const evidence = begin({ evidence: "request" });
  evidence.absorb(record({ kind: "failed", unit: "a", atMs: 100 }));
  evidence.advance({ nowMs: 150, settledUntilMs: 50 });
  evidence.weightChanged({ weight: 2_500, exposureEpoch: 2, atMs: 160 });
  const restored = Evidence.restore(JSON.parse(JSON.stringify(evidence.snapshot(200))), 200);
  const open = { requests: [{ unit: "b", weight: 500, atMs: 90 }], knownUntilMs: 300 };
  for (const one of [evidence, restored]) one.advance({ nowMs: 300, settledUntilMs: 90, open });
  assert.deepEqual(restored.snapshot(300), evidence.snapshot(300));
  const errors = restored.summary().metrics.find(({ name }) => name === "errors");
  assert.ok((errors?.eValue ?? 0) > 1.1, "the failure that waited is weighed after the restart");
});
