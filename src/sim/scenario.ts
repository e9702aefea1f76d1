import type { Plan } from "../rollout/rollout.ts";
import type { Fault } from "./faults.ts";
import type { Behaviour } from "./releases.ts";
import { type RunResult, runStory } from "./run.ts";
import { type Story, settledMs } from "./story.ts";

/** What a scenario measured, over its seeds, and whether all of it is within what is promised. */
export interface Figures {
  readonly scenario: string;
  readonly runs: number;
  readonly isWithin: boolean;
  readonly figures: Readonly<Record<string, number | string>>;
}

export interface Seeds {
  readonly from: number;
  readonly count: number;
}

/** The demo's manifest. */
export const demoPlan: Plan = {
  steps: [500, 2_500, 5_000].map((weight) => ({ weight, minHoldMs: 2_000 })),
  holdbackWeight: 9_500,
  harm: 0.02,
  maxHoldMs: 3_600_000,
  onInconclusive: "hold",
  scoreWindowMs: 3_000,
  bakeMs: 8_000,
  keepWarmMs: 60_000,
  sloAvailability: 0.999,
  responseDeadlineMs: 30_000,
  leaseTtlMs: 10_000,
};

/** What the tests promise of a release that is no worse. */
const falseRollbackMax = 0.005;

const crashAtMs = settledMs + 6_000;

export type ScenarioName =
  | "dead-release"
  | "shielded"
  | "heavy-tail"
  | "bad-in-bake"
  | "good-release"
  | "small-harm"
  | "no-control"
  | "control-back";

export const scenarios: Readonly<Record<ScenarioName, (seeds: Seeds) => Promise<Figures>>> = {
  "dead-release": deadRelease,
  shielded,
  "heavy-tail": heavyTail,
  "bad-in-bake": badInBake,
  "good-release": goodRelease,
  "small-harm": smallHarm,
  "no-control": noControl,
  "control-back": controlBack,
};

/** A release that answers 500 to everything, at a first step of 5 %: how many requests fail before nobody is sent there. */
export async function deadRelease(seeds: Seeds): Promise<Figures> {
  const runs = await play(seeds, (seed) => demoStory(seed, { kind: "dead" }));
  const failed = runs.map((run) => truthOf(run).failedRequests);
  const atMost5 = failed.filter((count) => count <= 5).length / runs.length;
  const areBack = runs.every((run) => phaseOf(run) === "aborted by verdict");
  return {
    ...figuresOf("dead-release", runs, areBack && atMost5 >= 0.99),
    figures: {
      "share with at most 5 failed requests": atMost5,
      "median failed": median(failed),
      "most failed": Math.max(...failed),
    },
  };
}

/** The same release, whose visitors only look: the shield hides every failure, and the evidence is none the poorer for it. */
export async function shielded(seeds: Seeds): Promise<Figures> {
  const runs = await play(seeds, (seed) => ofOnePage({ ...demoStory(seed, { kind: "dead" }), untilMs: settledMs + 52_000 }));
  const failed = runs.reduce((sum, { world }) => sum + world.traffic.failedRequests, 0);
  const shieldedRequests = runs.map((run) => truthOf(run).shieldedRequests);
  const areBack = runs.every((run) => phaseOf(run) === "aborted by verdict");
  const fewest = Math.min(...runs.map(({ world }) => world.traffic.requests));
  return {
    ...figuresOf("shielded", runs, areBack && failed === 0 && fewest >= 2_000),
    figures: {
      "fewest requests in a run": fewest,
      "failed requests": failed,
      "median shielded": median(shieldedRequests),
      "most shielded": Math.max(...shieldedRequests),
    },
  };
}

