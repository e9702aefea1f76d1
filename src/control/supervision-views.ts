import { approvedBy, describeNeeds, isMet, needsOf } from "../rollout/approval.ts";
import type { NewEntry } from "../rollout/entry.ts";
import { isEnded, type Rollout } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";
import { loopActor } from "./journal.ts";
import type { RolloutView, SupervisionView } from "./rollout-view.ts";
import type { World } from "./world.ts";

/** How people's words stand for a rollout. */
export function viewSupervision(rollout: Rollout, service: Service | undefined, now: Temporal.Instant): SupervisionView {
  const { supervision } = rollout;
  return {
    needs: needsOf(rollout).map((need) => ({
      ...need,
      approvedBy: approvedBy(need, supervision, now),
      isMet: isMet(need, supervision, now),
    })),
    awaiting: isEnded(rollout) ? null : supervision.awaiting,
    breakGlass: service?.breakGlasses.find((each) => each.rollout === rollout.id) ?? null,
  };
}

/** What is shown of a rollout that waits for people's word; null for any other. */
export function heldByPeople(
  rollout: Rollout,
  now: Temporal.Instant,
): Pick<RolloutView, "outcome" | "by" | "reason" | "next"> | null {
  const { awaiting } = rollout.supervision;
  if (awaiting === null || !["pending", "progressing"].includes(rollout.phase.name)) return null;
  const open = needsOf(rollout).filter((need) => awaiting.needs.includes(need.id) && !isMet(need, rollout.supervision, now));
  if (open.length === 0) return null;
  const who = [...new Set(open.flatMap(({ from }) => from))];
  const next = `${who.length === 0 ? "Somebody else who may approve" : who.join(" or ")} runs \`belay approve ${rollout.id}\`; or give it up with \`belay abort ${rollout.service}\`.`;
  return { outcome: "held", by: null, reason: `it waits for ${describeNeeds(open)}`, next };
}

/** That nobody has reviewed a broken glass in time, told once for each. */
export function overdueReview(service: Service, { clock, log }: Pick<World, "clock" | "log">): NewEntry | null {
  const now = clock.now();
  const late = service.breakGlasses.find(
    ({ review, isOverdue, reviewBefore }) =>
      review === null && !isOverdue && Temporal.Instant.compare(now, Temporal.Instant.from(reviewBefore)) >= 0,
  );
  if (late === undefined) return null;
  const { rollout, reviewBefore, by, reason } = late;
  log.error("nobody has reviewed a broken glass in time", { rollout, by, reason, reviewBefore });
  const { environment, name } = service;
  return { environment, service: name, rollout, actor: loopActor, fact: { kind: "break-glass-overdue", reviewBefore } };
}
