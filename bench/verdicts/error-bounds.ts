/** What is promised of the errors' test. */
import { thresholds } from "../../src/analysis/budget.ts";
import { errorMetric } from "../../src/analysis/error-metric.ts";
import { LabelTest } from "../../src/analysis/label-test.ts";
import { createSeededRandom, type Random } from "../../src/ports/random.ts";
import { unitOf } from "../../src/rehearsal/traffic.ts";
import type { Unit } from "../../src/rollout/rollout.ts";
import type { Arm, OpenRequest, UnitRecord } from "../../src/routing/wire.ts";
import { type Bound, counted, type Effort, geometricMean, times, units, wait } from "./bound.ts";
import { plan } from "./compare.ts";

/** Of the open requests of stable a worker tells of so many. */
const toldMax = 64;
const lookMs = 500;

/** Scored units on the canary until the errors decide, at a fixed share. Errors alone are played: successes are in no factor of this test. */
function unitsToRollback(options: {
  readonly base: number;
  readonly times: number;
  readonly weight: number;
  readonly unit: Unit;
  readonly random: Random;
}): number {
  const { base, weight, unit, random } = options;
  const share = weight / 10_000;
  const failing = share * base * options.times + (1 - share) * base;
  const test = new LabelTest({ restarts: unit === "request" });
  let seen = 0;
  while (!test.isDecided) {
    seen += wait(random) / failing;
    test.failed(random.float() < (share * base * options.times) / failing ? "canary" : "stable", weight);
  }
  return seen * share;
}

/** Canary units until Wald's test decides, which knows both rates and sees the canary alone. What it passes its bound by counts for it as for the other. */
function unitsOfOracle(options: { readonly base: number; readonly times: number; readonly random: Random }): number {
  const { base, random } = options;
  const failing = base * options.times;
  const [failed, served] = [Math.log(options.times), Math.log((1 - failing) / (1 - base))];
  let [seen, logE] = [0, 0];
  while (logE < Math.log(thresholds.errors)) {
    const good = Math.floor(Math.log(1 - random.float()) / Math.log1p(-failing));
    seen += good + 1;
    logE += good * served + failed;
  }
  return seen;
}

function divergence(p: number, q: number): number {
  return p * Math.log(p / q) + (1 - p) * Math.log((1 - p) / (1 - q));
}

/** Against Wald's test, which knows both rates, at the same threshold: geometric mean over cells. */
export function againstWald(effort: Effort): readonly Bound[] {
  return [
    ...againstWaldAt(effort, { weights: [100, 500, 1_000], words: "a share up to 10%", most: 1.5 }),
    ...againstWaldAt(effort, { weights: [2_500], words: "a share of 25%", most: 2 }),
    ...againstWaldAt(effort, { weights: [5_000], words: "a share of 50%", most: 3.1 }),
  ];
}

interface Shares {
  readonly weights: readonly number[];
  readonly words: string;
  readonly most: number;
}

function againstWaldAt({ seed, scale }: Effort, { weights, words, most }: Shares): readonly Bound[] {
  const runs = Math.ceil(400 * scale);
  const oracleRuns = Math.ceil(4_000 * scale);
  return units.map((unit) => {
    const random = createSeededRandom(seed);
    const ratios: number[] = [];
    const withoutOvershoot: number[] = [];
    for (const base of [0.001, 0.01]) {
      for (const worse of [1.5, 2, 3, 5]) {
        let oracle = 0;
        for (let run = 0; run < oracleRuns; run += 1) oracle += unitsOfOracle({ base, times: worse, random }) / oracleRuns;
        for (const weight of weights) {
          let sum = 0;
          for (let run = 0; run < runs; run += 1) sum += unitsToRollback({ base, times: worse, weight, unit, random });
          ratios.push(sum / runs / oracle);
          withoutOvershoot.push(sum / runs / (Math.log(thresholds.errors) / divergence(base * worse, base)));
        }
      }
    }
    const mean = geometricMean(ratios);
    return {
      what: `rollback of x1.5 to x5 at ${words}, against Wald's oracle`,
      unit,
      promised: `at most ${most}x`,
      measured: `${times(mean)} (cells ${times(Math.min(...ratios))} to ${times(Math.max(...ratios))})`,
      isKept: mean <= most,
      how: `${ratios.length} cells (0.1 and 1% on stable; x1.5, 2, 3, 5; share ${weights.map((weight) => weight / 100).join(", ")}%), ${runs} runs each, both at E = ${thresholds.errors}; the oracle is played as well, with what it passes its bound by (against ln(E)/divergence, which leaves that out, it is ${times(geometricMean(withoutOvershoot))})`,
    };
  });
}

/** Looked at after each error of a million requests of which 1% fail, while the share goes 1, 5, 25, 50%. */
export function falseRollbackOfErrors({ seed, scale }: Effort): readonly Bound[] {
  const runs = Math.ceil(4_000 * scale);
  const weights = [100, 500, 2_500, 5_000];
  return units.map((unit) => {
    const random = createSeededRandom(seed);
    let back = 0;
    for (let run = 0; run < runs; run += 1) {
      const test = new LabelTest({ restarts: unit === "request" });
      let isBack = false;
      // An epoch each 6,000 requests: a minute at 100 a second, with 60 errors.
      for (let error = 0; error < 10_000 && !isBack; error += 1) {
        const weight = weights[Math.floor(error / 2_500)] ?? 0;
        if (error % 60 === 0) test.invest();
        test.failed(random.float() < weight / 10_000 ? "canary" : "stable", weight);
        isBack = test.isDecided;
      }
      if (isBack) back += 1;
    }
    const { words, least } = counted(back, runs);
    return {
      what: "false rollback by errors over 1,000,000 requests, a look at every error",
      unit,
      promised: "at most 1%",
      measured: words,
      isKept: least <= 0.01,
      how: `the errors' test alone, ${runs} runs; it sees only on which side an error fell, so a drift that both sides share changes nothing`,
    };
  });
}

