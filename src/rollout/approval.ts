import type { CheckResult } from "./check-result.ts";

/**
 * Why a rollout needs somebody besides the one who asked for it.
 *
 * - `environment`: the manifest asks for it there. `policy`: the release loosens its own rules. `risk`: what is known of the
 *   change makes it risky. `budget`: the error budget is spent. All of these wait before anything of the release runs.
 * - `gate`: a step of the plan that is people's word. A first release has no steps, so that it waits like the ones above.
 * - `check`: a check of preflight that failed is to be passed over; waits like the first ones, and only if it did fail.
 * - `window`: closed hours are to be passed over. Nothing waits for it longer than for the hours themselves.
 */
export type ApprovalKind = "environment" | "policy" | "risk" | "budget" | "gate" | "check" | "window";

/** What has to be approved, frozen in the plan or asked for later. */
export interface ApprovalNeed {
  /** Its name inside its rollout: `environment`, `gate-2`, `check-tests`. */
  readonly id: string;
  readonly kind: ApprovalKind;
  /** For people, without a full stop. */
  readonly why: string;
  /** How many different people. */
  readonly people: number;
  /** Names of principals; empty: whoever may approve. */
  readonly from: readonly string[];
  /** How long an approval counts. */
  readonly lastsMs: number;
  /** Of a gate: index of the step. Without one, it waits before anything of the release runs. */
  readonly step?: number | undefined;
  /** Of a check: its name. */
  readonly check?: string | undefined;
  /** Of closed hours that are to be passed over since the plan was frozen: who asked. Their own word does not count for it. */
  readonly askedBy?: string | undefined;
}

/** A word that was given. */
export interface Approval {
  readonly by: string;
  /** Wall clock, ISO 8601. */
  readonly at: string;
  readonly until: string;
  /** Ids of the needs that it was given for. */
  readonly needs: readonly string[];
}

/** What somebody alone pushed past the rules, and who looked at it afterwards. */
export interface BreakGlass {
  readonly rollout: string;
  readonly by: string;
  readonly at: string;
  readonly reason: string;
  /** What would have been asked for, each in words. */
  readonly skipped: readonly string[];
  readonly reviewBefore: string;
  /** Recorded once, when the time for it was over without a review. */
  readonly isOverdue: boolean;
  readonly review: { readonly by: string; readonly at: string; readonly words: string } | null;
}

/** How people's words stand for a rollout. */
export interface Supervision {
  /** Asked for after the plan was frozen. */
  readonly overrides: readonly ApprovalNeed[];
  readonly approvals: readonly Approval[];
  /** What it waits for, and since when; null while it waits for nobody. */
  readonly awaiting: { readonly needs: readonly string[]; readonly since: string } | null;
  /** What had to be approved before anything of the release ran, was. */
  readonly mayStart: boolean;
  /** Why one person alone was enough; absent in nearly all. */
  readonly breakGlass?: { readonly reason: string; readonly skipped: readonly string[] } | undefined;
}

/** The part of a rollout that needs are read from. */
export interface Supervised {
  readonly kind: "deploy" | "rollback";
  readonly plan: { readonly needs?: readonly ApprovalNeed[] | undefined };
  readonly checks?: readonly CheckResult[] | undefined;
  readonly supervision: Supervision;
}

/** Every need that counts: of a check that did not stop the release nothing is to be approved. A way back needs nobody. */
export function needsOf({ kind, plan, checks, supervision }: Supervised): readonly ApprovalNeed[] {
  if (kind === "rollback") return [];
  const blocking = new Set((checks ?? []).filter(({ blocks }) => blocks).map(({ check }) => check));
  return [...(plan.needs ?? []), ...supervision.overrides].filter(
    ({ check }) => check === undefined || checks === undefined || blocking.has(check),
  );
}

/** Who gave their word for a need that still counts at `now`, each once. */
export function approvedBy(
  need: ApprovalNeed,
  { approvals }: Pick<Supervision, "approvals">,
  now: Temporal.Instant,
): readonly string[] {
  const counts = approvals.filter(
    ({ needs, until, by }) =>
      needs.includes(need.id) &&
      (need.from.length === 0 || need.from.includes(by)) &&
      by !== need.askedBy &&
      Temporal.Instant.compare(now, Temporal.Instant.from(until)) < 0,
  );
  return [...new Set(counts.map(({ by }) => by))];
}

export function isMet(need: ApprovalNeed, supervision: Pick<Supervision, "approvals">, now: Temporal.Instant): boolean {
  return approvedBy(need, supervision, now).length >= need.people;
}

/** Whether a need has to be met before anything of the release runs. */
export function isBeforeStart({ kind, step }: ApprovalNeed): boolean {
  return kind !== "window" && step === undefined;
}

/** Whether nothing of the release may run yet: no task, no instance. */
export function isHeldBack(rollout: Supervised): boolean {
  return !rollout.supervision.mayStart && needsOf(rollout).some(isBeforeStart);
}

/** What is still to be approved before anything of the release runs. */
export function openBeforeStart(rollout: Supervised, now: Temporal.Instant): readonly ApprovalNeed[] {
  if (rollout.supervision.mayStart) return [];
  return needsOf(rollout).filter((need) => isBeforeStart(need) && !isMet(need, rollout.supervision, now));
}

/** What is still to be approved at the step of this index; nothing when the step is no gate. */
export function openAtStep(rollout: Supervised, step: number, now: Temporal.Instant): readonly ApprovalNeed[] {
  return needsOf(rollout).filter((need) => need.step === step && !isMet(need, rollout.supervision, now));
}

/** Whether closed hours hold a rollout no more. */
export function isWindowPassedOver(rollout: Supervised, now: Temporal.Instant): boolean {
  const windows = needsOf(rollout).filter(({ kind }) => kind === "window");
  return windows.some((need) => isMet(need, rollout.supervision, now));
}

/** The same of several: what one word covers is told as one. */
export function describeNeeds(needs: readonly ApprovalNeed[]): string {
  const alike = Map.groupBy(needs, ({ people, from }) => JSON.stringify([people, from]));
  return [...alike.values()]
    .flatMap(([first, ...others]) =>
      first === undefined ? [] : [describeNeed({ ...first, why: [first, ...others].map(({ why }) => why).join(", and ") })],
    )
    .join("; and for ");
}

/** What is asked of people for this need, in words. */
export function describeNeed({ people, from, why }: ApprovalNeed): string {
  const count = people === 1 ? "1 approval" : `${people} approvals`;
  return `${count}${from.length === 0 ? "" : ` by ${from.join(" or ")}`}: ${why}`;
}
