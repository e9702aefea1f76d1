import { type Forecast, forecast } from "../analysis/forecast.ts";
import type { Plan } from "../rollout/rollout.ts";
import { advise } from "./advice.ts";
import { Engine } from "./engine.ts";
import { type Fate, fateOf } from "./fate.ts";
import { type Played, play } from "./play.ts";
import { type RehearsedRelease, releasesFor } from "./releases.ts";
import { scoredPerSecond, type Traffic } from "./traffic.ts";

/** Busier than this, and a run would take longer than a person waits; gates pass no sooner with fewer visitors. */
const visitorsPerSecondMax = 200;
/** Of all runs together: some ten seconds of one core. */
const requestsBudget = 3_000_000;
const runsMost = 20;
const runsLeast = 5;
/** A bake is played for so long, or for so many visitors, and counted in full: what it would still see is an SLO that burns slowly. */
const bakePlayed = { leastMs: 60_000, mostMs: 300_000, visitors: 10_000 };
/** Beyond the plan's longest course, for what a cut window adds. */
const slackMs = 60_000;

export interface Rehearsal {
  readonly seed: number;
  readonly plan: Plan;
  /** Steps of the plan that traffic says nothing of: cohorts, shadows, approvals. */
  readonly notPlayed: Plan["steps"];
  readonly traffic: Traffic;
  /** Shorter than the plan's when that is longer than what is played. */
  readonly playedBakeMs: number;
  /** Smaller than the traffic's when that is busier than what is played. */
  readonly playedVisitorsPerSecond: number;
  readonly forecast: Forecast;
  readonly fates: readonly Fate[];
  readonly advice: readonly string[];
}

/**
 * Lets good and bad releases go through a plan, each in some runs, by the engine that decides in production. Yields the share
 * that is done, so that the caller can show it and stop; the same options give the same numbers.
 */
export function* rehearsePlan(options: {
  readonly plan: Plan;
  readonly traffic: Traffic;
  readonly seed: number;
  readonly runs?: number | undefined;
}): Generator<number, Rehearsal> {
  const { seed, traffic } = options;
  // Members of a cohort are not drawn, and copies are nobody's, so that such a step is over after its hold, whatever the visitors do.
  const isPlayed = ({ cohort, shadow, gate }: Plan["steps"][number]) => (cohort ?? shadow ?? gate) === undefined;
  const plan = { ...options.plan, steps: options.plan.steps.filter(isPlayed) };
  const notPlayed = options.plan.steps.filter((step) => !isPlayed(step));
  const played = { ...traffic, visitorsPerSecond: Math.min(visitorsPerSecondMax, traffic.visitorsPerSecond) };
  const playedBakeMs = Math.min(plan.bakeMs, bakeOf(played));
  const expected = forecast(plan, scoredPerSecond(traffic));
  const releases = releasesFor(plan, played);
  const runs = options.runs ?? runsFor({ plan: { ...plan, bakeMs: playedBakeMs }, traffic: played, releases: releases.length });
  const fates: Fate[] = [];
  for (const release of releases) {
    const all: Played[] = [];
    for (let run = 0; run < runs; run += 1) {
      const end = playRelease({ plan: { ...plan, bakeMs: playedBakeMs }, traffic: played, release, seed: seed + run });
      all.push(end.outcome === "promoted" ? { ...end, tookMs: end.tookMs + plan.bakeMs - playedBakeMs } : end);
      yield (fates.length * runs + run + 1) / (releases.length * runs);
    }
    fates.push(fateOf(release, all));
  }
  const advice = advise({ plan, traffic, forecast: expected, fates });
  return {
    seed,
    plan,
    notPlayed,
    traffic,
    playedBakeMs,
    playedVisitorsPerSecond: played.visitorsPerSecond,
    forecast: expected,
    fates,
    advice,
  };
}

function bakeOf({ visitorsPerSecond }: Traffic): number {
  const { leastMs, mostMs, visitors } = bakePlayed;
  return Math.max(leastMs, Math.min(mostMs, (visitors / Math.max(visitorsPerSecond, 1e-9)) * 1_000));
}

/** One run of one release. */
export function playRelease(options: {
  readonly plan: Plan;
  readonly traffic: Traffic;
  readonly release: Pick<RehearsedRelease, "canary" | "stable">;
  readonly seed: number;
}): Played {
  const { plan, traffic, seed } = options;
  return play({
    traffic,
    seed,
    stable: options.release.stable,
    canary: options.release.canary,
    steering: new Engine(plan),
    deadlineMs: plan.responseDeadlineMs,
    untilMs: plan.steps.length * (plan.maxHoldMs + slackMs) + plan.bakeMs + slackMs,
  });
}

function runsFor(options: { readonly plan: Plan; readonly traffic: Traffic; readonly releases: number }): number {
  const { plan, traffic, releases } = options;
  const { gates } = forecast(plan, scoredPerSecond(traffic));
  const longestMs = gates.reduce((sum, { stepMs }) => sum + Math.min(stepMs, plan.maxHoldMs), plan.bakeMs);
  // A look costs about as much as a request, and there is one each second at least.
  const cost = (longestMs / 1_000) * (traffic.visitorsPerSecond * traffic.requestsPerVisitor + 1);
  return Math.max(runsLeast, Math.min(runsMost, Math.floor(requestsBudget / (cost * releases))));
}
