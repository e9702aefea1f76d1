import type { Plan } from "../rollout/rollout.ts";
import type { PlanView, SloView } from "./views.ts";

/** A plan, what it lets expect, and how objectives stand, for tests. */
export function aSlo(changes: Partial<SloView> = {}): SloView {
  return {
    service: "shop",
    environment: "production",
    windowMs: 2_419_200_000,
    watchedMs: 86_400_000,
    onExhausted: "hold",
    objectives: [
      { name: "availability", objective: 0.999, requests: 50_000, bad: 10, allowed: 50, spent: 0.2, isExhausted: false },
    ],
    burn: [{ longMinutes: 60, shortMinutes: 5, limit: 14.4, rate: 0.2, shortRate: 0, isBurning: false }],
    releases: [
      {
        ...{ release: "r-1a2b", requests: 50_000, failed: 10, harmed: 4, shielded: 6, slow: 0 },
        ...{ spent: 0.2, firstHoursAgo: 23, lastHoursAgo: 0 },
      },
    ],
    ...changes,
  };
}

export function aPlanAhead(changes: Partial<PlanView> = {}): PlanView {
  return {
    service: "shop",
    environment: "production",
    refusal: null,
    plan: aPlan(),
    forecast: "about 27 s of gates",
    after: null,
    stable: "r-1a2b",
    running: null,
    hours: null,
    budget: { left: 0.8, isExhausted: false, windowMs: 2_419_200_000, objective: "availability" },
    approvers: ["bob"],
    newUnitsPerSecond: 20,
    quietRoutes: [],
    trouble: [],
    ...changes,
  };
}

export function aPlan(changes: Partial<Plan> = {}): Plan {
  return {
    steps: [
      { weight: 500, minHoldMs: 2_000 },
      { weight: 5_000, minHoldMs: 2_000 },
    ],
    holdbackWeight: 9_500,
    harm: 0.02,
    maxHoldMs: 3_600_000,
    onInconclusive: "hold",
    scoreWindowMs: 3_000,
    bakeMs: 8_000,
    keepWarmMs: 3_600_000,
    sloAvailability: 0.999,
    responseDeadlineMs: 30_000,
    leaseTtlMs: 10_000,
    ...changes,
  };
}
