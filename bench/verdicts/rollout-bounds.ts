/** What is promised of the whole engine. */
import { createBehaviour } from "../../src/rehearsal/behaviour.ts";
import { Engine } from "../../src/rehearsal/engine.ts";
import { spreadOf } from "../../src/rehearsal/fate.ts";
import { play } from "../../src/rehearsal/play.ts";
import { type Traffic, VisitorStream } from "../../src/rehearsal/traffic.ts";
import type { Plan } from "../../src/rollout/rollout.ts";
import { type Bound, counted, type Effort, percent, units } from "./bound.ts";
import { plan, traffic } from "./compare.ts";

/**
 * Five hundred people who come again and again. How many of them the coin gives to the canary is chance, and with fewer than two
 * nothing can be decided: no verdict rests on one visitor. The last figure is of the runs in which there were five or more.
 */
export function deadCanary({ seed, scale }: Effort): readonly Bound[] {
  const runs = Math.ceil(400 * scale);
  const present: Traffic = { visitorsPerSecond: 100 / 3, requestsPerVisitor: 3, failShare: 0, circle: 500 };
  return units.flatMap((unit) =>
    [100, 500].map((weight) => {
      const ends = Array.from({ length: runs }, (_, run) => {
        const canaryVisitors = new Set<string>();
        const steering = new Engine({ ...plan, steps: [{ weight, minHoldMs: 600_000 }], evidence: unit });
        const dead = createBehaviour(present, { failShare: 1 });
        const played = play({
          traffic: present,
          seed: seed + run,
          stable: createBehaviour(present),
          canary: dead,
          steering,
          deadlineMs: plan.responseDeadlineMs,
          untilMs: 600_000,
        });
        // Who would be on the canary: of all five hundred, as the stream draws them for this seed.
        const stream = new VisitorStream({ traffic: present, seed: seed + run, tickMs: 1_000 });
        for (let second = 0; second < 120; second += 1)
          for (const { visitor } of stream.next()) if (visitor.draw < weight) canaryVisitors.add(visitor.unit);
        return { ...played, canaryVisitors: unit === "request" ? Number.POSITIVE_INFINITY : canaryVisitors.size };
      });
      const { median, p90 } = spreadOf(ends.map(({ harmedRequests }) => harmedRequests)) ?? { median: 0, p90: 0 };
      const enough = ends.filter(({ canaryVisitors }) => canaryVisitors >= 5);
      const ofEnough = spreadOf(enough.map(({ harmedRequests }) => harmedRequests)) ?? { median: 0, p90: 0 };
      const missedOfEnough = enough.filter(({ outcome }) => outcome !== "rolled-back").length;
      const lonely = ends.filter(({ canaryVisitors }) => canaryVisitors < 2).length;
      const missed = ends.filter(({ outcome }) => outcome !== "rolled-back").length;
      return {
        what: `a canary that always fails, ${weight / 100}% of 500 visitors who return`,
        unit,
        promised: "median at most 4, p90 at most 6 failed requests",
        measured: `median ${median}, p90 ${p90}; ${missed} of ${runs} not decided in 10 min${unit === "request" ? "" : ` (${lonely} had no two canary visitors); with five canary visitors or more (${enough.length} runs): median ${ofEnough.median}, p90 ${ofEnough.p90}, ${missedOfEnough} not decided`}`,
        isKept: median <= 4 && p90 <= 6 && missed === 0,
        how: `whole engine, 100 requests a second, ${runs} runs`,
      };
    }),
  );
}

/** Time, and nothing else, ends the steps. */
const rampPlan: Plan = {
  ...plan,
  steps: [100, 500, 2_500, 5_000].map((weight) => ({ weight, minHoldMs: 0 })),
  maxHoldMs: 240_000,
  harm: 1e-6,
  bakeMs: 240_000,
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
  const runs = Math.ceil(40 * scale);
  const bursts = { failShare: 0.2, fromMs: 200_000, untilMs: 260_000 };
  const profiles: readonly Profile[] = [
    { words: "stationary", traffic: {} },
    { words: "a swing of 80%", traffic: { swing: { share: 0.8, periodMs: 600_000 } } },
    { words: "a minute in which both fail 20%", traffic: {}, stable: bursts, canary: bursts },
    {
      words: "5,000 visitors who return, 2% of whom fail half of the time",
      traffic: { circle: 5_000 },
      stable: { failShare: 0.5, ofVisitors: 0.02 },
      canary: { failShare: 0.5, ofVisitors: 0.02 },
    },
    { words: "a canary that halves stable's errors", traffic: { failShare: 0.0025 }, stable: { failShare: 0.0025 } },
    {
      words: "as many errors, on stable after 29 s and on the canary at once",
      traffic: { failShare: 0.01 },
      stable: { failsAfterMs: 29_000 },
      canary: { failsAfterMs: 0 },
    },
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
          untilMs: 1_500_000,
        });
        requests += end.requests;
        if (end.outcome === "rolled-back") back += 1;
      }
      const { words: share, least } = counted(back, runs);
      return {
        what: `false rollback by all metrics: ${words}`,
        unit,
        promised: "at most 1%",
        measured: share,
        isKept: least <= 0.01,
        how: `whole engine, ${runs} rollouts of ${Math.round(requests / runs / 1_000)},000 requests, 1/5/25/50/95%, an objective that is kept`,
      };
    }),
  );
}

/** By request a gate scores one request of a visitor: the same traffic is played as clients without cookies as well, each of whom asks once. */
export function goodRelease({ seed, scale }: Effort): readonly Bound[] {
  const runs = Math.ceil(20 * scale);
  const clients: Traffic = { ...traffic, visitorsPerSecond: 100, requestsPerVisitor: 1 };
  const kinds = [
    { unit: "visitor", traffic, of: "33 new visitors a second" },
    { unit: "request", traffic: clients, of: "clients without cookies" },
    { unit: "request", traffic, of: "33 new visitors a second" },
  ] as const;
  return kinds.flatMap(({ unit, traffic: present, of }) =>
    [0.99, 0.999].map((sloAvailability) => {
      const ends = Array.from({ length: runs }, (_, run) =>
        play({
          traffic: present,
          seed: seed + run,
          stable: createBehaviour(present),
          canary: createBehaviour(present),
          steering: new Engine({ ...plan, bakeMs: 0, sloAvailability, evidence: unit }),
          deadlineMs: plan.responseDeadlineMs,
          untilMs: 7_200_000,
        }),
      );
      const through = ends.filter(({ outcome }) => outcome === "promoted").map(({ tookMs }) => tookMs / 1_000);
      const mean = through.reduce((sum, seconds) => sum + seconds, 0) / through.length;
      const back = ends.filter(({ outcome }) => outcome === "rolled-back").length;
      const isOfClients = present === clients;
      return {
        what: `good release, 100 requests a second by ${of}, 0.1% errors, objective ${percent(sloAvailability)}`,
        unit,
        promised: isOfClients ? "everyone in about 310 s" : "what ln(20)/d visitors take: 33 new ones a second",
        measured: `mean ${Math.round(mean)} s, p90 ${Math.round(spreadOf(through)?.p90 ?? Number.NaN)} s; ${back} of ${runs} taken back`,
        isKept: isOfClients ? mean <= 330 && back === 0 : back === 0 ? null : false,
        how: `whole engine, steps 1/5/25/50% to 95% without the bake, harm 0.2%, ${runs} runs`,
      };
    }),
  );
}
