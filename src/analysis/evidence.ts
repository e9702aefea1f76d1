import { type Alarm, quietMs } from "../rollout/decide.ts";
import type { EvidenceSummary, Mismatch } from "../rollout/evidence-summary.ts";
import { type ExposedStage, onFailOf, type Plan, type Unit } from "../rollout/rollout.ts";
import type { SourceReading } from "../rollout/source.ts";
import type { UnitRecord } from "../routing/wire.ts";
import { type EvidenceSnapshot, type LatchedFailure, parseEvidenceSnapshot, type RequestCounts } from "./evidence-snapshot.ts";
import * as words from "./evidence-words.ts";
import { excludedShare } from "./excluded-share.ts";
import type { Circumstances, MetricTest } from "./judged-metric.ts";
import { beginMetrics, restoreMetrics } from "./judged-metrics.ts";
import { type Exposed, KpiBook } from "./kpi-book.ts";
import { nextWeightAfter } from "./next-weight.ts";
import { Gate, gateThreshold } from "./non-inferiority.ts";
import { RequestsPerVisit } from "./requests-per-visit.ts";
import { SampleRatio, sampleRatioThreshold } from "./sample-ratio.ts";
import { sloEpochMs } from "./slo-test.ts";
import type { Known } from "./start-order.ts";
import type { Verdict } from "./verdict.ts";
import { VisitorBook } from "./visitor-book.ts";
import { WarmUp } from "./warm-up.ts";
import { eValueOf } from "./words.ts";

const catchUpEpochsMax = 1_000;
const noRequests: RequestCounts = {
  canary: { requests: 0, failed: 0 },
  stable: { requests: 0, failed: 0 },
  harmedRequests: 0,
};

function createGates(plan: Plan): Gate[] {
  return plan.steps.map((_, index) => new Gate({ harm: plan.harm, nextWeight: nextWeightAfter(plan, index) }));
}

