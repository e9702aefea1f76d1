/** What is promised of the latency test. */
import { thresholds } from "../../src/analysis/budget.ts";
import { LatencyHistogram, latencyBin } from "../../src/analysis/latency-histogram.ts";
import { LatencyTest } from "../../src/analysis/latency-test.ts";
import { Gate } from "../../src/analysis/non-inferiority.ts";
import { createSeededRandom, type Random } from "../../src/ports/random.ts";
import type { Arm } from "../../src/routing/wire.ts";
import { type Bound, counted, type Effort, standardNormal, times } from "./bound.ts";

const weight = 500;
const sigma = 0.7;
const medianMs = 40;
const threshold = Math.log(thresholds.latency);

/** Production keeps a part of the bet for restarts. What that costs is seen beside the same without. */
function kind(restarts: boolean): string {
  return restarts ? "" : " (without restarts)";
}

interface Answer {
  readonly arm: Arm;
  readonly weight: number;
  readonly tookMs: number;
}

/** Lognormal on both sides; the canary takes `shift` times as long. */
function draw(random: Random, shift: number, share = weight): Answer {
  const arm = random.float() < share / 10_000 ? "canary" : "stable";
  return { arm, weight, tookMs: medianMs * Math.exp(sigma * standardNormal(random)) * (arm === "canary" ? shift : 1) };
}

/** Canary answers until the test decides, and until the likelihood ratio test does that knows both distributions and sees the same canary. */
function untilDecided(options: { readonly random: Random; readonly shift: number; readonly test: LatencyTest }): {
  readonly ours: number;
  readonly oracle: number;
} {
  const { random, shift, test } = options;
  const distance = Math.log(shift) / sigma;
  let [canary, ours, oracle, oracleLogE] = [0, 0, 0, 0];
  while (ours === 0 || oracle === 0) {
    const answer = draw(random, shift);
    if (answer.arm === "canary") {
      canary += 1;
      const place = Math.log(answer.tookMs / medianMs) / sigma;
      oracleLogE += distance * place - distance ** 2 / 2;
    }
    test.timed(answer);
    if (ours === 0 && test.isDecided) ours = canary;
    if (oracle === 0 && oracleLogE >= threshold) oracle = canary;
  }
  return { ours, oracle };
}

export function latencyShift({ seed, scale }: Effort): readonly Bound[] {
  const runs = Math.ceil(200 * scale);
  return [true, false].flatMap((restarts) =>
    [1.1, 1.3, 2].map((shift): Bound => {
      const random = createSeededRandom(seed);
      let [ours, oracle] = [0, 0];
      for (let run = 0; run < runs; run += 1) {
        const needed = untilDecided({ random, shift, test: new LatencyTest({ restarts }) });
        ours += needed.ours / runs;
        oracle += needed.oracle / runs;
      }
      return {
        what: `latency x${shift}, against the oracle${kind(restarts)}`,
        unit: "both",
        promised: "at most 1.8x",
        measured: `${times(ours / oracle)} (${Math.round(ours)} timed on the canary; the oracle ${Math.round(oracle)})`,
        isKept: ours / oracle <= 1.8,
        how: `lognormal (sigma ${sigma}), share 5%, ${runs} runs, both at E = ${thresholds.latency}; what is normal on stable is learnt from the same stream, from nothing`,
      };
    }),
  );
}

/** What the kept part of the bet is for: a release that is as fast as stable for an hour, and half as fast then. */
export function lateSlowdown({ seed, scale }: Effort): readonly Bound[] {
  const runs = Math.ceil(100 * scale);
  const goodMinutes = 60;
  const perMinute = 2_000;
  return [true, false].map((restarts): Bound => {
    const random = createSeededRandom(seed);
    let needed = 0;
    for (let run = 0; run < runs; run += 1) {
      const test = new LatencyTest({ restarts });
      for (let answer = 1; answer <= goodMinutes * perMinute; answer += 1) {
        test.timed(draw(random, 1));
        if (answer % perMinute === 0) test.invest();
      }
      for (; !test.isDecided; ) {
        const answer = draw(random, 2);
        test.timed(answer);
        if (answer.arm === "canary") needed += 1 / runs;
      }
    }
    return {
      what: `latency x2 that begins after an hour${kind(restarts)}`,
      unit: "both",
      promised: "-",
      measured: `${Math.round(needed)} timed on the canary`,
      isKept: null,
      how: `${goodMinutes * perMinute} answers before it, share 5%, ${runs} runs`,
    };
  });
}

