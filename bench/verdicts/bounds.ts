/** What is promised of the verdict, measured on the production code. Each row says how it was measured, and is shown where it falls short too. */
import { thresholds } from "../../src/analysis/budget.ts";
import { LabelTest } from "../../src/analysis/label-test.ts";
import { LatencyTest } from "../../src/analysis/latency-test.ts";
import { Gate, gateFactors, gateThreshold } from "../../src/analysis/non-inferiority.ts";
import { createSeededRandom, type Random } from "../../src/ports/random.ts";
import { createBehaviour } from "../../src/rehearsal/behaviour.ts";
import { Engine } from "../../src/rehearsal/engine.ts";
import { play } from "../../src/rehearsal/play.ts";
import { spreadOf } from "../../src/rehearsal/rehearse-plan.ts";
import type { Traffic } from "../../src/rehearsal/traffic.ts";
import type { Plan, Unit } from "../../src/rollout/rollout.ts";
import { plan, traffic } from "./compare.ts";

export interface Bound {
  readonly what: string;
  readonly unit: Unit | "both";
  readonly promised: string;
  readonly measured: string;
  /** Null where nothing is promised for this unit yet. */
  readonly isKept: boolean | null;
  readonly how: string;
}

export interface Effort {
  readonly seed: number;
  /** 1 for the page; less for a quick look. */
  readonly scale: number;
}

const units: readonly Unit[] = ["visitor", "request"];
const percent = (share: number): string => `${Number((share * 100).toPrecision(3))} %`;
const times = (value: number): string => `${value.toFixed(2)}x`;

/** Seconds that a Poisson stream of one event a second waits. */
function wait(random: Random): number {
  return -Math.log(1 - random.float());
}

function divergence(p: number, q: number): number {
  return p * Math.log(p / q) + (1 - p) * Math.log((1 - p) / (1 - q));
}

function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

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

/** Against Wald's test, which knows both rates, at the same threshold: geometric mean over cells. */
export function againstWald({ seed, scale }: Effort): readonly Bound[] {
  const runs = Math.ceil(400 * scale);
  return units.map((unit) => {
    const random = createSeededRandom(seed);
    const ratios: number[] = [];
    for (const base of [0.001, 0.01]) {
      for (const worse of [1.5, 2, 3, 5]) {
        for (const weight of [100, 500, 1_000]) {
          let sum = 0;
          for (let run = 0; run < runs; run += 1) sum += unitsToRollback({ base, times: worse, weight, unit, random });
          ratios.push(sum / runs / (Math.log(thresholds.errors) / divergence(base * worse, base)));
        }
      }
    }
    const mean = geometricMean(ratios);
    return {
      what: "rollback of x1.5 to x5 at a share up to 10 %, against Wald's oracle",
      unit,
      promised: "at most 1.5x",
      measured: `${times(mean)} (cells ${times(Math.min(...ratios))} to ${times(Math.max(...ratios))})`,
      isKept: mean <= 1.5,
      how: `24 cells (0.1 and 1 % on stable; x1.5, 2, 3, 5; share 1, 5, 10 %), ${runs} runs each, both at E = ${thresholds.errors}`,
    };
  });
}

/** Five hundred people who come again and again. */
export function deadCanary({ seed, scale }: Effort): readonly Bound[] {
  const runs = Math.ceil(400 * scale);
  const present: Traffic = { visitorsPerSecond: 100 / 3, requestsPerVisitor: 3, failShare: 0, circle: 500 };
  return units.flatMap((unit) =>
    [100, 500].map((weight) => {
      const ends = Array.from({ length: runs }, (_, run) =>
        play({
          traffic: present,
          seed: seed + run,
          stable: createBehaviour(present),
          canary: createBehaviour(present, { failShare: 1 }),
          steering: new Engine({ ...plan, steps: [{ weight, minHoldMs: 600_000 }], evidence: unit }),
          deadlineMs: plan.responseDeadlineMs,
          untilMs: 600_000,
        }),
      );
      const { median, p90 } = spreadOf(ends.map(({ harmedRequests }) => harmedRequests)) ?? { median: 0, p90: 0 };
      const missed = ends.filter(({ outcome }) => outcome !== "rolled-back").length;
      return {
        what: `a canary that always fails, ${weight / 100} % of 500 visitors who return`,
        unit,
        promised: "median at most 4, p90 at most 6 failed requests",
        measured: `median ${median}, p90 ${p90}; ${missed} of ${runs} not decided in 10 min`,
        isKept: median <= 4 && p90 <= 6 && missed === 0,
        how: `whole engine, 100 requests a second, ${runs} runs`,
      };
    }),
  );
}

/** Looked at after each error of a million requests of which 1 % fail, while the share goes 1, 5, 25, 50 %. */
export function falseRollbackOfErrors({ seed, scale }: Effort): readonly Bound[] {
  const runs = Math.ceil(2_000 * scale);
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
    const error = 2 * Math.sqrt((0.01 * 0.99) / runs);
    return {
      what: "false rollback by errors over 1,000,000 requests, a look at every error",
      unit,
      promised: "at most 1 %",
      measured: percent(back / runs),
      isKept: back / runs <= 0.01 + error,
      how: `the errors' test alone, ${runs} runs; it sees only on which side an error fell, so a drift that both sides share changes nothing`,
    };
  });
}

