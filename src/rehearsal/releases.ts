import { forecast } from "../analysis/forecast.ts";
import { durationWords, percentWords } from "../analysis/words.ts";
import type { Plan } from "../rollout/rollout.ts";
import { type Behaviour, createBehaviour } from "./behaviour.ts";
import { getThereShare } from "./engine.ts";
import { scoredPerSecond, type Traffic } from "./traffic.ts";

export interface RehearsedRelease {
  readonly name: string;
  /** What it does, after "a release that". */
  readonly words: string;
  /** Whether the plan should keep it from everyone. */
  readonly isBad: boolean;
  readonly canary: Behaviour;
  readonly stable: Behaviour;
  /** When its fault begins. */
  readonly fromMs: number;
}

const outageMs = 300_000;
const lateAtMostMs = 3_600_000;

/** What a release can be like, from the plainest fault to those that only much traffic shows. */
export function releasesFor(plan: Plan, traffic: Traffic): readonly RehearsedRelease[] {
  const stable = createBehaviour(traffic);
  const release = (name: string, words: string, faults: Parameters<typeof createBehaviour>[1]): RehearsedRelease => {
    const fromMs = faults?.fromMs ?? 0;
    return { name, words, isBad: faults !== undefined, canary: createBehaviour(traffic, faults), stable, fromMs };
  };
  const aboveHarm = Math.min(1, 3 * plan.harm);
  const lateMs = lateFrom(plan, traffic);
  return [
    release("good", "is as good as stable", undefined),
    release("dead", "fails every request", { failShare: 1 }),
    release("half", "fails half of its requests", { failShare: 0.5 }),
    release("tenth", "fails 1 request in 10", { failShare: 0.1 }),
    release("hundredth", "fails 1 request in 100", { failShare: 0.01 }),
    release("page", "fails a page behind the first, for 1 visitor in 4", { failShare: 1, ofVisitors: 0.25, fromPage: 1 }),
    release("harm", `fails ${percentWords(aboveHarm)} of visitors, three times what is tolerated`, {
      failShare: 1,
      ofVisitors: aboveHarm,
    }),
    release("late", `is well for ${durationWords(lateMs)}, and then fails 1 request in 5`, { failShare: 0.2, fromMs: lateMs }),
    release("slow", "takes twice as long to answer", { slowdown: 2 }),
    release("slower", "takes a fifth longer to answer", { slowdown: 1.2 }),
    ...(plan.kpis?.some(({ valueField }) => valueField === null) === true
      ? [release("in-the-way", inTheWayWords, { isInTheWay: true })]
      : []),
    outage(traffic),
  ];
}

const inTheWayWords = `answers well, and halves what a KPI wants more of or doubles what it wants less of (${percentWords(getThereShare)} of users get there on stable)`;

/** What the release shares with stable fails for a while: nobody is to blame, and nothing is to go on. */
function outage(traffic: Traffic): RehearsedRelease {
  const both = createBehaviour(traffic, { failShare: 0.3, fromMs: 20_000, untilMs: 20_000 + outageMs });
  return {
    name: "outage",
    words: `is good, while 1 request in 3 fails on both sides for ${durationWords(outageMs)}`,
    isBad: false,
    canary: both,
    stable: both,
    fromMs: 0,
  };
}

/** In the middle of what a good release takes, so that the steps have earned some trust by then. */
function lateFrom(plan: Plan, traffic: Traffic): number {
  const { gates, canPass } = forecast(plan, scoredPerSecond(traffic));
  const stepsMs = canPass ? gates.reduce((sum, { stepMs }) => sum + stepMs, 0) : plan.maxHoldMs;
  return Math.min(lateAtMostMs, Math.round(stepsMs / 2_000) * 1_000);
}
