import type { EvidenceSummary } from "../rollout/evidence-summary.ts";
import type { ExposedStage, Plan } from "../rollout/rollout.ts";
import type { UnitRecord } from "../routing/wire.ts";
import { type EvidenceSnapshot, type LatchedFailure, parseEvidenceSnapshot, type RequestCounts } from "./evidence-snapshot.ts";
import { excludedShare } from "./excluded-share.ts";
import { LabelTest, labelThreshold } from "./label-test.ts";
import { Gate, gateThreshold } from "./non-inferiority.ts";
import { SloPair } from "./slo-pair.ts";
import { sloEpochMs, sloThreshold } from "./slo-test.ts";
import type { Verdict } from "./verdict.ts";
import { VisitorBook } from "./visitor-book.ts";
import { countWords, eValueOf, likelihoodWords, percentWords, visitorWords } from "./words.ts";

const catchUpEpochsMax = 1_000;

const noRequests: RequestCounts = {
  canary: { requests: 0, failed: 0 },
  stable: { requests: 0, failed: 0 },
  harmedRequests: 0,
};

/** The weight that a gate decides about; the step of a cohort has none. */
export function nextWeightAfter({ steps, holdbackWeight }: Pick<Plan, "steps" | "holdbackWeight">, step: number): number {
  return steps.slice(step + 1).find(({ weight }) => weight > 0)?.weight ?? holdbackWeight;
}

function createGates(plan: Plan): Gate[] {
  return plan.steps.map((_, index) => new Gate({ harm: plan.harm, nextWeight: nextWeightAfter(plan, index) }));
}

/**
 * The evidence of one rollout: visitors' records in, a verdict out. Pure: the same calls give the same numbers, bit for bit,
 * also across `snapshot` and `restore`. Memory is bounded. It serves the watch after a promotion as well: there all traffic
 * is recorded as canary at weight 10,000, and `verdict({ kind: "bake" })` speaks.
 */
export class Evidence {
  readonly #plan: Plan;
  #nowMs = 0;
  #sloEpochEndsAtMs: number | null = null;
  #label = new LabelTest();
  #slo: SloPair;
  readonly #gates: readonly Gate[];
  #book: VisitorBook;
  #scoredVisitors = 0;
  #failedScoredVisitors = 0;
  #requests: RequestCounts = noRequests;
  #lostRecords = 0;
  #failure: LatchedFailure | null = null;

  private constructor(plan: Plan) {
    this.#plan = plan;
    this.#slo = SloPair.begin(plan.sloAvailability);
    this.#gates = createGates(plan);
    this.#book = new VisitorBook(plan);
  }

  static begin(plan: Plan): Evidence {
    return new Evidence(plan);
  }

  /** Throws `BELAY_EVIDENCE_UNREADABLE`. A snapshot of an earlier boot of the machine, whose clock was ahead of `nowMs`, is taken as if it were of now. */
  static restore(snapshot: unknown, nowMs: number): Evidence {
    const state = parseEvidenceSnapshot(snapshot);
    const shiftMs = state.takenAtMs > nowMs ? nowMs - state.takenAtMs : 0;
    const evidence = new Evidence(state.plan);
    evidence.#nowMs = state.nowMs + shiftMs;
    evidence.#sloEpochEndsAtMs = state.sloEpochEndsAtMs === null ? null : state.sloEpochEndsAtMs + shiftMs;
    evidence.#label = LabelTest.restore(state.label);
    evidence.#slo = SloPair.restore({ state: state.slo, availability: state.plan.sloAvailability, shiftMs });
    state.gates.forEach((gate, index) => {
      evidence.#gates[index]?.load(gate);
    });
    const { scoreWindowMs, responseDeadlineMs } = state.plan;
    evidence.#book = VisitorBook.restore({ scoreWindowMs, responseDeadlineMs, state: state.book, shiftMs });
    evidence.#scoredVisitors = state.scoredVisitors;
    evidence.#failedScoredVisitors = state.failedScoredVisitors;
    evidence.#requests = state.requests;
    evidence.#lostRecords = state.lostRecords;
    evidence.#failure = state.failure;
    return evidence;
  }

