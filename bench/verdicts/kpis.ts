import { declaredThreshold } from "../../src/analysis/budget.ts";
import { ConversionTest } from "../../src/analysis/conversion-test.ts";
import { createSeededRandom, type Random } from "../../src/ports/random.ts";
import type { Unit } from "../../src/rollout/rollout.ts";
import type { Bound, Effort } from "./bound.ts";

const units: readonly Unit[] = ["visitor", "request"];
const weights = [100, 500, 2_500, 5_000];
const stepMs = 600_000;
const conversions = 10_000;

interface Conversion {
  readonly isCanary: boolean;
  readonly exposedAt: number;
  readonly arrivesMs: number;
}

/** Conversions in the order of their arrival, each up to an hour after its visitor was drawn, while the share goes 1, 5, 25, 50%. */
function arrivals(random: Random, canaryTimes: number): readonly Conversion[] {
  const all = Array.from({ length: conversions }, (): Conversion => {
    const exposedMs = random.float() * weights.length * stepMs;
    const exposedAt = weights[Math.floor(exposedMs / stepMs)] ?? 0;
    const isCanary = random.float() < exposedAt / 10_000;
    return { isCanary, exposedAt, arrivesMs: exposedMs - Math.log(1 - random.float()) * 1_200_000 };
  });
  return all.filter(({ isCanary }) => !isCanary || random.float() < canaryTimes).toSorted((a, b) => a.arrivesMs - b.arrivesMs);
}

function shareOf(options: {
  readonly unit: Unit;
  readonly seed: number;
  readonly runs: number;
  readonly canaryTimes: number;
  readonly isAtArrival?: boolean;
}): number {
  const { unit, seed, runs, canaryTimes, isAtArrival = false } = options;
  const random = createSeededRandom(seed);
  let back = 0;
  for (let run = 0; run < runs; run += 1) {
    const test = new ConversionTest({ direction: "up", tolerance: 0, restarts: unit === "request" });
    const threshold = declaredThreshold(1);
    let epochEndsMs = 0;
    for (const { isCanary, exposedAt, arrivesMs } of arrivals(random, canaryTimes)) {
      for (; epochEndsMs < arrivesMs; epochEndsMs += 60_000) test.invest();
      const now = weights[Math.min(weights.length - 1, Math.floor(arrivesMs / stepMs))] ?? 0;
      test.converted(isCanary ? "canary" : "stable", isAtArrival ? now : exposedAt);
      if (!test.hasReached(threshold)) continue;
      back += 1;
      break;
    }
  }
  return back / runs;
}

/** Outcomes that come long after their visitor was drawn, at another share. */
export function delayedKpis({ seed, scale }: Effort): readonly Bound[] {
  const runs = Math.ceil(2_000 * scale);
  const few = Math.ceil(100 * scale);
  return units.map((unit) => {
    const wrong = shareOf({ unit, seed, runs, canaryTimes: 1 });
    const caught = shareOf({ unit, seed, runs: few, canaryTimes: 0.5 });
    const trap = shareOf({ unit, seed, runs: few, canaryTimes: 1, isAtArrival: true });
    return {
      what: "false rollback by a delayed KPI over 10,000 conversions, a look at each",
      unit,
      promised: "at most 1%",
      measured: `${percent(wrong)}; halved conversions caught in ${percent(caught)}; by the share of their arrival a good one would be taken back in ${percent(trap)}`,
      isKept: wrong <= 0.01 + 2 * Math.sqrt((0.01 * 0.99) / runs) && caught === 1,
      how: `the conversions' test alone, 1/5/25/50% for 10 min each, 20 min late on average, ${runs} runs (${few} of the others)`,
    };
  });
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(2))}%`;
}
