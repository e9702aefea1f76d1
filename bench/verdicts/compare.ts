/** Belay's engine and its peers' rules on the same seeded visitors. */
import { type Behaviour, createBehaviour } from "../../src/rehearsal/behaviour.ts";
import { Engine } from "../../src/rehearsal/engine.ts";
import { type Spread, spreadOf } from "../../src/rehearsal/fate.ts";
import { type Played, play, type Steering } from "../../src/rehearsal/play.ts";
import type { Traffic } from "../../src/rehearsal/traffic.ts";
import type { Plan } from "../../src/rollout/rollout.ts";
import { peers } from "./peers.ts";

/** A hundred requests a second by visitors of three pages each. */
export const traffic: Traffic = { visitorsPerSecond: 100 / 3, requestsPerVisitor: 3, failShare: 0.001 };

/** Belay's defaults for this traffic; a bake of a minute, an objective that the service keeps, and latency that rolls back. */
export const plan: Plan = {
  steps: [100, 500, 2_500, 5_000].map((weight) => ({ weight, minHoldMs: 60_000 })),
  holdbackWeight: 9_500,
  harm: 0.002,
  maxHoldMs: 3_600_000,
  onInconclusive: "hold",
  scoreWindowMs: 10_000,
  bakeMs: 60_000,
  keepWarmMs: 3_600_000,
  sloAvailability: 0.99,
  responseDeadlineMs: 30_000,
  leaseTtlMs: 10_000,
  onFail: { latency: "rollback" },
};

export const arms: Readonly<Record<string, () => Steering>> = {
  Belay: () => new Engine(plan),
  "Belay, by request": () => new Engine({ ...plan, evidence: "request" }),
  ...peers,
};

export interface Scenario {
  readonly name: string;
  readonly words: string;
  readonly isBad: boolean;
  readonly traffic: Traffic;
  readonly stable: Behaviour;
  readonly canary: Behaviour;
  readonly fromMs: number;
}

type Faults = NonNullable<Parameters<typeof createBehaviour>[1]>;

function bad(name: string, words: string, faults: Faults): Scenario {
  const stable = createBehaviour(traffic);
  return { name, words, isBad: true, traffic, stable, canary: createBehaviour(traffic, faults), fromMs: faults.fromMs ?? 0 };
}

function good(name: string, words: string, own: Partial<Traffic>, both: Faults = {}): Scenario {
  const present = { ...traffic, ...own };
  const same = createBehaviour(present, both);
  return { name, words, isBad: false, traffic: present, stable: same, canary: same, fromMs: 0 };
}

export const scenarios: readonly Scenario[] = [
  good("good", "as good as stable: both fail 0.1% of requests", {}),
  good("noisy", "as good as stable: both fail 1% of requests", { failShare: 0.01 }),
  good("outage", "good, while both sides fail 30% for a minute", {}, { failShare: 0.3, fromMs: 60_000, untilMs: 120_000 }),
  bad("dead", "fails every request", { failShare: 1 }),
  bad("half", "fails 50%", { failShare: 0.5 }),
  bad("tenth", "fails 10%", { failShare: 0.1 }),
  bad("hundredth", "fails 1% over stable's 0.1%", { failShare: 0.01 }),
  bad("page", "fails a page behind the first for a quarter of visitors", { failShare: 1, ofVisitors: 0.25, fromPage: 1 }),
  bad("late", "fails 20% from the fifth minute on", { failShare: 0.2, fromMs: 300_000 }),
  bad("slow", "answers twice as slowly", { slowdown: 2 }),
];

export interface Cell {
  readonly arm: string;
  readonly scenario: string;
  readonly isBad: boolean;
  readonly runs: number;
  readonly rolledBack: number;
  readonly promoted: number;
  readonly excessRequests: Spread;
  readonly harmedVisitors: Spread;
  readonly rollbackMs: Spread | null;
  readonly promotionMs: Spread | null;
}

/** One tool, one kind of release, some seeds. */
export function measureCell(options: {
  readonly arm: string;
  readonly scenario: Scenario;
  readonly seed: number;
  readonly runs: number;
}): Cell {
  const { arm, scenario, seed, runs } = options;
  const open = arms[arm];
  if (open === undefined) throw new RangeError(`no such arm: ${arm}`);
  const all: Played[] = [];
  for (let run = 0; run < runs; run += 1) {
    const { traffic: present, stable, canary } = scenario;
    const limits = { deadlineMs: plan.responseDeadlineMs, untilMs: 2 * plan.maxHoldMs };
    all.push(play({ traffic: present, seed: seed + run, stable, canary, steering: open(), ...limits }));
  }
  const back = all.filter(({ outcome }) => outcome === "rolled-back");
  const through = all.filter(({ outcome }) => outcome === "promoted");
  const nobody = { median: 0, p90: 0 };
  return {
    arm,
    scenario: scenario.name,
    isBad: scenario.isBad,
    runs,
    rolledBack: back.length,
    promoted: through.length,
    excessRequests: spreadOf(all.map((run) => run.excessRequests)) ?? nobody,
    harmedVisitors: spreadOf(all.map((run) => run.harmedVisitors)) ?? nobody,
    rollbackMs: spreadOf(back.map(({ tookMs }) => Math.max(0, tookMs - scenario.fromMs))),
    promotionMs: spreadOf(through.map(({ tookMs }) => tookMs)),
  };
}
