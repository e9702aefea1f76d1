import type { ApprovalNeed, BreakGlass } from "../rollout/approval.ts";
import type { CheckResult } from "../rollout/check-result.ts";
import type { EvidenceSummary } from "../rollout/evidence-summary.ts";
import type { Judgement } from "../rollout/judgement.ts";
import type { OutcomeBy, Phase, Plan, Rollout } from "../rollout/rollout.ts";

/** A rollout as it is shown; `outcome` and what follows are set once it has ended (or is held). Scripts rely on these names. */
export interface RolloutView {
  readonly rollout: string;
  readonly service: string;
  readonly environment: string;
  readonly kind: Rollout["kind"];
  readonly release: string | null;
  readonly stable: string | null;
  readonly phase: Phase;
  readonly plan: Plan;
  /** Said before it starts: how long its gates take with the present traffic and what they rule out. */
  readonly forecast: string;
  readonly outcome: "promoted" | "aborted" | "refused" | "held" | "superseded" | null;
  readonly by: OutcomeBy | null;
  readonly reason: string;
  /** What the reader should do now, or empty. */
  readonly next: string;
  /** From the request to the end, or to now. */
  readonly seconds: number;
  /** Weight that the canary has now, in ten-thousandths. */
  readonly weight: number;
  readonly heldMs: number;
  readonly canaryRequests: number;
  readonly canaryErrors: number;
  /** Failed canary answers that reached a user. */
  readonly harmed: number;
  readonly harmedVisitors: number;
  readonly shielded: number;
  readonly unitsCanary: number;
  readonly failedRequests: number;
  readonly evidence: EvidenceSummary | null;
  /** What preflight saw of the release; empty before that, and for a rollback. */
  readonly checks: readonly CheckResult[];
  /** The evidence's own words for the present stage; what is done or waited for, where that is not evidence. */
  readonly verdict: string;
  /** Last lines of an instance or a task that failed, or empty. */
  readonly lastLines: string;
  /** The task that it waits for, while it does. */
  readonly task: { readonly name: string; readonly state: "running" | "unknown" } | null;
  /** How the environment before stands for it; null when none comes before. */
  readonly staging: StagingView | null;
  /** What people have to approve, and have. */
  readonly supervision: SupervisionView;
  /** How it stands to the rules; null for a rollback, and where it was not recorded. */
  readonly judgement: Judgement | null;
}

export interface SupervisionView {
  /** Everything that counts for it, also what is approved already. */
  readonly needs: readonly (ApprovalNeed & { readonly approvedBy: readonly string[]; readonly isMet: boolean })[];
  /** Ids of the needs that it waits for now, and since when. */
  readonly awaiting: { readonly needs: readonly string[]; readonly since: string } | null;
  /** That one person alone pushed it past the rules. */
  readonly breakGlass: BreakGlass | null;
}

export interface StagingView {
  readonly environment: string;
  /** The rollout there. */
  readonly rollout: string;
  readonly state: "waiting" | "passed" | "failed";
  /** Once it has passed: what was checked there, and when (ISO 8601). */
  readonly checked: readonly string[];
  readonly at: string | null;
}
