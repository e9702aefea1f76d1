import { BelayError } from "../errors.ts";
import type { ApprovalRule, Manifest } from "../manifest/manifest.ts";
import { describeDuration } from "../manifest/quantities.ts";
import { findSecretIn } from "../preflight/secrets.ts";
import type { ApprovalNeed } from "../rollout/approval.ts";
import { type Brief, briefQuestions, toBrief } from "../rollout/brief.ts";
import type { Judgement } from "../rollout/judgement.ts";
import { type Loosening, ownLoosenings } from "../rollout/loosening.ts";
import { assessRisk, describeRisk, type Risk, type RiskFacts, type RiskLevel } from "../rollout/risk.ts";
import type { Plan } from "../rollout/rollout.ts";
import { anybodyElse } from "./plan-needs.ts";

/** How much longer the first step is held at the least. */
const firstHold: Readonly<Record<RiskLevel, number>> = { low: 1, medium: 2, high: 4 };

export interface ChangeToJudge {
  readonly manifest: Manifest;
  readonly environment: string;
  readonly plan: Plan;
  readonly loosenings: readonly Loosening[];
  /** Null where nobody is at risk. */
  readonly facts: RiskFacts | null;
  /** Another environment comes after, which asks people by itself. */
  readonly attests: boolean;
  readonly authors: readonly string[];
  readonly brief: Readonly<Record<string, string>> | undefined;
  /** Nothing is to start: what would be refused is told. */
  readonly isPreview?: boolean;
  /** One person alone pushes it: nobody is asked for anything. */
  readonly isGlassBroken: boolean;
  /** Whether somebody could give their word for it: not the one who asks, and none of the authors. */
  readonly hasApprover: boolean;
}

export interface JudgedChange {
  readonly plan: Plan;
  readonly judgement: Judgement;
  readonly needs: readonly ApprovalNeed[];
  /** What would have been asked for, where one person alone pushes it. */
  readonly waived: readonly string[];
}

/**
 * What follows from how a change stands to the rules. It makes a plan stricter and never laxer: the first step is held longer, people
 * are asked, a brief is demanded. Throws `BELAY_BRIEF_NEEDED` and `BELAY_BRIEF_REFUSED`.
 */
export function judgeChange(change: ChangeToJudge): JudgedChange {
  const { manifest, facts, loosenings, authors } = change;
  const risk = facts === null ? null : assessRisk(facts, manifest.risk);
  const brief = change.brief === undefined ? null : requireBrief(change.brief);
  const asksForBrief = !change.attests && (manifest.brief === "always" || risk?.level === "high");
  const lacksBrief = asksForBrief && brief === null && !change.isGlassBroken;
  if (lacksBrief && change.isPreview !== true) throw briefNeeded(manifest.service, risk);
  const held = holdFirstStep(change.plan, risk);
  const word = askForWord(change, loosenings);
  const gate = gateAfterFirst(change, held.plan, risk);
  const asked = lacksBrief ? "a release brief is asked for (`belay brief` prints its questions)" : "";
  const consequences = [held.words, word.words, gate.words, asked].filter((words) => words !== "");
  return {
    plan: gate.plan,
    judgement: { loosenings, risk, consequences, brief, authors },
    needs: [...word.needs, ...gate.needs],
    waived: asksForBrief && brief === null ? ["a release brief"] : [],
  };
}

function holdFirstStep(plan: Plan, risk: Risk | null): { readonly plan: Plan; readonly words: string } {
  const index = plan.steps.findIndex(({ weight, gate }) => weight > 0 && gate === undefined);
  const first = plan.steps[index];
  const factor = firstHold[risk?.level ?? "low"];
  if (first === undefined || factor === 1) return { plan, words: "" };
  const minHoldMs = Math.max(first.minHoldMs, Math.min(plan.maxHoldMs, first.minHoldMs * factor));
  const steps = plan.steps.map((step, at) => (at === index ? { ...step, minHoldMs } : step));
  return { plan: { ...plan, steps }, words: `the first step is held for at least ${describeDuration(minHoldMs)}` };
}

interface Asked {
  readonly needs: readonly ApprovalNeed[];
  readonly words: string;
}

/** Rules are loosened by two people, where there are two. */
function askForWord(change: ChangeToJudge, loosenings: readonly Loosening[]): Asked {
  const own = ownLoosenings(loosenings);
  if (own.length === 0 || change.attests) return { needs: [], words: "" };
  const rule = ruleOf(change);
  if (rule === null)
    return { needs: [], words: "nobody else here could approve what it loosens: that counts from the next rollout on" };
  const why = `it loosens its own rules (${own.map(({ field }) => field).join(", ")}), from the next rollout on`;
  return { needs: [{ id: "policy", kind: "policy", why, ...rule }], words: "" };
}

/** After the first visitors have met it, somebody else looks before more do. */
function gateAfterFirst(change: ChangeToJudge, plan: Plan, risk: Risk | null): Asked & { readonly plan: Plan } {
  const none = { plan, needs: [], words: "" };
  if (risk?.level !== "high") return none;
  const at = plan.steps.findIndex(({ weight, gate }) => weight > 0 && gate === undefined);
  const first = plan.steps[at];
  if (first === undefined) return none;
  const rule = ruleOf(change);
  if (rule === null)
    return { ...none, words: "nobody else here could approve it after its first step, so that it goes on by the evidence alone" };
  const why = `the risk is ${describeRisk(risk)}`;
  const need: ApprovalNeed = { id: "risk", kind: "risk", why, ...rule, step: at + 1 };
  if (plan.steps[at + 1]?.gate !== undefined) return { plan, needs: [need], words: "" };
  const gate = { weight: first.weight, minHoldMs: 0, gate: "approval" } as const;
  const steps = plan.steps.toSpliced(at + 1, 0, gate);
  return { plan: { ...plan, steps }, needs: [need], words: "somebody else approves it after its first step" };
}

/** Null: nobody could, and the environment does not ask for it. */
function ruleOf({ manifest, environment, hasApprover }: ChangeToJudge): ApprovalRule | null {
  const own = manifest.environments[environment]?.approvals ?? null;
  return own ?? (hasApprover ? anybodyElse : null);
}

function requireBrief(answers: Readonly<Record<string, string>>): Brief {
  const parsed = toBrief((key) => answers[key] ?? "");
  if (!parsed.ok) throw refused(parsed.problems.join("; "), "Answer all six in a few sentences each; `belay brief` prints them.");
  for (const { key, heading } of briefQuestions) {
    const found = findSecretIn(parsed.brief[key]);
    if (found !== null)
      throw refused(`the answer to "${heading}" holds ${found}`, "Revoke it, take it out of the brief, and deploy again.");
  }
  return parsed.brief;
}

function refused(message: string, next: string): BelayError {
  return new BelayError({ code: "BELAY_BRIEF_REFUSED", message, next });
}

function briefNeeded(service: string, risk: Risk | null): BelayError {
  const why =
    risk?.level === "high"
      ? `the risk of this change of ${service} is ${describeRisk(risk)}`
      : `belay.yml of ${service} asks for one each time`;
  return new BelayError({
    code: "BELAY_BRIEF_NEEDED",
    message: `a release brief is needed: ${why}`,
    next: "Run `belay brief > brief.md`, answer its six questions, and run `belay deploy --brief brief.md`.",
  });
}
