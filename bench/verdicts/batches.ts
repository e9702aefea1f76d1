/** The batch form of the errors' test, for counters of which nobody knows with what probability a request fell on which side: what it costs beside the label form, and where its assumption ends. */
import { BatchTest } from "../../src/analysis/batch-test.ts";
import { declaredThreshold } from "../../src/analysis/budget.ts";
import { LabelTest } from "../../src/analysis/label-test.ts";
import { createSeededRandom, type Random } from "../../src/ports/random.ts";
import type { Bound, Effort } from "./bound.ts";

/** What the only source of a plan decides by. */
const threshold = declaredThreshold(1);
const perSecond = 100;
const batchSeconds = [1, 10, 60] as const;
const epochSeconds = 60;

interface Rates {
  readonly stable: number;
  readonly canary: number;
  readonly share: number;
}

/** How many of `count` happen, each with probability `rate`: by the gaps between them. */
function binomial(random: Random, count: number, rate: number): number {
  if (rate >= 1) return count;
  if (rate <= 0) return 0;
  let happened = 0;
  for (let at = 0; ; happened += 1) {
    at += 1 + Math.floor(Math.log(1 - random.float()) / Math.log(1 - rate));
    if (at > count) return happened;
  }
}

function drawBatch(random: Random, seconds: number, { stable, canary, share }: Rates) {
  const all = perSecond * seconds;
  const onCanary = binomial(random, all, share);
  return {
    canary: { of: onCanary, bad: binomial(random, onCanary, canary) },
    stable: { of: all - onCanary, bad: binomial(random, all - onCanary, stable) },
  };
}

/** Requests on the canary until the batches decide; null when they have not after `requestsMax` on both sides. */
function toDecision(options: {
  readonly random: Random;
  readonly seconds: number;
  readonly rates: Rates;
  readonly requestsMax: number;
  readonly isCapped: boolean;
}): number | null {
  const { random, seconds, rates, requestsMax, isCapped } = options;
  const test = new BatchTest({ threshold, isCapped });
  for (let at = 0; at * perSecond < requestsMax; at += seconds) {
    test.absorb(drawBatch(random, seconds, rates));
    if (test.isDecided) return test.counts.canary.of;
    if (Math.floor((at + seconds) / epochSeconds) > Math.floor(at / epochSeconds)) test.invest();
  }
  return null;
}

/** The same by labels with a known share, a look at every error. */
function labelsToDecision(random: Random, { stable, canary, share }: Rates): number {
  const test = new LabelTest({ restarts: true });
  const failing = share * canary + (1 - share) * stable;
  let all = 0;
  while (test.logE < Math.log(threshold) || test.failures.canary < 2) {
    const before = all;
    all += 1 + Math.floor(Math.log(1 - random.float()) / Math.log(1 - failing));
    const epochs = Math.floor(all / (perSecond * epochSeconds)) - Math.floor(before / (perSecond * epochSeconds));
    for (let epoch = 0; epoch < epochs; epoch += 1) test.invest();
    test.failed(random.float() < (share * canary) / failing ? "canary" : "stable", share * 10_000);
  }
  return all * share;
}

function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

function meanOf(runs: number, once: () => number): number {
  let sum = 0;
  for (let run = 0; run < runs; run += 1) sum += once();
  return sum / runs;
}

/** Canary requests until a rollback, beside the form that knows the share. */
export function batchesBesideLabels({ seed, scale }: Effort): readonly Bound[] {
  const runs = Math.ceil(300 * scale);
  const cells = [0.001, 0.01].flatMap((stable) => [2, 5].map((times) => ({ stable, canary: stable * times, share: 0.05 })));
  const dead: Rates = { stable: 0.001, canary: 1, share: 0.05 };
  const labels = cells.map((rates) => {
    const random = createSeededRandom(seed);
    return meanOf(runs, () => labelsToDecision(random, rates));
  });
  return batchSeconds.map((seconds) => {
    const requests = (rates: Rates, isCapped: boolean): number => {
      const random = createSeededRandom(seed);
      const find = () => toDecision({ random, seconds, rates, requestsMax: 1e8, isCapped }) ?? Number.NaN;
      return meanOf(runs, find);
    };
    const found = cells.map((rates) => requests(rates, true));
    const ratios = found.map((mean, index) => mean / (labels[index] ?? Number.NaN));
    const geometric = geometricMean(ratios);
    const uncapped = geometricMean(cells.map((rates, index) => requests(rates, false) / (labels[index] ?? Number.NaN)));
    const figures = cells
      .map(
        ({ stable, canary }, index) =>
          `${stable * 100}% x${Math.round(canary / stable)}: ${Math.round(found[index] ?? 0)} (${Math.round(labels[index] ?? 0)})`,
      )
      .join(", ");
    return {
      what: `counters in batches of ${seconds} s, beside labels of a known share`,
      unit: "request",
      promised: "0 to 16% more canary requests",
      measured: `${geometric.toFixed(2)}x (${ratios.map((ratio) => ratio.toFixed(2)).join(", ")}); ${figures}; always failing: ${Math.round(requests(dead, true))}; by a test without its cap ${uncapped.toFixed(2)}x and ${Math.round(requests(dead, false))}`,
      isKept: geometric <= 1.16,
      how: `share 5%, 100 requests a second, E = ${threshold} in both, ${runs} runs; canary requests, in brackets those of the labels; three batches have to agree`,
    };
  });
}

