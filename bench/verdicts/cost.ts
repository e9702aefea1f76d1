import { Evidence } from "../../src/analysis/evidence.ts";
import { LabelTest } from "../../src/analysis/label-test.ts";
import { LatencyTest } from "../../src/analysis/latency-test.ts";
import { Gate } from "../../src/analysis/non-inferiority.ts";
import { SampleRatio } from "../../src/analysis/sample-ratio.ts";
import { SloTest } from "../../src/analysis/slo-test.ts";
import { createSeededRandom, type Random } from "../../src/ports/random.ts";
import { unitOf } from "../../src/rehearsal/traffic.ts";
import type { Arm, UnitRecord } from "../../src/routing/wire.ts";
import type { Bound, Effort } from "./bound.ts";
import { plan } from "./compare.ts";

interface Cost {
  readonly nanoseconds: number;
  readonly bytes: number;
}

/** Time and heap per event, the least of some rounds: what else runs on the machine only adds to it. */
function measure(act: (index: number) => void, events: number): Cost {
  const rounds = 5;
  let [nanoseconds, bytes] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let round = 0; round < rounds; round += 1) {
    const heap = process.memoryUsage().heapUsed;
    const from = process.hrtime.bigint();
    for (let index = 0; index < events; index += 1) act(index);
    nanoseconds = Math.min(nanoseconds, Number(process.hrtime.bigint() - from) / events);
    const grown = process.memoryUsage().heapUsed - heap;
    // A collection in between makes it negative, and the round says nothing.
    if (grown >= 0) bytes = Math.min(bytes, grown / events);
  }
  return { nanoseconds, bytes };
}

/** What one event of each metric costs, and what it leaves to the garbage collector. */
export function costPerEvent({ seed, scale }: Effort): readonly Bound[] {
  const events = Math.ceil(300_000 * scale);
  const random = createSeededRandom(seed);
  const slots = 4_096;
  const arms: readonly Arm[] = Array.from({ length: slots }, () => (random.float() < 0.05 ? "canary" : "stable"));
  const answers = arms.map((arm) => ({ arm, weight: 500, tookMs: 10 + 90 * random.float() }));
  const visitors = arms.map((arm) => ({ arm, weight: 500, isBad: random.float() < 0.01 }));
  const [slo, ratio] = [new SloTest(0.999), new SampleRatio()];
  const [errors, latency, gate] = [new LabelTest(), new LatencyTest(), new Gate({ harm: 0.002, nextWeight: 2_500 })];
  const metrics: readonly (readonly [string, (index: number) => void])[] = [
    ["errors, per failing unit", (index) => errors.failed(arms[index % slots] ?? "stable", 500)],
    ["latency, per timed unit", (index) => latency.timed(answers[index % slots] ?? { arm: "stable", weight: 500, tookMs: 1 })],
    ["objective, per answer that counts", (index) => void (index % 1_000 === 0 ? slo.failed() : slo.served())],
    ["shares, per new unit", (index) => ratio.seen(answers[index % slots] ?? { arm: "stable", weight: 500 })],
    ["gate, per scored unit", (index) => gate.score(visitors[index % slots] ?? { arm: "stable", weight: 500, isBad: false })],
  ];
  const kernels = metrics.map(([what, act]) => {
    const cost = measure(act, events);
    return {
      what: `cost of ${what}`,
      unit: "both" as const,
      promised: "under 1 us, no allocation",
      measured: costWords(cost),
      isKept: cost.nanoseconds < 1_000 && cost.bytes < 1,
      how: `${events.toLocaleString("en-US")} events, the least of five rounds`,
    };
  });
  return [...kernels, wholePath(random, Math.ceil(20_000 * scale))];
}

function costWords({ nanoseconds, bytes }: Cost): string {
  return `${Math.round(nanoseconds)} ns, ${Number(bytes.toFixed(1))} bytes`;
}

/** Records as workers send them, three for each new visitor, through everything that looks at them; gates are scored each 300. */
function wholePath(random: Random, visitors: number): Bound {
  const kinds = ["exposed", "timed", "served"] as const;
  const records = Array.from({ length: 3 * visitors }, (_, index): UnitRecord => {
    const visitor = Math.floor(index / 3);
    const arm: Arm = visitor % 20 === 0 ? "canary" : "stable";
    const kind = kinds[index % 3] ?? "served";
    const base = { rollout: "r", unit: unitOf(visitor), arm, weight: 500, exposureEpoch: 1, atMs: visitor * 10 };
    if (kind === "timed") return { ...base, kind, tookMs: 10 + 90 * random.float() };
    return { ...base, kind: kind === "served" && random.float() < 0.01 ? "failed" : kind };
  });
  const rounds = 5;
  let nanoseconds = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round += 1) {
    const evidence = Evidence.begin(plan);
    evidence.weightChanged({ weight: 500, exposureEpoch: 1, atMs: 0 });
    const from = process.hrtime.bigint();
    records.forEach((record, index) => {
      evidence.absorb(record);
      if (index % 300 === 0) evidence.advance({ nowMs: record.atMs, settledUntilMs: record.atMs });
    });
    nanoseconds = Math.min(nanoseconds, Number(process.hrtime.bigint() - from) / records.length);
  }
  return {
    what: "cost of the whole way of a record: visitors, all tests, four gates",
    unit: "both",
    promised: "-",
    measured: `${Math.round(nanoseconds)} ns`,
    isKept: null,
    how: `${records.length.toLocaleString("en-US")} records of ${visitors.toLocaleString("en-US")} new visitors, who are remembered, the least of five rounds`,
  };
}
