import { LabelTest } from "../../src/analysis/label-test.ts";
import { LatencyTest } from "../../src/analysis/latency-test.ts";
import { Gate } from "../../src/analysis/non-inferiority.ts";
import { createSeededRandom } from "../../src/ports/random.ts";
import type { Arm } from "../../src/routing/wire.ts";
import type { Bound, Effort } from "./bound.ts";

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
  const [errors, latency, gate] = [new LabelTest(), new LatencyTest(), new Gate({ harm: 0.002, nextWeight: 2_500 })];
  const metrics: readonly (readonly [string, (index: number) => void])[] = [
    ["errors, per failing unit", (index) => errors.failed(arms[index % slots] ?? "stable", 500)],
    ["latency, per timed unit", (index) => latency.timed(answers[index % slots] ?? { arm: "stable", weight: 500, tookMs: 1 })],
    ["gate, per scored unit", (index) => gate.score(visitors[index % slots] ?? { arm: "stable", weight: 500, isBad: false })],
  ];
  return metrics.map(([what, act]) => {
    const { nanoseconds, bytes } = measure(act, events);
    return {
      what: `cost of ${what}`,
      unit: "both",
      promised: "under 1 us, no allocation",
      measured: `${Math.round(nanoseconds)} ns, ${Number(bytes.toFixed(1))} bytes`,
      isKept: nanoseconds < 1_000 && bytes < 1,
      how: `${events.toLocaleString("en-US")} events, the least of five rounds`,
    };
  });
}
