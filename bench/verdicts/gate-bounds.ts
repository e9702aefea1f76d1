/** What is promised of the gates. */
import { Gate, gateFactors, gateThreshold } from "../../src/analysis/non-inferiority.ts";
import { createSeededRandom } from "../../src/ports/random.ts";
import { createBehaviour } from "../../src/rehearsal/behaviour.ts";
import { Engine } from "../../src/rehearsal/engine.ts";
import { play } from "../../src/rehearsal/play.ts";
import type { Traffic } from "../../src/rehearsal/traffic.ts";
import { type Bound, counted, type Effort, percent, times, units } from "./bound.ts";
import { plan, traffic } from "./compare.ts";

/** A canary that fails exactly as many more visitors as the gate is to rule out. */
export function falsePromotion({ seed, scale }: Effort): readonly Bound[] {
  const runs = Math.ceil(4_000 * scale);
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
    const { words, least } = counted(passed, runs);
    return {
      what: `false promotion at a margin of ${percent(margin)}`,
      unit: "both",
      promised: "at most 5%",
      measured: words,
      isKept: least <= 0.05,
      how: `the gate alone, each unit scored once, share 50%, 0.1% on stable, ${runs} runs`,
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
    const { words, least } = counted(promoted, runs);
    return {
      what: "false promotion at the margin, errors clustered in visitors",
      unit,
      promised: "at most 5%",
      measured: words,
      isKept: least <= 0.05,
      how: `whole engine, 2% of visitors always fail on the canary, margin 2%, share 50%, ${runs} runs`,
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
      how: `the gate alone, margin ${percent(margin)}, share 50%, ${runs} runs`,
    };
  });
}
