import { CohortEvidence, type CohortSnapshot } from "../analysis/cohort-evidence.ts";
import { Evidence } from "../analysis/evidence.ts";
import { ShadowReport } from "../analysis/shadow-verdict.ts";
import type { Verdict } from "../analysis/verdict.ts";
import { type Alarm, describeCohort } from "../rollout/decide.ts";
import type { EvidenceSummary } from "../rollout/evidence-summary.ts";
import { type ExposedStage, onFailOf, type Plan, type Position } from "../rollout/rollout.ts";
import type { SourceReading } from "../rollout/source.ts";
import type { AnyRecord, OpenOnStable } from "../routing/wire.ts";
import type { Instance } from "../runtimes/runtime.ts";
import type { RolloutTraffic } from "./traffic-counts.ts";

export interface WatchSnapshot {
  readonly plan: Plan;
  readonly evidence: unknown;
  readonly exposureEpoch: Position;
  readonly weight: number;
  readonly heldMs: number;
  readonly lostBefore: number;
  /** Absent in snapshots of rollouts without a cohort. */
  readonly cohort?: CohortSnapshot;
}

/** One rollout's evidence, and how long its present stage has been held. Survives the control plane by its snapshot. */
export class RolloutWatch {
  readonly plan: Plan;
  #evidence: Evidence;
  /** Null where no step names a cohort. */
  #cohort: CohortEvidence | null;
  #traffic: RolloutTraffic | null = null;
  /** Of the traffic before, as long as nothing was added to it: what it says takes a while to find out. */
  #shadow: { readonly counted: string; readonly report: ShadowReport } | null = null;
  #exposureEpoch: Position = 0;
  #weight = 0;
  #heldMs = 0;
  #beganAtMs: number;
  #heldSinceMs: number | null = null;
  /** Records that workers had lost before this rollout began; they are none of its business. */
  #lostBefore: number;
  /** How often the processes of instances that serve or served have ended; null until they were looked at. */
  #exits: ReadonlyMap<string, number> | null = null;

  private constructor({
    plan,
    evidence,
    nowMs,
    lostBefore,
  }: { plan: Plan; evidence: Evidence; nowMs: number; lostBefore: number }) {
    this.plan = plan;
    this.#evidence = evidence;
    this.#beganAtMs = nowMs;
    this.#lostBefore = lostBefore;
    this.#cohort = plan.steps.some(({ cohort }) => cohort !== undefined) ? new CohortEvidence(plan.sloAvailability) : null;
  }

  static begin(plan: Plan, nowMs: number, lostBefore: number): RolloutWatch {
    return new RolloutWatch({ plan, evidence: Evidence.begin(plan), nowMs, lostBefore });
  }

  static restore(snapshot: WatchSnapshot, nowMs: number): RolloutWatch {
    const { plan, lostBefore } = snapshot;
    const watch = new RolloutWatch({ plan, evidence: Evidence.restore(snapshot.evidence, nowMs), nowMs, lostBefore });
    watch.#exposureEpoch = snapshot.exposureEpoch;
    watch.#weight = snapshot.weight;
    watch.#heldMs = snapshot.heldMs;
    watch.#beganAtMs = nowMs - snapshot.heldMs;
    if (snapshot.cohort !== undefined) watch.#cohort = CohortEvidence.restore(snapshot.cohort, plan.sloAvailability);
    return watch;
  }

  /** How long every proxy has been serving the present weight, over restarts of the control plane. */
  get heldMs(): number {
    return this.#heldMs;
  }

  /** On the caller's monotonic clock. */
  get beganAtMs(): number {
    return this.#beganAtMs;
  }

