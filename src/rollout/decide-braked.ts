import type { Judgement } from "./decide.ts";
import type { RolloutFact } from "./entry.ts";
import type { EvidenceSummary } from "./evidence-summary.ts";
import type { Phase } from "./rollout.ts";

/** After a brake, records in flight are counted for this long; a verdict reached by then wins. */
const settleBrakeMs = 2_000;

/** What follows for a rollout whose canary the proxies took the traffic of, or null while records in flight are counted. */
export function decideBraked(
  { by, reason }: Phase & { readonly name: "braked" },
  situation: {
    readonly judgement: Judgement;
    /** Read only for what is recorded. */
    readonly evidence: EvidenceSummary;
    readonly heldMs: number;
    readonly brakedForMs: number;
    /** The candidate has no instance that could serve. */
    readonly isGone: boolean;
  },
): RolloutFact | null {
  const { judgement, heldMs, brakedForMs, isGone } = situation;
  if (judgement.kind === "fail")
    return { kind: "verdict-failed", metric: judgement.metric, reason: judgement.reason, evidence: situation.evidence, heldMs };
  if (brakedForMs < settleBrakeMs) return null;
  const { evidence } = situation;
  return by === "health" && isGone
    ? { kind: "brake-settled", into: "aborted", reason: `${reason}, and none came back`, evidence }
    : { kind: "brake-settled", into: "paused", reason: `${reason}; going on is for a person to decide`, evidence };
}