const slowBeyond = 0.95;
const slowMargin = 0.02;

/** Answers beyond stable's 95% as the failures of a gate. Where the bound is, only what came before says. */
function passesBeingNoSlower(options: {
  readonly random: Random;
  readonly shift: number;
  readonly answersMax: number;
}): number | null {
  const { random, shift, answersMax } = options;
  const gate = new Gate({ harm: slowMargin, nextWeight: 10_000 });
  const stable = new LatencyHistogram();
  let [edge, nextEdge] = [0, 100];
  for (let answers = 1; answers <= answersMax; answers += 1) {
    const { arm, tookMs } = draw(random, shift, 5_000);
    if (stable.total >= nextEdge) {
      edge = stable.edgeAt(slowBeyond);
      nextEdge = stable.total * 1.15;
    }
    if (edge > 0) gate.score({ arm, weight: 5_000, isBad: latencyBin(tookMs) >= edge });
    if (gate.hasPassed) return answers;
    if (arm === "stable") stable.add(latencyBin(tookMs));
  }
  return null;
}

/** What a gate on latency would cost and hold: 7% of the canary's answers beyond what 5% of stable's are is the margin. */
export function latencyGate({ seed, scale }: Effort): readonly Bound[] {
  const runs = Math.ceil(400 * scale);
  const random = createSeededRandom(seed);
  // Beyond stable's 95% are 1.645 deviations; this shift puts 7.03% there, and the gate's null begins at 7%.
  const atMargin = Math.exp(sigma * (1.645 - 1.474));
  const passed = Array.from({ length: runs }, () => passesBeingNoSlower({ random, shift: atMargin, answersMax: 20_000 }));
  const good = Array.from({ length: runs }, () => passesBeingNoSlower({ random, shift: 1, answersMax: 200_000 }) ?? 200_000);
  const { words, least } = counted(passed.filter((answers) => answers !== null).length, runs);
  const mean = good.reduce((sum, answers) => sum + answers, 0) / runs;
  const how = `no more than 2% more of the canary's answers beyond what 95% of stable's keep; share 50%, ${runs} runs; measured, not offered (decision 110)`;
  return [
    {
      what: "a gate on latency: false pass at its margin",
      unit: "both",
      promised: "at most 5%",
      measured: words,
      isKept: least <= 0.05,
      how,
    },
    {
      what: "a gate on latency: a release that is as fast",
      unit: "both",
      promised: "-",
      measured: `${Math.round(mean)} timed answers, half of them on the canary`,
      isKept: null,
      how,
    },
  ];
}

/** Identical sides, both slow at times, looked at after every answer. */
export function falseSlowness({ seed, scale }: Effort): readonly Bound[] {
  const runs = Math.ceil(800 * scale);
  const answers = 20_000;
  return [true, false].map((restarts): Bound => {
    const random = createSeededRandom(seed);
    let back = 0;
    for (let run = 0; run < runs; run += 1) {
      const test = new LatencyTest({ restarts });
      for (let answer = 0; answer < answers && !test.isDecided; answer += 1) {
        const { tookMs, ...drawn } = draw(random, 1);
        // Each side is three times as slow in every fifth thousand, and its slowest tenth thirty times as slow.
        const drift = Math.floor(answer / 1_000) % 5 === 4 ? 3 * (random.float() < 0.1 ? 10 : 1) : 1;
        test.timed({ ...drawn, tookMs: tookMs * drift });
        if (answer % 2_000 === 0) test.invest();
      }
      if (test.isDecided) back += 1;
    }
    const { words, least } = counted(back, runs);
    const most = 1 / thresholds.latency;
    return {
      what: `false rollback by latency while both sides drift${kind(restarts)}`,
      unit: "both",
      promised: "at most 0.25%",
      measured: words,
      isKept: least <= most,
      how: `the latency test alone, ${runs} runs of ${answers} timed answers, a look at each`,
    };
  });
}
