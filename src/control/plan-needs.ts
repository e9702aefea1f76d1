import { BelayError } from "../errors.ts";
import type { ApprovalRule, Manifest } from "../manifest/manifest.ts";
import { checksOf } from "../preflight/all-checks.ts";
import { type ApprovalNeed, describeNeed } from "../rollout/approval.ts";
import type { RolloutFact } from "../rollout/entry.ts";
import type { Plan, Rollout } from "../rollout/rollout.ts";

/** What somebody asks to be passed over, and why. */
export interface Exceptions {
  /** Names of checks, `windows` among them. */
  readonly override?: { readonly checks: readonly string[]; readonly reason: string } | undefined;
  /** One person alone pushes it past approvals, hours and checks, for this reason. */
  readonly breakGlass?: string | undefined;
}

type BrokenGlass = NonNullable<(RolloutFact & { kind: "rollout-requested"; rolloutKind: "deploy" })["breakGlass"]>;

export interface SupervisedPlan {
  readonly plan: Plan;
  readonly breakGlass: BrokenGlass | undefined;
}

/** Where a manifest does not say who approves. */
export const anybodyElse: ApprovalRule = { people: 1, from: [], lastsMs: 86_400_000 };
/** Somebody else has so long to look at what one person alone did. */
export const reviewWithinMs = 86_400_000;

interface NeedsRequest {
  readonly manifest: Pick<Manifest, "checks" | "environments">;
  readonly environment: string;
  readonly plan: Plan;
  /** Nothing serves yet, so that no step is gone through. */
  readonly isFirst: boolean;
  /** Another environment comes after: no visitor of anybody is there. */
  readonly attests: boolean;
  readonly exceptions: Exceptions;
  readonly now: Temporal.Instant;
  /** What the change itself asks people for. */
  readonly own?: readonly ApprovalNeed[];
  /** What else would have been asked for, in words. */
  readonly waived?: readonly string[];
}

/**
 * The plan with what people have to approve in it. Where the glass is broken nobody has to, the hours do not count, and what that
 * skipped is told. Throws `BELAY_OVERRIDE_REFUSED` for a check that is not to be passed over.
 */
export function supervise(request: NeedsRequest): SupervisedPlan {
  const { plan, exceptions, attests, now } = request;
  const needs = needsOfPlan(request);
  const reviewBefore = now.add({ milliseconds: reviewWithinMs }).toString();
  if (exceptions.breakGlass === undefined) return { plan: withNeeds(plan, needs), breakGlass: undefined };
  if (attests) {
    // Checks ask nobody there as it is. Its own approvals do.
    const isAsked = ({ people }: ApprovalNeed) => people > 0;
    const skipped = needs.filter(isAsked).map(describeNeed);
    const breakGlass = skipped.length === 0 ? undefined : { reason: exceptions.breakGlass, skipped, reviewBefore };
    return {
      plan: withNeeds(
        plan,
        needs.filter((need) => !isAsked(need)),
      ),
      breakGlass,
    };
  }
  const { calendar, ...open } = plan;
  const hours = calendar === undefined ? [] : ["windows and freezes"];
  const checks = passable(request.manifest).filter((name) => name !== "windows");
  const skipped = [
    ...needs.map(describeNeed),
    ...(request.waived ?? []),
    ...hours,
    `failed checks, if any of ${checks.join(", ")}`,
  ];
  return { plan: open, breakGlass: { reason: exceptions.breakGlass, skipped, reviewBefore } };
}

/** Added at the end, for whoever finds more reasons to ask somebody. */
export function withNeeds(plan: Plan, needs: readonly ApprovalNeed[]): Plan {
  const all = [...(plan.needs ?? []), ...needs];
  return all.length === 0 ? plan : { ...plan, needs: all };
}

function needsOfPlan(request: NeedsRequest): readonly ApprovalNeed[] {
  const { manifest, environment, plan, isFirst, attests, exceptions } = request;
  const asked = request.own ?? [];
  const own = manifest.environments[environment]?.approvals ?? null;
  const rule = own ?? anybodyElse;
  const needs: ApprovalNeed[] = [];
  if (own !== null) needs.push({ id: "environment", kind: "environment", why: `${environment} asks for it`, ...own });
  for (const [step, { gate }] of plan.steps.entries()) {
    if (gate === undefined || asked.some((need) => need.step === step)) continue;
    const need = { id: `gate-${step + 1}`, kind: "gate", why: `step ${step + 1} of the plan asks for it`, ...rule } as const;
    needs.push(isFirst ? need : { ...need, step });
  }
  return [...needs, ...asked, ...overrides(manifest, { exceptions, attests, rule })];
}

/** Before another environment nobody is harmed by a check that is passed over, so nobody is asked there; the one after asks. */
function overrides(
  manifest: NeedsRequest["manifest"],
  { exceptions, attests, rule }: { readonly exceptions: Exceptions; readonly attests: boolean; readonly rule: ApprovalRule },
): readonly ApprovalNeed[] {
  const { override, breakGlass } = exceptions;
  if (breakGlass !== undefined && !attests) return [];
  const checks = breakGlass === undefined ? (override?.checks ?? []) : passable(manifest);
  const why = breakGlass ?? override?.reason ?? "";
  const asked = attests ? { ...rule, people: 0 } : rule;
  return checks.flatMap((check): ApprovalNeed[] => {
    requirePassable(manifest, check);
    const words = `${check} is to be passed over (${why})`;
    const need: ApprovalNeed = { id: `check-${check}`, kind: "check", check, why: words, ...asked };
    return check === "windows" ? [need, { ...windowNeed(why, rule), ...asked }] : [need];
  });
}

export function windowNeed(reason: string, rule: ApprovalRule): ApprovalNeed {
  return { id: "window", kind: "window", why: `closed hours are to be passed over (${reason})`, ...rule };
}

function passable({ checks }: NeedsRequest["manifest"]): readonly string[] {
  return checksOf(checks)
    .map(({ name }) => name)
    .filter((name) => !checks.neverOverride.includes(name));
}

function requirePassable(manifest: NeedsRequest["manifest"], check: string): void {
  const known = passable(manifest);
  if (known.includes(check)) return;
  const isNever = manifest.checks.neverOverride.includes(check);
  throw new BelayError({
    code: "BELAY_OVERRIDE_REFUSED",
    message: isNever
      ? `${check} is not to be passed over: it stands under checks.neverOverride`
      : `there is no check ${check.slice(0, 60)} that could be passed over`,
    next: isNever ? "Mend what it found, and deploy again." : `Name some of ${known.join(", ")}.`,
  });
}

/** Whether a rollout goes on although this check stopped it, once whoever has to has approved. */
export function passesOver(
  { plan, supervision }: Pick<Rollout, "plan" | "supervision">,
  manifest: Pick<Manifest, "checks">,
  check: string,
): boolean {
  if (manifest.checks.neverOverride.includes(check)) return false;
  return supervision.breakGlass !== undefined || (plan.needs ?? []).some((need) => need.check === check);
}
