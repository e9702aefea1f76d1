import type { AnyRecord, Arm } from "../routing/wire.ts";
import { thresholds } from "./budget.ts";
import { SloPair, type SloPairState } from "./slo-pair.ts";
import { sloEpochMs } from "./slo-test.ts";
import type { Verdict } from "./verdict.ts";
import { countWords, likelihoodWords, percentWords, unitWords } from "./words.ts";

/** A cohort is people whom somebody knows; more of them than this are counted no further. */
const membersMax = 10_000;
const minuteMs = 60_000;

/** What is evidence here: how long answers take and what visitors get done is compared with nobody. */
const told: ReadonlySet<AnyRecord["kind"]> = new Set(["failed", "harmed", "served"]);

interface Known {
  readonly unit: string;
  readonly arm: Arm;
  hasFailed: boolean;
  servedMinute: number;
}

export interface CohortSnapshot {
  readonly slo: SloPairState;
  readonly known: readonly Known[];
  readonly members: number;
  readonly failedMembers: number;
}

/**
 * What the members of cohorts got of the canary. They are chosen, not drawn, so nothing that compares them with others by chance
 * may count them; what holds for any visitors is the objective, with everybody on stable beside them to tell an outage of both.
 */
export class CohortEvidence {
  readonly #availability: number;
  #slo: SloPair;
  #known = new Map<string, Known>();
  #members = 0;
  #failedMembers = 0;
  #epochEndsAtMs: number | null = null;

  constructor(availability: number) {
    this.#availability = availability;
    this.#slo = SloPair.begin(availability);
  }

  /** A snapshot of another life of the machine is of another clock: its minutes begin anew. */
  static restore(snapshot: CohortSnapshot, availability: number): CohortEvidence {
    const evidence = new CohortEvidence(availability);
    evidence.#slo = SloPair.restore({ state: snapshot.slo, availability });
    evidence.#known = new Map(snapshot.known.map((known) => [`${known.arm} ${known.unit}`, { ...known }]));
    evidence.#members = snapshot.members;
    evidence.#failedMembers = snapshot.failedMembers;
    return evidence;
  }

  snapshot(): CohortSnapshot {
    return {
      slo: this.#slo.state(),
      known: [...this.#known.values()],
      members: this.#members,
      failedMembers: this.#failedMembers,
    };
  }

  /** A record of a member, or of somebody on stable. Repetitions, as two workers send them, change nothing. */
  absorb(record: AnyRecord): void {
    if (record.arm === "canary") return;
    const arm: Arm = record.arm === "cohort" ? "canary" : "stable";
    const known = this.#knownOf(record.unit, arm);
    if (known === null || known.hasFailed || !told.has(record.kind)) return;
    const seen = { ...record, arm };
    if (record.kind === "failed") {
      known.hasFailed = true;
      if (arm === "canary") this.#failedMembers += 1;
      this.#slo.failed(seen);
      return;
    }
    const minute = Math.floor(record.atMs / minuteMs);
    if (minute <= known.servedMinute) return;
    known.servedMinute = minute;
    this.#slo.served(seen);
  }

  advance(nowMs: number): void {
    if (this.#epochEndsAtMs !== null && nowMs < this.#epochEndsAtMs) return;
    if (this.#epochEndsAtMs !== null) this.#slo.invest();
    this.#epochEndsAtMs = nowMs + sloEpochMs;
  }

  get counts(): { readonly visitors: number; readonly failedVisitors: number } {
    return { visitors: this.#members, failedVisitors: this.#failedMembers };
  }

  /** A failure is latched. Null while there is nothing against the release. */
  verdict(): Extract<Verdict, { kind: "fail" | "shared-outage" }> | null {
    const objective = percentWords(this.#availability);
    const failed = `${unitWords(this.#failedMembers, "visitor")} of the cohort failed on the canary`;
    if (this.#slo.isCanaryToBlame) {
      const times = likelihoodWords(this.#slo.peakLogE);
      const reason = `${failed}, and stable is well: ${times} than with twice the failures that the ${objective} objective tolerates (${countWords(thresholds.slo)} decides)`;
      return { kind: "fail", metric: "slo", reason };
    }
    if (!this.#slo.isSharedOutage) return null;
    return { kind: "shared-outage", reason: `${failed}, and stable fails as well: something that they share is failing` };
  }

  #knownOf(unit: string, arm: Arm): Known | null {
    const key = `${arm} ${unit}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const begun = { unit, arm, hasFailed: false, servedMinute: Number.NEGATIVE_INFINITY };
    if (arm === "canary") {
      if (this.#members >= membersMax) return null;
      this.#members += 1;
    } else if (this.#known.size >= 2 * membersMax) {
      // Of stable it matters whether it is well, not for how many: whoever is left out says the same.
      return null;
    }
    this.#known.set(key, begun);
    return begun;
  }
}