/** Nothing is wrong with the canary. */
export function batchFalseAlarms({ seed, scale }: Effort): readonly Bound[] {
  const runs = Math.ceil(600 * scale);
  return batchSeconds.map((seconds) => {
    const shares = [0.001, 0.01].flatMap((rate) =>
      [0.05, 0.5].map((share) => {
        const random = createSeededRandom(seed);
        const rates = { stable: rate, canary: rate, share };
        let fired = 0;
        for (let run = 0; run < runs; run += 1)
          if (toDecision({ random, seconds, rates, requestsMax: 1e6, isCapped: true }) !== null) fired += 1;
        return fired / runs;
      }),
    );
    const worst = Math.max(...shares);
    const allowed = 1 / threshold;
    return {
      what: `false alarms of counters in batches of ${seconds} s, over 1,000,000 requests`,
      unit: "request",
      promised: "at most 0.15%",
      measured: shares.map((share) => `${Number((share * 100).toPrecision(2))}%`).join(", "),
      isKept: worst <= allowed + 2 * Math.sqrt((allowed * (1 - allowed)) / runs),
      how: `0.1% and 1% on both sides, share 5% and 50%, a look at every batch, ${runs} runs each`,
    };
  });
}

/** Where the assumption ends: one person's errors are no draws of their own, and no two processes are scraped at one moment. */
export function batchAssumptions({ seed, scale }: Effort): readonly Bound[] {
  const runs = Math.ceil(300 * scale);
  return [stickyVisitors(createSeededRandom(seed), runs), sharedOutage(createSeededRandom(seed), runs)];
}

function stickyVisitors(random: Random, runs: number): Bound {
  const fired = [0.05, 0.5].map((share) => {
    let count = 0;
    for (let run = 0; run < runs; run += 1) if (firesOnHeavyVisitors(random, share)) count += 1;
    return `${Number(((100 * count) / runs).toPrecision(2))}%`;
  });
  return {
    what: "false alarms of request counters where one visitor in a hundred fails once and one in a thousand twenty times",
    unit: "visitor",
    promised: "nothing: count outcomes of which a visitor has few",
    measured: `${fired[0]} at 5%, ${fired[1]} at 50%`,
    isKept: null,
    how: `identical releases, 1,000,000 requests in batches of 10 s, three of a visitor, ${runs} runs; this is why a source only notifies unless told otherwise`,
  };
}

function firesOnHeavyVisitors(random: Random, share: number): boolean {
  const test = new BatchTest({ threshold });
  const drawSide = (ofVisitors: number) => {
    const visitors = binomial(random, 333, ofVisitors);
    const bad = binomial(random, visitors, 0.009) + 20 * binomial(random, visitors, 0.001);
    return { of: 3 * visitors + bad, bad };
  };
  for (let batch = 0; batch < 1_000; batch += 1) {
    test.absorb({ canary: drawSide(share), stable: drawSide(1 - share) });
    if (test.isDecided) return true;
    if (batch % 6 === 5) test.invest();
  }
  return false;
}

function sharedOutage(random: Random, runs: number): Bound {
  const fired = [true, false].map((isCapped) => {
    let count = 0;
    for (let run = 0; run < runs; run += 1) {
      const test = new BatchTest({ threshold, isCapped });
      const [offset, beginsAt] = [random.float() * 15, 150 + random.float() * 15];
      let isFired = false;
      for (let at = 0; at < 600 && !isFired; at += 15) {
        const badShare = (from: number): number => {
          const inOutage = Math.max(0, Math.min(from + 15, beginsAt + 60) - Math.max(from, beginsAt)) / 15;
          return 0.001 + 0.2 * inOutage;
        };
        test.absorb(drawBatch(random, 15, { stable: badShare(at), canary: badShare(at + offset), share: 0.05 }));
        isFired = test.isDecided;
      }
      if (isFired) count += 1;
    }
    return `${Number(((100 * count) / runs).toPrecision(2))}%`;
  });
  return {
    what: "false alarms of counters at the edge of an outage that both sides share",
    unit: "request",
    promised: "nothing exact: no two processes are scraped at one moment",
    measured: `${fired[0]}; ${fired[1]} by a test without its cap`,
    isKept: null,
    how: `a minute in which both fail 20%, scrapes of 15 s whose moments differ by up to as much, share 5%, ${runs} runs`,
  };
}