/** Time, and nothing else, ends the steps. */
const rampPlan: Plan = {
  ...plan,
  steps: [100, 500, 2_500, 5_000].map((weight) => ({ weight, minHoldMs: 0 })),
  maxHoldMs: 180_000,
  harm: 1e-6,
  bakeMs: 180_000,
  onInconclusive: "continue",
};

interface Profile {
  readonly words: string;
  readonly traffic: Partial<Traffic>;
  readonly stable?: Parameters<typeof createBehaviour>[1];
  readonly canary?: Parameters<typeof createBehaviour>[1];
}

/** The whole engine with all its metrics, where nothing is wrong with the canary. */
export function falseRollback({ seed, scale }: Effort): readonly Bound[] {
  const runs = Math.ceil(30 * scale);
  const bursts = { failShare: 0.2, fromMs: 200_000, untilMs: 260_000 };
  const profiles: readonly Profile[] = [
    { words: "stationary", traffic: {} },
    { words: "a swing of 80 %", traffic: { swing: { share: 0.8, periodMs: 600_000 } } },
    { words: "a minute in which both fail 20 %", traffic: {}, stable: bursts, canary: bursts },
    {
      words: "5,000 visitors who return, 2 % of whom fail half of the time",
      traffic: { circle: 5_000 },
      stable: { failShare: 0.5, ofVisitors: 0.02 },
      canary: { failShare: 0.5, ofVisitors: 0.02 },
    },
    { words: "a canary that halves stable's errors", traffic: { failShare: 0.0025 }, stable: { failShare: 0.0025 } },
  ];
  return units.flatMap((unit) =>
    profiles.map(({ words, traffic: own, stable, canary }) => {
      const present = { ...traffic, ...own };
      let back = 0;
      let requests = 0;
      for (let run = 0; run < runs; run += 1) {
        const end = play({
          traffic: present,
          seed: seed + run,
          stable: createBehaviour(present, stable),
          canary: createBehaviour(present, canary),
          steering: new Engine({ ...rampPlan, evidence: unit, sloAvailability: 0.9 }),
          deadlineMs: plan.responseDeadlineMs,
          untilMs: 1_200_000,
        });
        requests += end.requests;
        if (end.outcome === "rolled-back") back += 1;
      }
      return {
        what: `false rollback by all metrics: ${words}`,
        unit,
        promised: "at most 1 %",
        measured: `${percent(back / runs)} (${back} of ${runs})`,
        isKept: back / runs <= 0.01 + 2 * Math.sqrt((0.01 * 0.99) / runs),
        how: `whole engine, ${runs} rollouts of ${Math.round(requests / runs / 1_000)},000 requests, 1/5/25/50/95 %, an objective that is kept`,
      };
    }),
  );
}

/** A canary that fails exactly as many more visitors as the gate is to rule out. */
export function falsePromotion({ seed, scale }: Effort): readonly Bound[] {
  const runs = Math.ceil(2_000 * scale);
  return [0.002, 0.02].map((margin) => {
    const random = createSeededRandom(seed);
    let passed = 0;
    for (let run = 0; run < runs; run += 1) {
      const gate = new Gate({ harm: margin, nextWeight: 10_000 });
      const scoredMax = 60 / margin;
      for (let scored = 0; scored < scoredMax && !gate.hasPassed; scored += 1) {
        const arm = random.float() < 0.5 ? "canary" : "stable";
        gate.score({ arm, weight: 5_000, isBad: random.float() < 0.001 + (arm === "canary" ? margin : 0) });
      }
      if (gate.hasPassed) passed += 1;
    }
    return {
      what: `false promotion at a margin of ${percent(margin)}`,
      unit: "both",
      promised: "at most 5 %",
      measured: percent(passed / runs),
      isKept: passed / runs <= 0.05 + 2 * Math.sqrt((0.05 * 0.95) / runs),
      how: `the gate alone, each unit scored once, share 50 %, 0.1 % on stable, ${runs} runs`,
    };
  });
}

/** The same through the whole engine, where errors cluster in visitors: those whom the release fails, it fails always. */
export function falsePromotionClustered({ seed, scale }: Effort): readonly Bound[] {
  const runs = Math.ceil(400 * scale);
  const margin = 0.02;
  const present: Traffic = { ...traffic, failShare: 0 };
  return units.map((unit) => {
    let promoted = 0;
    for (let run = 0; run < runs; run += 1) {
      const end = play({
        traffic: present,
        seed: seed + run,
        stable: createBehaviour(present),
        canary: createBehaviour(present, { failShare: 1, ofVisitors: margin }),
        steering: new Engine({
          ...plan,
          steps: [{ weight: 5_000, minHoldMs: 0 }],
          harm: margin * 0.95,
          bakeMs: 0,
          maxHoldMs: 600_000,
          sloAvailability: 0.9,
          evidence: unit,
        }),
        deadlineMs: plan.responseDeadlineMs,
        untilMs: 700_000,
      });
      if (end.outcome === "promoted") promoted += 1;
    }
    return {
      what: "false promotion at the margin, errors clustered in visitors",
      unit,
      promised: "at most 5 %",
      measured: percent(promoted / runs),
      isKept: promoted / runs <= 0.05 + 2 * Math.sqrt((0.05 * 0.95) / runs),
      how: `whole engine, 2 % of visitors always fail on the canary, margin 2 %, share 50 %, ${runs} runs`,
    };
  });
}

