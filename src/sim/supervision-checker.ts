import { isHeldBack, isMet, needsOf, openBeforeStart } from "../rollout/approval.ts";
import type { Entry } from "../rollout/entry.ts";
import type { Rollout } from "../rollout/rollout.ts";
import type { Complain } from "./violation.ts";

/** What has to be approved was, by somebody else and in time: before anything of the release ran, and before each gate was passed. */
export class SupervisionChecker {
  readonly #complain: Complain;

  constructor(complain: Complain) {
    this.#complain = complain;
  }

  apply({ fact, actor, at }: Entry, before: Rollout | null): void {
    if (before === null || before.kind === "rollback") return;
    const now = Temporal.Instant.from(at);
    switch (fact.kind) {
      case "task-started":
      case "instance-ready":
        if (fact.release === before.candidate && before.phase.name === "pending" && isHeldBack(before))
          this.#wrong(before, `had ${fact.kind} before it was approved`);
        break;
      case "start-approved":
        if (openBeforeStart(before, now).length > 0) this.#wrong(before, "was let on without its approvals");
        break;
      case "approval-given":
        if (actor.name === before.requestedBy.name) this.#wrong(before, "was approved by the one who asked for it");
        break;
      case "step-ended": {
        const needs = needsOf(before).filter(({ step }) => step === fact.step);
        const isGate = before.plan.steps[fact.step]?.gate !== undefined;
        if (isGate !== (fact.why === "approved")) this.#wrong(before, `ended step ${fact.step} by ${fact.why}`);
        if (needs.some((need) => !isMet(need, before.supervision, now)))
          this.#wrong(before, `passed the gate ${fact.step} unapproved`);
        break;
      }
      default:
        break;
    }
  }

  #wrong({ id }: Rollout, what: string): void {
    this.#complain("approved-first", `${id} ${what}`);
  }
}
