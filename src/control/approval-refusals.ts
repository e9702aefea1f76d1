import { BelayError } from "../errors.ts";
import type { ApproverRefusal } from "../rollout/approver.ts";
import type { Rollout } from "../rollout/rollout.ts";

export function own({ id }: Pick<Rollout, "id">, why: string): BelayError {
  return new BelayError({
    code: "BELAY_APPROVAL_OWN",
    message: `${id} needs somebody else's word: ${why}`,
    next: "Ask somebody who had no part in it.",
  });
}

/** Whose part is not known may be the approver's own: an approval says that two people were there. */
export function refused({ id, requestedBy }: Rollout, approver: string, refusal: ApproverRefusal): BelayError {
  switch (refusal.kind) {
    case "own":
      return own({ id }, refusal.why);
    case "approver":
      return new BelayError({
        code: "BELAY_APPROVAL_APPROVER_UNKNOWN",
        message: `no address in commits is ${approver}'s, so that what ${approver} wrote cannot be told from what others wrote`,
        next: `Whoever makes tokens runs \`belay token map ${approver} --email <addresses>\`, also when ${approver} writes no code.`,
      });
    case "authors":
      return new BelayError({
        code: "BELAY_APPROVAL_AUTHOR_UNKNOWN",
        message: `${id} needs the word of somebody who did not write it, and nobody knows whose these addresses in its commits are: ${shortened(refusal.addresses)}`,
        next: "Whoever makes tokens runs `belay token map <name> --email <addresses>`, with `outside` as the name of those who approve nothing here.",
      });
    case "requester":
      return new BelayError({
        code: "BELAY_APPROVAL_REQUESTER_UNKNOWN",
        message: `nothing shows that ${id} was asked for or written by anybody but ${approver}: ${requestedBy.name} asked for it without a token of their own`,
        next: "Whoever wants it deploys it again with their own token in BELAY_TOKEN (`belay deploy --supersede`).",
      });
  }
}

function shortened(addresses: readonly string[]): string {
  const shown = 5;
  const rest = addresses.length - shown;
  return `${addresses.slice(0, shown).join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
}

/** The same of a review: what was done without a token cannot be done again with one. */
export function refusedReviewer(rollout: Rollout, reviewer: string, refusal: ApproverRefusal): BelayError {
  const { id, requestedBy } = rollout;
  switch (refusal.kind) {
    case "own":
    case "authors":
      return refused(rollout, reviewer, refusal);
    case "approver":
      return new BelayError({
        code: "BELAY_APPROVAL_APPROVER_UNKNOWN",
        message: `nothing shows that ${reviewer} is another person than ${requestedBy.name}, who broke the glass for ${id}: no address in commits is ${reviewer}'s`,
        next: `Whoever makes tokens runs \`belay token map ${reviewer} --email <addresses>\`, also when ${reviewer} writes no code.`,
      });
    case "requester":
      return new BelayError({
        code: "BELAY_APPROVAL_REQUESTER_UNKNOWN",
        message: `nothing shows that the glass was broken for ${id} by anybody but ${reviewer}: ${requestedBy.name} did it without a token of their own, no commit of it is known to be somebody's, and ${reviewer} had no token then`,
        next: "Somebody reviews it who had a token before; whoever breaks the glass with a token of their own can be told from everybody else.",
      });
  }
}