export function goodRelease({ seed, scale }: Effort): readonly Bound[] {
  const runs = Math.ceil(20 * scale);
  return units.flatMap((unit) =>
    [0.99, 0.999].map((sloAvailability) => {
      const ends = Array.from({ length: runs }, (_, run) =>
        play({
          traffic,
          seed: seed + run,
          stable: createBehaviour(traffic),
          canary: createBehaviour(traffic),
          steering: new Engine({ ...plan, bakeMs: 0, sloAvailability, evidence: unit }),
          deadlineMs: plan.responseDeadlineMs,
          untilMs: 7_200_000,
        }),
      );
      const through = ends.filter(({ outcome }) => outcome === "promoted").map(({ tookMs }) => tookMs / 1_000);
      const mean = through.reduce((sum, seconds) => sum + seconds, 0) / through.length;
      const back = ends.filter(({ outcome }) => outcome === "rolled-back").length;
      return {
        what: `good release, 100 requests a second, 0.1 % errors, objective ${percent(sloAvailability)}`,
        unit,
        promised: unit === "request" ? "everyone in about 310 s" : "what ln(20)/d visitors take: 33 new ones a second",
        measured: `mean ${Math.round(mean)} s, p90 ${Math.round(spreadOf(through)?.p90 ?? Number.NaN)} s; ${back} of ${runs} taken back`,
        isKept: unit === "request" ? mean <= 330 && back === 0 : back === 0 ? null : false,
        how: `whole engine, steps 1/5/25/50 % to 95 % without the bake, harm 0.2 %, ${runs} runs`,
      };
    }),
  );
}

/** Against the likelihood ratio test that knows both distributions, at the same threshold. */
export function latencyShift({ seed, scale }: Effort): readonly Bound[] {
  const runs = Math.ceil(60 * scale);
  const [weight, sigma] = [500, 0.7];
  return [1.1, 1.3, 2].map((shift) => {
    const random = createSeededRandom(seed);
    const normal = (): number => Math.sqrt(2 * wait(random)) * Math.cos(2 * Math.PI * random.float());
    let sum = 0;
    for (let run = 0; run < runs; run += 1) {
      const test = new LatencyTest();
      let timed = 0;
      for (; !test.isDecided && timed < 1_000_000; timed += 1) {
        const arm = random.float() < weight / 10_000 ? "canary" : "stable";
        test.timed({ arm, weight, tookMs: 40 * Math.exp(sigma * normal()) * (arm === "canary" ? shift : 1) });
      }
      sum += (timed * weight) / 10_000;
    }
    const oracle = Math.log(thresholds.latency) / (Math.log(shift) ** 2 / (2 * sigma ** 2));
    const ratio = sum / runs / oracle;
    return {
      what: `latency x${shift}, against the oracle`,
      unit: "both",
      promised: "at most 1.8x",
      measured: `${times(ratio)} (${Math.round(sum / runs)} timed on the canary)`,
      isKept: ratio <= 1.8,
      how: `lognormal (sigma ${sigma}), share 5 %, ${runs} runs, both at E = ${thresholds.latency}; the categories are learnt from the same stream`,
    };
  });
}

/** Against the gain per unit that is the most any such test can have. */
export function promotionSpeed({ seed, scale }: Effort): readonly Bound[] {
  const runs = Math.ceil(400 * scale);
  return [0.001, 0.01].map((rate) => {
    const random = createSeededRandom(seed);
    const margin = 0.004;
    let sum = 0;
    for (let run = 0; run < runs; run += 1) {
      const gate = new Gate({ harm: margin, nextWeight: 10_000 });
      let scored = 0;
      for (; !gate.hasPassed && scored < 10_000_000; scored += 1)
        gate.score({ arm: random.float() < 0.5 ? "canary" : "stable", weight: 5_000, isBad: random.float() < rate });
      sum += scored;
    }
    const limit = Math.log(gateThreshold) / gateFactors({ rate, share: 0.5, margin }).growth;
    const ratio = sum / runs / limit;
    return {
      what: `promotion of an identical canary, ${percent(rate)} on both sides, against the growth limit`,
      unit: "both",
      promised: "at most 1.2x",
      measured: `${times(ratio)} (${Math.round(sum / runs)} units)`,
      isKept: ratio <= 1.2,
      how: `the gate alone, margin ${percent(margin)}, share 50 %, ${runs} runs`,
    };
  });
}
