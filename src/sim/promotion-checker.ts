import type { Entry } from "../rollout/entry.ts";
import type { ReleaseId, Rollout, RolloutId } from "../rollout/rollout.ts";
import type { Behaviour } from "./releases.ts";
import type { Complain } from "./violation.ts";

interface Way {
  readonly endedSteps: Set<number>;
  isBaked: boolean;
  isByPerson: boolean;
  mayEndAtOnce: boolean;
}

/** A release is promoted only if every step was passed, continued by plan or ended by a person, and it baked. */
export class PromotionChecker {
  readonly #complain: Complain;
  readonly #behaviourOf: (release: ReleaseId) => Behaviour | undefined;
  readonly #ways = new Map<RolloutId, Way>();

  constructor(options: { complain: Complain; behaviourOf: (release: ReleaseId) => Behaviour | undefined }) {
    this.#complain = options.complain;
    this.#behaviourOf = options.behaviourOf;
  }

  apply({ fact }: Entry, before: Rollout | null, after: Rollout | null): void {
    if (before === null || after === null || before.id !== after.id) return;
    const way = this.#ways.getOrInsertComputed(after.id, () => ({
      endedSteps: new Set<number>(),
      isBaked: false,
      isByPerson: false,
      mayEndAtOnce: false,
    }));
    const step = before.phase.name === "progressing" || before.phase.name === "held" ? before.phase.step : null;
    switch (fact.kind) {
      case "step-ended":
        if (step === fact.step) this.#stepEnded(way, before, fact);
        break;
      case "bake-ended":
        if (fact.heldMs < before.plan.bakeMs) this.#complain("earned-promotion", `${before.id} baked only ${fact.heldMs} ms`);
        way.isBaked ||= before.phase.name === "baking";
        break;
      case "promote-requested":
        way.isByPerson = true;
        way.mayEndAtOnce ||= fact.skipsAnalysis;
        if (before.phase.name === "baking" || step === before.plan.steps.length) way.isBaked = true;
        if (step !== null && fact.isFull) for (const index of before.plan.steps.keys()) way.endedSteps.add(index);
        if (step !== null) way.endedSteps.add(step);
        break;
      default:
        break;
    }
    if (after.phase.name === "promoted" && before.phase.name !== "promoted") this.#promoted(way, after);
  }

  #stepEnded(way: Way, rollout: Rollout, fact: Extract<Entry["fact"], { kind: "step-ended" }>): void {
    way.endedSteps.add(fact.step);
    const minHoldMs = rollout.plan.steps[fact.step]?.minHoldMs ?? 0;
    if (fact.heldMs < minHoldMs) this.#complain("earned-promotion", `step ${fact.step} of ${rollout.id} held ${fact.heldMs} ms`);
    if (fact.why === "continued" && rollout.plan.onInconclusive !== "continue") {
      this.#complain(
        "earned-promotion",
        `${rollout.id} went on without evidence although its plan says ${rollout.plan.onInconclusive}`,
      );
    }
    if (fact.why !== "passed") return;
    const gate = fact.evidence.metrics.find(({ name }) => name === "gate");
    if (gate === undefined || gate.eValue < gate.threshold || fact.evidence.lostRecords > 0) {
      this.#complain("earned-promotion", `step ${fact.step} of ${rollout.id} passed with a gate of ${gate?.eValue ?? "nothing"}`);
    }
  }

  #promoted(way: Way, rollout: Rollout): void {
    if (rollout.kind === "rollback" || rollout.stable === null) return;
    const isWhole = way.isBaked && rollout.plan.steps.every((_, index) => way.endedSteps.has(index));
    if (!isWhole && !way.mayEndAtOnce)
      this.#complain("earned-promotion", `${rollout.id} was promoted with a step or the bake left out`);
    const behaviour = rollout.candidate === null ? undefined : this.#behaviourOf(rollout.candidate);
    if (behaviour?.kind !== "dead" || way.isByPerson || rollout.plan.onInconclusive === "continue") return;
    this.#complain("earned-promotion", `${rollout.id} answers 500 to everything and was promoted by ${rollout.phase.name}`);
  }
}