  /** The routing that is wanted now. A new epoch begins a stage; the same epoch with another weight (a brake) ends the old weight's windows. */
  routingChanged({
    exposureEpoch,
    weight,
    nowMs,
  }: {
    readonly exposureEpoch: Position;
    readonly weight: number;
    readonly nowMs: number;
  }): void {
    if (exposureEpoch === this.#exposureEpoch && weight === this.#weight) return;
    if (exposureEpoch !== this.#exposureEpoch) {
      this.#heldMs = 0;
      this.#beganAtMs = nowMs;
    }
    this.#exposureEpoch = exposureEpoch;
    this.#weight = weight;
    this.#heldSinceMs = null;
    this.#evidence.weightChanged({ weight, exposureEpoch, atMs: nowMs });
  }

  absorb(record: AnyRecord): void {
    if (record.arm === "stable" || record.arm === "canary") this.#evidence.absorb(record);
    this.#cohort?.absorb(record);
  }

  /** What came of asking a source of the plan. */
  absorbReading(name: string, answer: { readonly reading: SourceReading; readonly askedAtMs: number }): void {
    this.#evidence.absorbReading(name, answer);
  }

  /** One look at the evidence. Time counts as held only while `isServed`, that is, every proxy has acknowledged the weight. */
  advance(options: {
    readonly nowMs: number;
    readonly settledUntilMs: number;
    readonly open: OpenOnStable;
    readonly isServed: boolean;
    readonly lostRecords: number;
    readonly traffic: RolloutTraffic;
    readonly instances: readonly Pick<Instance, "id" | "exits" | "state">[];
  }): void {
    const { nowMs, settledUntilMs, open, isServed, lostRecords, traffic } = options;
    this.#lookAt(options.instances, nowMs);
    if (isServed) {
      this.#heldMs += this.#heldSinceMs === null ? 0 : nowMs - this.#heldSinceMs;
      this.#heldSinceMs = nowMs;
    } else {
      this.#heldSinceMs = null;
    }
    this.#evidence.recordsLost(Math.max(0, lostRecords - this.#lostBefore));
    this.#evidence.countRequests(traffic);
    this.#evidence.advance({ nowMs, settledUntilMs, open });
    this.#traffic = traffic;
    this.#cohort?.advance(nowMs);
  }

  /** One that was not there before, or whose process ended since, was started anew. A look without any is none: the runtime did not answer yet. */
  #lookAt(instances: readonly Pick<Instance, "id" | "exits" | "state">[], nowMs: number): void {
    const ready = instances.filter(({ state }) => state === "ready");
    const known = this.#exits;
    if (known !== null && ready.some(({ id, exits }) => known.get(id) !== exits)) this.#evidence.instanceStarted(nowMs);
    if (ready.length > 0) this.#exits = new Map([...(known ?? []), ...ready.map(({ id, exits }) => [id, exits] as const)]);
  }

  /** `obstacle`: why nothing that is copied at this stage can be compared, in words; null when nothing is in the way. */
  verdict(stage: ExposedStage, obstacle: string | null = null): Verdict {
    const drawn = this.#evidence.verdict(stage);
    if (this.#isCopied(stage) && drawn.kind !== "fail")
      return this.#shadowReport().verdict(onFailOf(this.plan, "shadow"), obstacle);
    if (this.#cohort === null || drawn.kind === "fail") return drawn;
    const chosen = this.#cohort.verdict();
    const onFail = onFailOf(this.plan, "slo");
    if (chosen?.kind === "fail" && onFail === "rollback") return chosen;
    const cohort = stage.kind === "step" ? this.plan.steps[stage.step]?.cohort : undefined;
    if (cohort === undefined) return drawn;
    const missing = describeCohort(cohort, this.#cohort.counts);
    if (chosen?.kind === "shared-outage" && onFail !== "notify") return chosen;
    return { kind: "inconclusive", missing, pendingVisitors: 0, lastVisitorAtMs: null, meanGapMs: null };
  }

  alarms(stage: ExposedStage): readonly Alarm[] {
    const copied = this.#isCopied(stage) ? this.#shadowReport().alarm(onFailOf(this.plan, "shadow")) : null;
    return [...this.#evidence.alarms(), this.#cohortAlarm(), copied].filter((alarm) => alarm !== null);
  }

  /** That members fail is told as a missed objective, with what the plan says of that. */
  #cohortAlarm(): Alarm | null {
    const chosen = this.#cohort?.verdict() ?? null;
    const onFail = onFailOf(this.plan, "slo");
    return chosen?.kind === "fail" && onFail !== "rollback" ? { metric: "slo", onFail, reason: chosen.reason } : null;
  }

  summary(): EvidenceSummary {
    const summary = this.#evidence.summary();
    const { cohort, preview, shield } = this.#traffic ?? {};
    return {
      ...summary,
      ...(shield === undefined ? {} : { shield }),
      ...(this.plan.steps.some(({ shadow }) => shadow !== undefined) ? { shadow: this.#shadowReport().summary() } : {}),
      ...(this.#cohort === null
        ? {}
        : { cohort: { ...this.#cohort.counts, requests: cohort?.requests ?? 0, failedRequests: cohort?.failed ?? 0 } }),
      ...(preview === undefined || preview.requests === 0
        ? {}
        : { previews: { requests: preview.requests, failedRequests: preview.failed } }),
    };
  }

  #isCopied(stage: ExposedStage): boolean {
    return stage.kind === "step" && this.plan.steps[stage.step]?.shadow !== undefined;
  }

  #shadowReport(): ShadowReport {
    const { shadow: totals } = this.#traffic ?? {};
    const counted = totals === undefined ? "" : JSON.stringify([totals.mirrored, totals.dropped, totals.routes]);
    if (this.#shadow?.counted !== counted) this.#shadow = { counted, report: new ShadowReport(totals ?? null) };
    return this.#shadow.report;
  }

  snapshot(nowMs: number): WatchSnapshot {
    return {
      plan: this.plan,
      evidence: this.#evidence.snapshot(nowMs),
      exposureEpoch: this.#exposureEpoch,
      weight: this.#weight,
      heldMs: this.#heldMs,
      lostBefore: this.#lostBefore,
      ...(this.#cohort === null ? {} : { cohort: this.#cohort.snapshot() }),
    };
  }
}
