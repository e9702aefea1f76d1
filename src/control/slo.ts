import type { PairRate } from "../analysis/burn-rate.ts";
import { type BudgetState, budgetState, type ReleaseCost } from "../analysis/error-budget.ts";
import { BelayError } from "../errors.ts";
import { hasRole, isExpired, isWithinScope, type Principals } from "../rollout/principal.ts";
import type { Plan } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";
import type { TrafficCounts } from "./traffic-counts.ts";

/** Of plans from before it was written down, and of services that nothing was promoted in. */
const defaultBudget: NonNullable<Plan["errorBudget"]> = { windowMs: 28 * 86_400_000, onExhausted: "warn" };

export interface Objective extends BudgetState {
  readonly name: "availability" | "latency";
  /** Of latency: within how long an answer is to begin. */
  readonly underMs?: number | undefined;
}

/** How the objectives of a service stand, and what spent their budget. */
export interface SloView {
  readonly service: string;
  readonly environment: string;
  readonly windowMs: number;
  /** How much of the window there was anything to count in. */
  readonly watchedMs: number;
  readonly onExhausted: "hold" | "warn";
  readonly objectives: readonly Objective[];
  /** Availability in the windows of the burn rates, the fastest first. */
  readonly burn: readonly PairRate[];
  /** What each release that users met in the window cost, the latest first. */
  readonly releases: readonly ReleaseBill[];
}

export interface ReleaseBill extends Omit<ReleaseCost, "firstMs" | "lastMs"> {
  /** Share of the availability budget of the window. */
  readonly spent: number;
  readonly firstHoursAgo: number;
  readonly lastHoursAgo: number;
}

/** What is left of the error budget of a service: of its objectives, the one that stands worst. */
export interface BudgetLeft {
  /** 1 is all of it, below 0 the objective is missed. */
  readonly left: number;
  readonly isExhausted: boolean;
  readonly windowMs: number;
  readonly objective: Objective["name"];
}

/** How the objectives stand, by what was promised with the release that serves. */
export function viewSlo(service: Service, traffic: TrafficCounts, nowMs: number): SloView {
  const { plan, budget, windowMs } = promised(service);
  const counts = traffic.budgets.of(service.environment, service.name);
  const timeMs = traffic.budgets.timeAt(nowMs);
  const objectives = objectivesOf(service, traffic, nowMs);
  const allowed = objectives[0]?.allowed ?? 0;
  const availability = plan?.sloAvailability ?? defaultAvailability;
  return {
    service: service.name,
    environment: service.environment,
    windowMs,
    watchedMs: counts.watchedMs(windowMs, timeMs),
    onExhausted: budget.onExhausted,
    objectives,
    burn: traffic.burnRates(service.environment, service.name, { availability, nowMs }),
    releases: counts.costs(windowMs, timeMs).map(({ firstMs, lastMs, ...cost }) => ({
      ...cost,
      spent: cost.failed === 0 ? 0 : cost.failed / Math.max(allowed, Number.MIN_VALUE),
      firstHoursAgo: Math.floor((timeMs - firstMs) / 3_600_000),
      lastHoursAgo: Math.floor((timeMs - lastMs) / 3_600_000),
    })),
  };
}

/** What is left for a release to be careless with. Before anything was promised, nothing is spent. */
export function budgetLeft(service: Service, traffic: TrafficCounts, nowMs: number): BudgetLeft {
  const { windowMs } = promised(service);
  const worst = objectivesOf(service, traffic, nowMs).reduce((a, b) => (b.spent > a.spent ? b : a));
  return { left: 1 - worst.spent, isExhausted: worst.isExhausted, windowMs, objective: worst.name };
}

/**
 * Why a deploy that is no fix has to wait for somebody, in words; null when it may go on. What was promised with the release that
 * serves decides, so that no release writes itself a larger budget.
 */
export function spentBudget(service: Service | undefined, left: BudgetLeft | null): string | null {
  if (service === undefined || left === null || !left.isExhausted) return null;
  return promised(service).budget.onExhausted === "hold" ? spentWords(left) : null;
}

export function spentWords({ left, windowMs, objective }: BudgetLeft): string {
  return `the error budget of ${windowMs / 86_400_000} days for ${objective} is spent (${Math.round((1 - left) * 100)}% of it)`;
}

/** Whose word could count, and from where. */
interface ApproversAsked {
  readonly principals: Principals;
  /** Who asks for the deploy. */
  readonly by: string;
  /** Names of principals; empty is whoever may approve. */
  readonly from: readonly string[];
  readonly place: { readonly environment: string; readonly service: string };
  readonly now: Temporal.Instant;
}

/** Names of those besides the one who asks who could approve there. Who wrote what is not known before it is built. */
export function approversOf({ principals, by, from, place, now }: ApproversAsked): readonly string[] {
  const others = principals.tokens.filter(
    (token) =>
      token.name !== by &&
      hasRole(token.role, "approver") &&
      !isExpired(token, now) &&
      isWithinScope(token.scope, place) &&
      (from.length === 0 || from.includes(token.name)),
  );
  return [...new Set(others.map(({ name }) => name))];
}

/** Throws `BELAY_BUDGET_SPENT` where nobody but the one who asks could approve it. */
export function requireApprover(why: string, asked: ApproversAsked): void {
  if (approversOf(asked).length > 0) return;
  const { service } = asked.place;
  throw new BelayError({
    code: "BELAY_BUDGET_SPENT",
    message: `${why}, and there is nobody else here who could approve a release of ${service} that is no fix`,
    next: `Deploy what mends it with --fix "<what>", or in an emergency with --break-glass "<why>"; \`belay slo ${service}\` shows what spent it.`,
  });
}

const defaultAvailability = 0.999;

function promised(service: Service) {
  const plan = (service.promotion ?? service.rollout)?.plan;
  const budget = plan?.errorBudget ?? defaultBudget;
  return { plan, budget, windowMs: budget.windowMs };
}

function objectivesOf(service: Service, traffic: TrafficCounts, nowMs: number): readonly [Objective, ...Objective[]] {
  const { plan, windowMs } = promised(service);
  const { budgets } = traffic;
  const { requests, failed, slow } = budgets.of(service.environment, service.name).within(windowMs, budgets.timeAt(nowMs));
  const availability: Objective = {
    name: "availability",
    ...budgetState(plan?.sloAvailability ?? defaultAvailability, requests, failed),
  };
  const latency = plan?.latencyObjective;
  if (latency === undefined) return [availability];
  return [availability, { name: "latency", underMs: latency.underMs, ...budgetState(latency.share, requests, slow) }];
}