/** Two releases alike, both with requests that take longer than their deadline: on the canary stable answers these, and nobody blames it for that. */
export async function heavyTail(seeds: Seeds): Promise<Figures> {
  const behaviour: Behaviour = { kind: "heavy-tail", aboveMs: 350 };
  const plan: Plan = { ...demoPlan, responseDeadlineMs: 1_000, sloAvailability: 0.95 };
  const runs = await play(seeds, (seed) => {
    const story = ofOnePage(demoStory(seed, behaviour, { plan }));
    return { ...story, services: story.services.map((service) => ({ ...service, first: { ...service.first, behaviour } })) };
  });
  const back = runs.filter((run) => phaseOf(run).startsWith("aborted")).length;
  const shieldedRequests = runs.map((run) => truthOf(run).shieldedRequests);
  const failing = (arm: "canary" | "stable"): number => runs.reduce((sum, run) => sum + truthOf(run).recordedFailed[arm].size, 0);
  return {
    ...figuresOf("heavy-tail", runs, back / runs.length <= falseRollbackMax),
    figures: {
      "share taken back": back / runs.length,
      "share promoted": runs.filter((run) => phaseOf(run) === "promoted by verdict").length / runs.length,
      "median overdue on the canary": median(runs.map((run) => truthOf(run).recordedFailed.canary.size)),
      "median shielded": median(shieldedRequests),
      "failing visitors on the canary and on stable": [failing("canary"), failing("stable")].join(" and "),
    },
  };
}

/** Visitors look at one page each, by GET. */
function ofOnePage(story: Story): Story {
  return { ...story, services: story.services.map((service) => ({ ...service, pages: [1, 1] })) };
}

/** A release that turns bad while it bakes at 95 %, for all or for some: how many visitors fail before it is back, without a start. */
export async function badInBake(seeds: Seeds): Promise<Figures> {
  const figures: Record<string, number | string> = {};
  let isWithin = true;
  let all: readonly RunResult[] = [];
  for (const share of [1, 0.2]) {
    const starts = new Map<number, number>();
    const story = (seed: number): Story => demoStory(seed, { kind: "turns-bad", afterMs: 2_000, share }, { plan: fastPlan });
    const runs = await play(seeds, story, (run) => starts.set(run.story.seed, run.world.runtime.starts));
    const failed = runs.map((run) => truthOf(run).failedVisitors.size);
    const areBack = runs.every((run) => phaseOf(run) === "aborted by verdict");
    // Two releases with two instances each were started, and nothing on the way back.
    const isWithoutStart = runs.every((run) => starts.get(run.story.seed) === 4);
    figures[`median failing visitors, bad for ${share * 100}%`] = median(failed);
    figures[`most failing visitors, bad for ${share * 100}%`] = Math.max(...failed);
    isWithin &&= areBack && isWithoutStart && Math.max(...failed) <= 40;
    all = [...all, ...runs];
  }
  return { ...figuresOf("bad-in-bake", all, isWithin), figures };
}

/** A good release with the demo's manifest and traffic. */
export async function goodRelease(seeds: Seeds): Promise<Figures> {
  return measureGood("good-release", seeds, demoPlan);
}

/** A good release with the default tolerance of 0.2 %. */
export async function smallHarm(seeds: Seeds): Promise<Figures> {
  return measureGood("small-harm", seeds, { ...demoPlan, harm: 0.002 });
}

/** The control plane is killed during the first step and not started again: for how long the canary goes on having requests. */
export async function noControl(seeds: Seeds): Promise<Figures> {
  const runs = await play(seeds, (seed) => {
    const crash: Fault = { kind: "control-crash", atMs: crashAtMs, afterActions: seed % 5, forMs: null, diesAgainBefore: null };
    return { ...demoStory(seed, { kind: "good" }, { faults: [crash] }), untilMs: crashAtMs + demoPlan.leaseTtlMs + 5_000 };
  });
  const after = runs.map((run) => truthOf(run).lastSentToCanaryAtMs - (run.world.routing.controlGoneAtMs ?? 0));
  const isWithin = after.every((ms) => ms <= demoPlan.leaseTtlMs + 1_000);
  const figures = { "median ms until the last canary request": median(after), "most ms": Math.max(...after) };
  return { ...figuresOf("no-control", runs, isWithin), figures };
}