interface Failing extends OpenRequest {
  readonly endsAtMs: number;
}

/** Whether errors call the canary worse within 20 minutes of 1, 5, 25, 50%: both sides fail as often, stable after 29 s and the canary at once. */
function isCalledWorse(options: { readonly perSecond: number; readonly unit: Unit; readonly random: Random }): boolean {
  const { perSecond, unit, random } = options;
  const errors = errorMetric.begin("errors", { ...plan, evidence: unit });
  const weights = [100, 500, 2_500, 5_000];
  const open: Failing[] = [];
  let atMs = 0;
  let failed = 0;
  for (let nowMs = lookMs; nowMs <= 1_200_000; nowMs += lookMs) {
    for (; atMs < nowMs; atMs += (1_000 * wait(random)) / perSecond) {
      const weight = weights[Math.floor(atMs / 300_000)] ?? 0;
      failed += 1;
      const failure = { unit: unitOf(failed), weight, atMs };
      if (random.float() < weight / 10_000) errors.absorb(failureOf("canary", failure), 1);
      else open.push({ ...failure, endsAtMs: atMs + 29_000 });
    }
    while (open[0] !== undefined && open[0].endsAtMs <= nowMs) {
      errors.absorb(failureOf("stable", open[0]), 1);
      open.shift();
    }
    const told = { requests: open.slice(0, toldMax), knownUntilMs: open[toldMax]?.atMs ?? nowMs };
    errors.advance?.({ nowMs, settledUntilMs: open[0]?.atMs ?? nowMs, open: told });
    if (nowMs % 60_000 === 0) errors.invest({ requestsPerVisit: 1, atMs: nowMs });
    if (errors.failure({ weight: 100, failedVisitors: { canary: 0, stable: 0 } }) !== null) return true;
  }
  return false;
}

function failureOf(arm: Arm, { unit, weight, atMs }: OpenRequest): UnitRecord {
  return { kind: "failed", rollout: "", unit, arm, weight, exposureEpoch: 1, atMs };
}

/** The fault that is not the canary's: it fails no more often, and sooner. */
export function unequalSpeed({ seed, scale }: Effort): readonly Bound[] {
  const loads = [
    { perSecond: 1, runs: Math.ceil(1_000 * scale) },
    { perSecond: 10, runs: Math.ceil(200 * scale) },
  ];
  return loads.flatMap(({ perSecond, runs }) =>
    units.map((unit): Bound => {
      const random = createSeededRandom(seed);
      let back = 0;
      for (let run = 0; run < runs; run += 1) if (isCalledWorse({ perSecond, unit, random })) back += 1;
      const { words, least } = counted(back, runs);
      return {
        what: `false rollback by errors that are as many and come sooner on the canary, ${perSecond} a second`,
        unit,
        promised: "at most 0.4%",
        measured: words,
        isKept: least <= 1 / thresholds.errors,
        how: `the errors' metric alone, 20 minutes, ${perSecond * 100} requests a second of which 1% fail, on stable after 29 s, with what is open told as a worker tells it; ${runs} runs`,
      };
    }),
  );
}

/** Visitors of the worse side use up their first errors early. With restarts that rolled back better releases; so visitors have none. */
export function betterCanary({ seed, scale }: Effort): readonly Bound[] {
  const runs = Math.ceil(400 * scale);
  const [visitors, perSecond, stepSeconds] = [20_000, 5e-5, 400];
  const weights = [500, 2_500, 5_000];
  const random = createSeededRandom(seed);
  let back = 0;
  for (let run = 0; run < runs; run += 1) {
    const failures: { readonly arm: Arm; readonly weight: number; readonly at: number }[] = [];
    for (let visitor = 0; visitor < visitors; visitor += 1) {
      const draw = random.float() * 10_000;
      // Until its first error a visitor lives through a hazard that is half as large on the canary.
      let left = wait(random);
      for (const [step, weight] of weights.entries()) {
        const arm = draw < weight ? "canary" : "stable";
        const rate = arm === "canary" ? perSecond / 2 : perSecond;
        if (left < rate * stepSeconds) {
          failures.push({ arm, weight, at: step * stepSeconds + left / rate });
          break;
        }
        left -= rate * stepSeconds;
      }
    }
    const test = new LabelTest();
    const isBack = failures
      .toSorted((a, b) => a.at - b.at)
      .some(({ arm, weight }) => {
        test.failed(arm, weight);
        return test.isDecided;
      });
    if (isBack) back += 1;
  }
  const { words, least } = counted(back, runs);
  return [
    {
      what: "false rollback by errors of a canary with half of stable's, 20,000 visitors who return",
      unit: "visitor",
      promised: "at most 0.4%",
      measured: words,
      isKept: least <= 1 / thresholds.errors,
      how: `the errors' test alone, 20 minutes of 5, 25 and 50%, 1% of stable's requests fail, 100 requests a second, ${runs} runs`,
    },
  ];
}
