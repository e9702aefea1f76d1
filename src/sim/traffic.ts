import type { RolloutTraffic } from "../control/traffic-counts.ts";
import type { EvidenceSummary } from "../rollout/evidence-summary.ts";
import type { ReleaseId, RolloutId } from "../rollout/rollout.ts";
import type { AnyRecord, Arm } from "../routing/wire.ts";
import type { SimInstance } from "./instance.ts";
import type { Complain } from "./violation.ts";
import type { Ending, Exchange } from "./worker.ts";

/** What one rollout's visitors truly got. */
export interface RolloutTruth {
  readonly requests: Record<Arm, number>;
  /** Visitors that workers recorded on each side, and those of them that were recorded as failed. */
  readonly recorded: Readonly<Record<Arm, Set<string>>>;
  readonly recordedFailed: Readonly<Record<Arm, Set<string>>>;
  /** Requests that were sent to a canary, and when the last one was. */
  sentToCanary: number;
  lastSentToCanaryAtMs: number;
  /** What visitors saw fail of the canary, in requests and visitors. */
  failedRequests: number;
  readonly failedVisitors: Set<string>;
  /** The same by Belay's deadline, which an answer may miss and still come. */
  harmedRequests: number;
  readonly harmedVisitors: Set<string>;
  shieldedRequests: number;
}

/** The truth about all requests, to be compared with what Belay counted. */
export class Traffic {
  readonly #complain: Complain;
  readonly #rollouts = new Map<RolloutId, RolloutTruth>();
  #hasLostWorkers = false;
  #digest = 0;
  requests = 0;
  failedRequests = 0;
  readonly failuresByRelease: Map<ReleaseId, number> = new Map();

  constructor(options: { complain: Complain }) {
    this.#complain = options.complain;
  }

  /** A number that differs as soon as any request of two runs does. */
  get digest(): number {
    return this.#digest;
  }

  rollout(id: RolloutId): RolloutTruth {
    return this.#rollouts.getOrInsertComputed(id, () => ({
      requests: { canary: 0, stable: 0 },
      recorded: { canary: new Set<string>(), stable: new Set<string>() },
      recordedFailed: { canary: new Set<string>(), stable: new Set<string>() },
      sentToCanary: 0,
      lastSentToCanaryAtMs: 0,
      failedRequests: 0,
      failedVisitors: new Set<string>(),
      harmedRequests: 0,
      harmedVisitors: new Set<string>(),
      shieldedRequests: 0,
    }));
  }

  /** What it counted and had not reported yet is gone with it. */
  lostAWorker(): void {
    this.#hasLostWorkers = true;
  }

  /** A worker sends records, for the first time or again. */
  reported(records: readonly AnyRecord[]): void {
    for (const { kind, rollout, arm, unit } of records) {
      if (arm === "cohort" || arm === "outside") continue;
      const truth = this.rollout(rollout);
      truth.recorded[arm].add(unit);
      if (kind === "failed") truth.recordedFailed[arm].add(unit);
    }
  }

  sent(_instance: SimInstance, { inFlight }: Exchange, nowMs: number): void {
    const { choice, hasFallenBack } = inFlight;
    if (choice.arm !== "canary" || choice.fallback === null || hasFallenBack) return;
    const truth = this.rollout(choice.rollout);
    truth.sentToCanary += 1;
    truth.lastSentToCanaryAtMs = nowMs;
  }

  ended(exchange: Exchange | null, visitor: string, { end, status, tookMs }: Ending): void {
    this.requests += 1;
    const hasFailed = end === "refused" || end === "reset" || end === "overdue" || (status !== null && status >= 500);
    if (hasFailed) this.failedRequests += 1;
    this.#mix(visitor, `${end} ${status} ${tookMs}`);
    if (exchange === null) return;
    const { choice, release } = exchange.inFlight;
    if (hasFailed) this.failuresByRelease.set(release, (this.failuresByRelease.get(release) ?? 0) + 1);
    if (choice.rollout === "" || choice.arm === "cohort" || choice.arm === "preview") return;
    const truth = this.rollout(choice.rollout);
    truth.requests[choice.arm] += 1;
    if (choice.arm === "canary") this.#endedOnCanary(truth, exchange, { visitor, hasFailed });
    if (!hasFailed || choice.arm !== "canary") return;
    truth.failedRequests += 1;
    truth.failedVisitors.add(visitor);
  }

  /** Every request and every visitor counts exactly once, over any crash of the control plane; those of a dead worker at most once. */
  compare(id: RolloutId, counted: { readonly traffic: RolloutTraffic; readonly evidence: EvidenceSummary | null }): void {
    const { requests, recorded, recordedFailed, harmedRequests, harmedVisitors, shieldedRequests } = this.rollout(id);
    for (const arm of ["canary", "stable"] as const) {
      this.#compare(`requests of ${id} on ${arm}`, counted.traffic[arm].requests, requests[arm]);
      if (counted.evidence === null) continue;
      this.#compare(`visitors of ${id} on ${arm}`, counted.evidence[arm].visitors, recorded[arm].size);
      this.#compare(`failing visitors of ${id} on ${arm}`, counted.evidence[arm].failedVisitors, recordedFailed[arm].size);
    }
    this.#compare(`harmed requests of ${id}`, counted.traffic.harmedRequests, harmedRequests);
    if (counted.evidence === null) return;
    this.#compare(`harmed visitors of ${id}`, counted.evidence.harmedVisitors, harmedVisitors.size);
    this.#compare(`shielded requests of ${id}`, counted.evidence.shieldedRequests, shieldedRequests);
  }

  #endedOnCanary(truth: RolloutTruth, { inFlight }: Exchange, seen: { visitor: string; hasFailed: boolean }): void {
    const { headMs, waitingSinceMs, hasFallenBack, choice } = inFlight;
    const isLate = headMs !== null && headMs - waitingSinceMs > choice.service.responseDeadlineMs;
    if (seen.hasFailed || isLate) {
      truth.harmedRequests += 1;
      truth.harmedVisitors.add(seen.visitor);
    } else if (hasFallenBack) truth.shieldedRequests += 1;
  }

  #compare(what: string, counted: number, truth: number): void {
    const isRight = this.#hasLostWorkers ? counted <= truth : counted === truth;
    if (!isRight) this.#complain("evidence-counts-once", `${counted} ${what} were counted, and there were ${truth}`);
  }

  #mix(visitor: string, text: string): void {
    let mixed = this.#digest ^ Number.parseInt(visitor.slice(0, 8), 16);
    for (let index = 0; index < text.length; index += 1) mixed = Math.imul(mixed ^ text.charCodeAt(index), 0x01000193);
    this.#digest = mixed >>> 0;
  }
}
