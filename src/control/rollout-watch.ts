import { Evidence } from "../analysis/evidence.ts";
import type { Verdict } from "../analysis/verdict.ts";
import type { EvidenceSummary } from "../rollout/evidence-summary.ts";
import type { ExposedStage, Plan, Position } from "../rollout/rollout.ts";
import type { UnitRecord } from "../routing/wire.ts";
import type { RolloutTraffic } from "./traffic-counts.ts";

export interface WatchSnapshot {
  readonly plan: Plan;
  readonly evidence: unknown;
  readonly exposureEpoch: Position;
  readonly weight: number;
  readonly heldMs: number;
  readonly lostBefore: number;
}

/** One rollout's evidence, and how long its present stage has been held. Survives the control plane by its snapshot. */
export class RolloutWatch {
  readonly plan: Plan;
  #evidence: Evidence;
  #exposureEpoch: Position = 0;
  #weight = 0;
  #heldMs = 0;
  #beganAtMs: number;
  #heldSinceMs: number | null = null;
  /** Records that workers had lost before this rollout began; they are none of its business. */
  #lostBefore: number;

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

  absorb(record: UnitRecord): void {
    this.#evidence.absorb(record);
  }

  /** One look at the evidence. Time counts as held only while `isServed`, that is, every proxy has acknowledged the weight. */
  advance(options: {
    readonly nowMs: number;
    readonly settledUntilMs: number;
    readonly isServed: boolean;
    readonly lostRecords: number;
    readonly traffic: RolloutTraffic;
  }): void {
    const { nowMs, settledUntilMs, isServed, lostRecords, traffic } = options;
    if (isServed) {
      this.#heldMs += this.#heldSinceMs === null ? 0 : nowMs - this.#heldSinceMs;
      this.#heldSinceMs = nowMs;
    } else {
      this.#heldSinceMs = null;
    }
    this.#evidence.recordsLost(Math.max(0, lostRecords - this.#lostBefore));
    this.#evidence.countRequests(traffic);
    this.#evidence.advance({ nowMs, settledUntilMs });
  }

  verdict(stage: ExposedStage): Verdict {
    return this.#evidence.verdict(stage);
  }

  summary(): EvidenceSummary {
    return this.#evidence.summary();
  }

  snapshot(nowMs: number): WatchSnapshot {
    return {
      plan: this.plan,
      evidence: this.#evidence.snapshot(nowMs),
      exposureEpoch: this.#exposureEpoch,
      weight: this.#weight,
      heldMs: this.#heldMs,
      lostBefore: this.#lostBefore,
    };
  }
}