/** The control plane is killed and comes back: within the lease the rollout ends as it would have, later it is paused at weight 0. */
export async function controlBack(seeds: Seeds): Promise<Figures> {
  const behaviours: readonly Behaviour[] = [{ kind: "good" }, { kind: "dead" }, { kind: "fails", share: 0.3 }];
  const within: RunResult[] = [];
  let alike = 0;
  let paused = 0;
  for (let seed = seeds.from; seed < seeds.from + seeds.count; seed += 1) {
    const behaviour = behaviours[seed % behaviours.length] ?? { kind: "good" };
    const story = demoStory(seed, behaviour, { plan: fastPlan });
    const crash = { kind: "control-crash", atMs: settledMs + 800, afterActions: seed % 6, diesAgainBefore: null } as const;
    const uncrashed = await runStory(story);
    const back = await runStory({ ...story, faults: [{ ...crash, forMs: fastPlan.leaseTtlMs * 0.6 }] });
    const later = await runStory({
      ...demoStory(seed, { kind: "good" }),
      faults: [{ ...crash, atMs: crashAtMs, forMs: 15_000 }],
    });
    within.push(back, later);
    if (phaseOf(uncrashed) === phaseOf(back)) alike += 1;
    if (phaseOf(later) === "paused") paused += 1;
  }
  const isWithin = alike === seeds.count && paused === seeds.count;
  const figures = { "ended as without the crash": alike / seeds.count, "paused when it came too late": paused / seeds.count };
  return { ...figuresOf("control-back", within, isWithin), figures };
}

/** Through its steps in seconds, to come to the bake. */
const fastPlan: Plan = {
  ...demoPlan,
  harm: 0.1,
  scoreWindowMs: 1_000,
  steps: demoPlan.steps.map((step) => ({ ...step, minHoldMs: 500 })),
};

/** One shop, the demo's traffic, one deploy. */
export function demoStory(
  seed: number,
  behaviour: Behaviour,
  own: { readonly plan?: Plan; readonly faults?: readonly Fault[] } = {},
): Story {
  const { plan = demoPlan, faults = [] } = own;
  const release = { bootMs: 200, leavesAtOnce: false };
  return {
    seed,
    services: [
      {
        name: "shop",
        instances: 2,
        visitorsPerSecond: 40,
        pages: [3, 3],
        plan,
        drainTimeoutMs: 3_000,
        first: { ...release, behaviour: { kind: "good" } },
      },
    ],
    deploys: [{ atMs: settledMs, service: "shop", release: { ...release, behaviour }, isSuperseding: false, plan }],
    commands: [],
    faults,
    approvesAfterMs: 0,
    patience: [],
    untilMs: 0,
    phaseMsMax: 1_200_000,
  };
}

async function measureGood(name: string, seeds: Seeds, plan: Plan): Promise<Figures> {
  const runs = await play(seeds, (seed) => demoStory(seed, { kind: "good" }, { plan }));
  const tookSeconds = runs.map(({ world }) => {
    const { requestedAt = "", endedAt = null } = world.ledger.services[0]?.rollout ?? {};
    return endedAt === null ? Number.POSITIVE_INFINITY : (Date.parse(endedAt) - Date.parse(requestedAt)) / 1_000;
  });
  const failed = runs.reduce((sum, { world }) => sum + world.traffic.failedRequests, 0);
  const promoted = runs.filter((run) => phaseOf(run) === "promoted by verdict").length;
  const figures = {
    "share promoted": promoted / runs.length,
    "median seconds": median(tookSeconds),
    "most seconds": Math.max(...tookSeconds),
    "requests in all": runs.reduce((sum, { world }) => sum + world.traffic.requests, 0),
    "failed requests": failed,
  };
  return { ...figuresOf(name, runs, promoted === runs.length && failed === 0), figures };
}

async function play(
  seeds: Seeds,
  story: (seed: number) => Story,
  look: (run: RunResult) => void = () => {},
): Promise<readonly RunResult[]> {
  const runs: RunResult[] = [];
  for (let seed = seeds.from; seed < seeds.from + seeds.count; seed += 1) {
    const run = await runStory(story(seed));
    look(run);
    runs.push(run);
  }
  return runs;
}

function figuresOf(scenario: string, runs: readonly RunResult[], isWithin: boolean): Omit<Figures, "figures"> {
  return { scenario, runs: runs.length, isWithin: isWithin && runs.every(({ violation }) => violation === null) };
}

/** The end of the story's last rollout, as "promoted by verdict". */
export function phaseOf({ world }: RunResult): string {
  const phase = world.ledger.services[0]?.rollout?.phase;
  if (phase === undefined) return "none";
  return "by" in phase ? `${phase.name} by ${phase.by}` : phase.name;
}

function truthOf({ world }: RunResult): ReturnType<RunResult["world"]["traffic"]["rollout"]> {
  return world.traffic.rollout(world.ledger.services[0]?.rollout?.id ?? "");
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