  /** As JSON. `nowMs` is the monotonic time, by which `restore` sees that the machine was started anew. */
  snapshot(nowMs: number): EvidenceSnapshot {
    return {
      version: 1,
      takenAtMs: nowMs,
      plan: this.#plan,
      nowMs: this.#nowMs,
      sloEpochEndsAtMs: this.#sloEpochEndsAtMs,
      label: this.#label.state(),
      slo: this.#slo.state(),
      gates: this.#gates.map((gate) => gate.state()),
      book: this.#book.state(),
      scoredVisitors: this.#scoredVisitors,
      failedScoredVisitors: this.#failedScoredVisitors,
      requests: this.#requests,
      lostRecords: this.#lostRecords,
      failure: this.#failure,
    };
  }

  /**
   * Another weight, in ten-thousandths, by the entry `exposureEpoch`. To be called before a worker is sent the new table,
   * with that time: a visitor whose window was not over by then is scored on neither side. Idempotent.
   */
  weightChanged(change: { readonly weight: number; readonly exposureEpoch: number; readonly atMs: number }): void {
    if (this.#book.weightChanged(change)) this.#slo.invest();
  }

  /** One record of the rollout, its time on the caller's clock. Repetitions change nothing. */
  absorb(record: UnitRecord): void {
    switch (record.kind) {
      case "exposed":
        this.#book.exposed(record);
        return;
      case "served":
        if (this.#book.served(record)) this.#slo.served(record);
        this.#latch(record.weight);
        return;
      case "failed":
        if (!this.#book.failed(record)) return;
        this.#label.failed(record.arm, record.weight);
        this.#slo.failed(record);
        this.#latch(record.weight);
        return;
      case "harmed":
        this.#book.harmed(record);
        return;
    }
  }

  /** `total` records never arrived. While above 0 nothing passes: nobody knows what they said. */
  recordsLost(total: number): void {
    this.#lostRecords = Math.max(this.#lostRecords, total);
  }

  /** Totals since the rollout began; for the summary, not for the tests. */
  countRequests(requests: RequestCounts): void {
    this.#requests = requests;
  }

  /** Time passes. `settledUntilMs`: every worker has reported all requests that started before it. */
  advance(time: { readonly nowMs: number; readonly settledUntilMs: number }): void {
    this.#nowMs = Math.max(this.#nowMs, time.nowMs);
    this.#book.score({
      ...time,
      onScore: (visitor) => {
        for (const gate of this.#gates) gate.score(visitor);
        if (visitor.arm !== "canary") return;
        this.#scoredVisitors += 1;
        if (visitor.isBad) this.#failedScoredVisitors += 1;
      },
    });
    this.#sloEpochEndsAtMs ??= this.#nowMs + sloEpochMs;
    for (let epochs = 0; this.#nowMs >= this.#sloEpochEndsAtMs && epochs < catchUpEpochsMax; epochs += 1) {
      this.#slo.invest();
      this.#sloEpochEndsAtMs += sloEpochMs;
    }
    if (this.#nowMs >= this.#sloEpochEndsAtMs) this.#sloEpochEndsAtMs = this.#nowMs + sloEpochMs;
  }

  /** What the evidence says now about leaving `stage`. Failures are latched and outrank a pass; in the bake there is no gate. */
  verdict(stage: ExposedStage): Verdict {
    if (this.#failure !== null) return { kind: "fail", ...this.#failure };
    if (this.#slo.isSharedOutage) return { kind: "shared-outage", reason: this.#sharedOutageWords() };
    const gate = stage.kind === "step" ? this.#gates[stage.step] : undefined;
    if (gate?.hasPassed === true && this.#lostRecords === 0) return { kind: "pass", reason: this.#passWords(gate) };
    return {
      kind: "inconclusive",
      missing: this.#missingWords(gate),
      pendingVisitors: this.#book.watchedCount,
      lastVisitorAtMs: this.#book.lastVisitorAtMs,
    };
  }

  /** The numbers behind a decision. The gate shown is that of the present weight. E-values are the highest reached. */
  summary(): EvidenceSummary {
    const { canary, stable, harmedRequests } = this.#requests;
    const { visitors, failedVisitors, harmedVisitors } = this.#book;
    const step = this.#plan.steps.findIndex(({ weight }) => weight === this.#book.weight);
    const gate = step === -1 ? this.#gates.at(-1) : this.#gates[step];
    return {
      canary: {
        visitors: visitors.canary,
        failedVisitors: failedVisitors.canary,
        requests: canary.requests,
        failedRequests: canary.failed,
      },
      stable: {
        visitors: visitors.stable,
        failedVisitors: failedVisitors.stable,
        requests: stable.requests,
        failedRequests: stable.failed,
      },
      metrics: [
        { name: "errors", eValue: eValueOf(this.#label.peakLogE), threshold: labelThreshold },
        { name: "slo", eValue: eValueOf(this.#slo.peakLogE), threshold: sloThreshold },
        { name: "gate", eValue: eValueOf(gate?.peakLogE ?? 0), threshold: gateThreshold },
      ],
      scoredVisitors: this.#scoredVisitors,
      failedScoredVisitors: this.#failedScoredVisitors,
      excludedHarm: excludedShare(this.#scoredVisitors, this.#failedScoredVisitors),
      harmedRequests,
      harmedVisitors,
      shieldedRequests: Math.max(0, canary.failed - harmedRequests),
      lostRecords: this.#lostRecords,
    };
  }

  #latch(weight: number): void {
    if (this.#failure !== null) return;
    if (this.#label.isDecided) this.#failure = { metric: "errors", reason: this.#errorWords(weight) };
    else if (this.#slo.isCanaryToBlame) this.#failure = { metric: "slo", reason: this.#sloWords() };
  }

  #errorWords(weight: number): string {
    const { canary, stable } = this.#label.failures;
    const times = likelihoodWords(this.#label.logE);
    return `${visitorWords(canary)} failed on the canary (${percentWords(weight / 10_000)} of visitors) against ${countWords(stable)} on stable: ${times} if the canary is worse than by chance (${labelThreshold} decides)`;
  }

  #sloWords(): string {
    const { canary } = this.#book.failedVisitors;
    const objective = percentWords(this.#plan.sloAvailability);
    const times = likelihoodWords(this.#slo.peakLogE);
    return `${visitorWords(canary)} failed on the canary, and stable is well: ${times} than with twice the failures that the ${objective} objective tolerates (${countWords(sloThreshold)} decides)`;
  }

  #sharedOutageWords(): string {
    const { canary, stable } = this.#book.failedVisitors;
    const objective = percentWords(this.#plan.sloAvailability);
    return `canary and stable both burn the error budget of the ${objective} objective (${visitorWords(canary)} failed on the canary, ${countWords(stable)} on stable): something that they share is failing`;
  }

  #passWords(gate: Gate): string {
    const bad = this.#failedScoredVisitors === 0 ? "none" : countWords(this.#failedScoredVisitors);
    return `${visitorWords(this.#scoredVisitors)} scored on the canary, ${bad} failed: rules out more than ${percentWords(gate.margin)} extra failing visitors (at most 1 in 20 such rulings is wrong)`;
  }

  #missingWords(gate: Gate | undefined): string {
    if (gate === undefined) {
      const objective = percentWords(this.#plan.sloAvailability);
      return `nothing to pass here: the SLO test watches the ${objective} objective; a fault that stays inside it shows only slowly`;
    }
    if (this.#lostRecords > 0) {
      const records = this.#lostRecords === 1 ? "1 record was" : `${countWords(this.#lostRecords)} records were`;
      return `${records} lost on the way from the proxy, so nothing is promoted by evidence in this rollout`;
    }
    const missing = gate.visitorsMissing(this.#book.weight);
    if (!Number.isFinite(missing)) return "there is no canary traffic to compare with stable";
    const onCanary = Math.ceil((missing * this.#book.weight) / 10_000);
    return `about ${countWords(missing)} more scored visitors, ${countWords(onCanary)} of them on the canary, if it is as good as stable`;
  }
}