/** A visitor is watched for its window; a request that is a unit of its own is scored by its own end. */
function windowOf({ evidence, scoreWindowMs, responseDeadlineMs }: Plan): {
  readonly scoreWindowMs: number;
  readonly responseDeadlineMs: number;
} {
  return { scoreWindowMs: evidence === "request" ? 0 : scoreWindowMs, responseDeadlineMs };
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
  /** Whatever can fail the release, in the order in which failures are told. */
  readonly #metrics: readonly MetricTest[];
  #assignment = new SampleRatio();
  #answers = new SampleRatio();
  #warmUp: WarmUp;
  #visits = new RequestsPerVisit();
  readonly #gates: readonly Gate[];
  /** Null in a plan without KPIs, which then costs nothing. */
  #kpis: KpiBook | null;
  #book: VisitorBook;
  #scoredVisitors = 0;
  #failedScoredVisitors = 0;
  #requests: RequestCounts = noRequests;
  #lostRecords = 0;
  #failures: readonly LatchedFailure[] = [];

  private constructor(plan: Plan, metrics: readonly MetricTest[]) {
    this.#plan = plan;
    this.#metrics = metrics;
    this.#warmUp = new WarmUp(plan);
    this.#gates = createGates(plan);
    this.#kpis = plan.kpis === undefined ? null : new KpiBook(kpiNames(plan));
    this.#book = new VisitorBook(windowOf(plan));
  }

  static begin(plan: Plan): Evidence {
    return new Evidence(plan, beginMetrics(plan));
  }

  /** Throws `BELAY_EVIDENCE_UNREADABLE`. A snapshot of an earlier boot of the machine, whose clock was ahead of `nowMs`, is taken as if it were of now. */
  static restore(snapshot: unknown, nowMs: number): Evidence {
    const state = parseEvidenceSnapshot(snapshot);
    const shiftMs = state.takenAtMs > nowMs ? nowMs - state.takenAtMs : 0;
    const evidence = new Evidence(state.plan, restoreMetrics(state.plan, state.metrics, shiftMs));
    evidence.#nowMs = state.nowMs + shiftMs;
    evidence.#sloEpochEndsAtMs = state.sloEpochEndsAtMs === null ? null : state.sloEpochEndsAtMs + shiftMs;
    if (state.assignment !== null) evidence.#assignment = SampleRatio.restore(state.assignment);
    if (state.answers !== null) evidence.#answers = SampleRatio.restore(state.answers);
    const coldSinceMs = state.coldSinceMs ?? (state.exposedSinceMs === null ? [] : [state.exposedSinceMs]);
    evidence.#warmUp = new WarmUp(
      state.plan,
      coldSinceMs.map((atMs) => atMs + shiftMs),
    );
    evidence.#visits = new RequestsPerVisit(state.visits ?? { visits: 0, requestsBefore: comparedOnStable(state.requests) });
    state.gates.forEach((gate, index) => {
      evidence.#gates[index]?.load(gate);
    });
    evidence.#book = VisitorBook.restore({ ...windowOf(state.plan), state: state.book, shiftMs });
    if (state.kpis !== undefined) evidence.#kpis = KpiBook.restore(kpiNames(state.plan), state.kpis, shiftMs);
    evidence.#scoredVisitors = state.scoredVisitors;
    evidence.#failedScoredVisitors = state.failedScoredVisitors;
    evidence.#requests = state.requests;
    evidence.#lostRecords = state.lostRecords;
    evidence.#failures = state.failures;
    return evidence;
  }

  /** As JSON. `nowMs` is the monotonic time, by which `restore` sees that the machine was started anew. */
  snapshot(nowMs: number): EvidenceSnapshot {
    return {
      version: 3,
      takenAtMs: nowMs,
      plan: this.#plan,
      nowMs: this.#nowMs,
      sloEpochEndsAtMs: this.#sloEpochEndsAtMs,
      metrics: Object.fromEntries(this.#metrics.map((metric) => [metric.name, metric.state()])),
      assignment: this.#assignment.state(),
      answers: this.#answers.state(),
      exposedSinceMs: this.#warmUp.state()[0] ?? null,
      coldSinceMs: this.#warmUp.state(),
      visits: this.#visits.state(),
      gates: this.#gates.map((gate) => gate.state()),
      book: this.#book.state(),
      ...(this.#kpis === null ? {} : { kpis: this.#kpis.state() }),
      scoredVisitors: this.#scoredVisitors,
      failedScoredVisitors: this.#failedScoredVisitors,
      requests: this.#requests,
      lostRecords: this.#lostRecords,
      failures: this.#failures,
    };
  }

  /**
   * Another weight, in ten-thousandths, by the entry `exposureEpoch`. To be called before a worker is sent the new table,
   * with that time: a visitor whose window was not over by then is scored on neither side. Idempotent.
   */
  weightChanged(change: { readonly weight: number; readonly exposureEpoch: number; readonly atMs: number }): void {
    if (change.weight > 0 && this.#warmUp.state().length === 0) this.#warmUp.begins(change.atMs);
    if (this.#book.weightChanged(change)) this.#invest(change.atMs);
    for (const metric of this.#metrics) metric.weightChanged?.(change);
  }

  /** An instance of either side was started anew: what follows is its warm-up. */
  instanceStarted(atMs: number): void {
    if (this.#warmUp.state().length > 0) this.#warmUp.begins(atMs);
  }

  /** One record of the rollout, its time on the caller's clock. Repetitions change nothing. */
  absorb(record: UnitRecord): void {
    const news = this.#newsOf(record);
    if (news !== null) this.#take(news);
    if (record.kind !== "exposed") return;
    for (const early of this.#kpis?.takeEarly(record) ?? []) this.absorb({ ...record, ...early, kind: "converted" });
  }

  #take(news: UnitRecord): void {
    if (news.kind === "exposed") this.#assignment.seen(news);
    for (const metric of this.#metrics) metric.absorb(news, this.#kpis?.scale ?? 1);
    this.#latch(news.weight);
  }

  /** What came of asking a source of the plan. */
  absorbReading(name: string, answer: { readonly reading: SourceReading; readonly askedAtMs: number }): void {
    this.#metrics.find((metric) => metric.name === `source:${name}`)?.read?.(answer);
    this.#latch(this.#book.weight);
  }

  /** `total` records never arrived. While above 0 nothing passes: nobody knows what they said. */
  recordsLost(total: number): void {
    this.#lostRecords = Math.max(this.#lostRecords, total);
  }

  /** Totals since the rollout began: for the summary, and for how many requests a visitor makes. */
  countRequests(requests: RequestCounts): void {
    this.#requests = requests;
  }

  /** Time passes, and every worker has told of more. */
  advance(known: Known): void {
    this.#nowMs = Math.max(this.#nowMs, known.nowMs);
    this.#book.score({
      nowMs: known.nowMs,
      settledUntilMs: known.settledUntilMs,
      onScore: (visitor) => {
        if (visitor.isAnswered) this.#answers.seen(visitor);
        if (!this.#warmUp.isScored(visitor.exposedAtMs)) return;
        for (const gate of this.#gates) gate.score(visitor);
        if (visitor.arm !== "canary") return;
        this.#scoredVisitors += 1;
        if (visitor.isBad) this.#failedScoredVisitors += 1;
      },
    });
    this.#sloEpochEndsAtMs ??= this.#nowMs + sloEpochMs;
    for (let epochs = 0; this.#nowMs >= this.#sloEpochEndsAtMs && epochs < catchUpEpochsMax; epochs += 1) {
      this.#invest(this.#sloEpochEndsAtMs);
      this.#sloEpochEndsAtMs += sloEpochMs;
    }
    if (this.#nowMs >= this.#sloEpochEndsAtMs) this.#sloEpochEndsAtMs = this.#nowMs + sloEpochMs;
    for (const metric of this.#metrics) metric.advance?.(known);
    this.#latch(this.#book.weight);
  }

  /**
   * What the evidence says now about leaving `stage`. A failure that takes the release back is latched and outranks a pass;
   * in the bake there is no gate. While the two sides are no fair samples of the same visitors, nothing passes.
   */
  verdict(stage: ExposedStage): Verdict {
    const failure = this.#failures.find(({ metric }) => onFailOf(this.#plan, metric) === "rollback");
    if (failure !== undefined) return { kind: "fail", ...failure };
    const outage = this.#sharedOutage();
    if (outage !== null) return { kind: "shared-outage", reason: outage };
    const gate = stage.kind === "step" ? this.#gates[stage.step] : undefined;
    const source = this.#sourceObstacle();
    const obstacle = this.#mismatches()[0]?.reason ?? (this.#lostRecords > 0 ? words.lostWords(this.#lostRecords) : source);
    if (gate?.hasPassed === true && obstacle === null) {
      return {
        kind: "pass",
        reason: words.passWords({ gate, scored: this.#scoredVisitors, failed: this.#failedScoredVisitors, unit: this.#unit }),
      };
    }
    const waiting = gate === undefined ? words.bakeWords(this.#plan.sloAvailability) : this.#missing(gate);
    return {
      kind: "inconclusive",
      missing: gate === undefined ? (source ?? waiting) : (obstacle ?? waiting),
      pendingVisitors: this.#book.watchedCount,
      lastVisitorAtMs: this.#book.lastVisitorAtMs,
      ...(source === null ? {} : { waitsForSource: true }),
      meanGapMs: this.#book.meanGapMs,
    };
  }

  /** What failed without taking the release back: metrics whose plan says so, and the comparison itself. */
  alarms(): readonly Alarm[] {
    const failed = this.#failures.flatMap(({ metric, reason }): Alarm[] => {
      const onFail = onFailOf(this.#plan, metric);
      return onFail === "rollback" ? [] : [{ metric, onFail, reason }];
    });
    return [...failed, ...this.#mismatches()];
  }

  /** The numbers behind a decision. The gate shown is that of the present weight. E-values are the highest reached. */
  summary(): EvidenceSummary {
    const { canary, stable, harmedRequests } = this.#requests;
    const { visitors, failedVisitors, harmedVisitors } = this.#book;
    const step = this.#plan.steps.findIndex(({ weight }) => weight === this.#book.weight);
    const gate = step === -1 ? this.#gates.at(-1) : this.#gates[step];
    const sources = this.#metrics.flatMap((metric) => metric.sourceSummary?.(this.#nowMs) ?? []);
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
        ...this.#metrics.map((metric) => metric.summary()),
        { name: "assignment", eValue: eValueOf(this.#assignment.peakLogE), threshold: sampleRatioThreshold },
        { name: "answers", eValue: eValueOf(this.#answers.peakLogE), threshold: sampleRatioThreshold },
        { name: "gate", eValue: eValueOf(gate?.peakLogE ?? 0), threshold: gateThreshold },
      ],
      scoredVisitors: this.#scoredVisitors,
      failedScoredVisitors: this.#failedScoredVisitors,
      excludedHarm: excludedShare(this.#scoredVisitors, this.#failedScoredVisitors),
      harmedRequests,
      harmedVisitors,
      shieldedRequests: Math.max(0, canary.failed - harmedRequests),
      lostRecords: this.#lostRecords,
      ...(sources.length === 0 ? {} : { sources }),
      latency: this.#metrics.find((metric) => metric.latencyFigures !== undefined)?.latencyFigures?.(),
    };
  }

  get #unit(): Unit {
    return this.#plan.evidence ?? "visitor";
  }

  /** The record as the metrics are to see it; null when it is not the first of its kind for its visitor. */
  #newsOf(record: UnitRecord): UnitRecord | null {
    const { kind, kpi = "", unit } = record;
    switch (kind) {
      case "reached":
        return atExposure(record, this.#kpis?.reached(kpi, unit));
      case "converted":
        this.#kpis?.cameEarly({ unit, kpi, atMs: record.atMs, value: record.value });
        // Who got there has set out, also where no worker saw it.
        if (this.#kpis !== null) this.absorb({ ...record, kind: "reached" });
        return atExposure(record, this.#kpis?.converted(kpi, unit));
      case "exposed":
        this.#kpis?.exposed(record);
        return this.#book.exposed(record) ? record : null;
      default:
        return this.#isNews(record, kind) ? record : null;
    }
  }

  /** Of the warm-up no answer is timed, on either side. */
  #isNews(record: UnitRecord, kind: "timed" | "served" | "failed" | "harmed"): boolean {
    switch (kind) {
      case "timed":
        return this.#book.timed(record) && this.#warmUp.isTimed(record.atMs);
      case "served":
        return this.#isServed(record);
      case "failed":
        return this.#isFirstFailure(record);
      case "harmed":
        this.#book.harmed(record);
        return false;
    }
  }

  /** False for one that had failed before: it has left the tests, and is counted as a visit all the same. */
  #isServed(record: UnitRecord): boolean {
    const visit = this.#book.served(record);
    if (visit !== null && record.arm === "stable") this.#visits.visited();
    return visit?.hasFailed === false;
  }

  #isFirstFailure(record: UnitRecord): boolean {
    const isFirst = this.#book.failed(record);
    if (isFirst && record.arm === "stable") this.#visits.visited();
    if (!isFirst) for (const metric of this.#metrics) metric.failedAgain?.(record);
    return isFirst;
  }

  #invest(atMs: number): void {
    const requestsPerVisit = this.#visits.mean(comparedOnStable(this.#requests));
    for (const metric of this.#metrics) metric.invest({ requestsPerVisit, atMs });
  }

  #missing(gate: Gate): string {
    const { weight, meanGapMs, lastVisitorAtMs } = this.#book;
    const silentMs = lastVisitorAtMs === null ? null : Math.max(0, this.#nowMs - lastVisitorAtMs);
    return words.missingWords({ gate, weight, unit: this.#unit, meanGapMs, silentMs, quietMs: quietMs(this.#plan, meanGapMs) });
  }

  #mismatches(): readonly (Alarm & { readonly metric: Mismatch })[] {
    const mismatches: (Alarm & { readonly metric: Mismatch })[] = [];
    if (this.#assignment.hasFired) {
      mismatches.push({
        metric: "assignment",
        onFail: "hold",
        reason: words.assignmentWords(this.#assignment.counts, this.#unit),
      });
    }
    if (this.#answers.hasFired) {
      mismatches.push({ metric: "answers", onFail: "hold", reason: words.answersWords(this.#answers.counts, this.#unit) });
    }
    return mismatches;
  }

  #sourceObstacle(): string | null {
    for (const metric of this.#metrics) {
      const obstacle = metric.obstacle?.(this.#nowMs) ?? null;
      if (obstacle !== null) return obstacle;
    }
    return null;
  }

  #sharedOutage(): string | null {
    const judged = this.#metrics.filter(({ name }) => onFailOf(this.#plan, name) !== "notify");
    for (const metric of judged) {
      const outage = metric.sharedOutage?.(this.#circumstances(this.#book.weight)) ?? null;
      if (outage !== null) return outage;
    }
    return null;
  }

  /** Latches what has failed by now. A mismatch takes their meaning from comparisons, and none from the objectives of one side. */
  #latch(weight: number): void {
    const isComparable = !this.#assignment.hasFired && !this.#answers.hasFired;
    const circumstances = this.#circumstances(weight);
    for (const metric of this.#metrics) {
      if (this.#failures.some((failure) => failure.metric === metric.name)) continue;
      const reason = isComparable || !metric.isComparison ? metric.failure(circumstances) : null;
      if (reason !== null) this.#failures = [...this.#failures, { metric: metric.name, reason }];
    }
  }

  #circumstances(weight: number): Circumstances {
    return { weight, failedVisitors: this.#book.failedVisitors };
  }
}

function comparedOnStable({ stable, comparedOnStable: compared = stable.requests }: RequestCounts): number {
  return compared;
}

function kpiNames({ kpis = [] }: Plan): readonly string[] {
  return kpis.map(({ name }) => name);
}

function atExposure(record: UnitRecord, exposed: Exposed | null | undefined): UnitRecord | null {
  return exposed === null || exposed === undefined ? null : { ...record, ...exposed };
}
