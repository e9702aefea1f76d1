import { createSeededRandom, type Random } from "../ports/random.ts";
import type { JudgedMetric } from "../rollout/evidence-summary.ts";
import type { Plan } from "../rollout/rollout.ts";
import type { Arm, UnitRecord } from "../routing/wire.ts";
import { Evidence } from "./evidence.ts";

/** The plan of the demo: 5/25/50 %, then 95 %, harm 2 %. */
export function plan(changes: Partial<Plan> = {}): Plan {
  return {
    steps: [500, 2_500, 5_000].map((weight) => ({ weight, minHoldMs: 2_000 })),
    holdbackWeight: 9_500,
    harm: 0.02,
    maxHoldMs: 600_000,
    onInconclusive: "hold",
    scoreWindowMs: 3_000,
    bakeMs: 8_000,
    keepWarmMs: 60_000,
    sloAvailability: 0.999,
    responseDeadlineMs: 30_000,
    leaseTtlMs: 10_000,
    ...changes,
  };
}

/** 16 hex digits, as a worker's keyed hash would be. */
export function unitOf(number: number): string {
  const mixed = Math.imul(number + 1, 0x9e3779b1) >>> 0;
  return mixed.toString(16).padStart(8, "0") + number.toString(16).padStart(8, "0");
}

export function record(changes: Partial<UnitRecord> & Pick<UnitRecord, "kind">): UnitRecord {
  return { rollout: "r", unit: unitOf(0), arm: "canary", weight: 500, exposureEpoch: 1, atMs: 0, ...changes };
}

export interface TrafficOptions {
  readonly evidence: Evidence;
  readonly seed: number;
  readonly newVisitorsPerSecond: number;
  /** Visitors come from a closed circle of this many and return; otherwise each one is new. */
  readonly circle?: number;
  /** Whether a request fails, and after how long it ends. */
  readonly answer: (request: { readonly arm: Arm; readonly atMs: number; readonly visitor: number; readonly random: Random }) => {
    readonly isFailed: boolean;
    readonly tookMs?: number;
  };
  readonly requestsPerVisitor?: number;
}

interface Arriving {
  readonly record: UnitRecord;
  readonly endsAtMs: number;
}

const tickMs = 100;

/** Visitors who are assigned once by a fixed draw, as the router does it, and whose records arrive when their requests end. */
export class Traffic {
  readonly random: Random;
  nowMs = 0;
  weight = 0;
  #epoch = 0;
  #options: TrafficOptions;
  #nextVisitor = 0;
  #draws = new Map<number, number>();
  #exposed = new Set<number>();
  #timed = new Set<number>();
  #servedMinute = new Map<number, number>();
  #requests: { readonly visitor: number; readonly atMs: number }[] = [];
  #inFlight: Arriving[] = [];

  constructor(options: TrafficOptions) {
    this.#options = options;
    this.random = createSeededRandom(options.seed);
  }

  serve(weight: number): void {
    this.weight = weight;
    this.#epoch += 1;
    this.#options.evidence.weightChanged({ weight, exposureEpoch: this.#epoch, atMs: this.nowMs });
  }

  /** One tick of a tenth of a second. */
  tick(): void {
    const { evidence, newVisitorsPerSecond, circle, requestsPerVisitor = 3 } = this.#options;
    const expected = (newVisitorsPerSecond * tickMs) / 1_000;
    const arrivals = Math.floor(expected) + (this.random.float() < expected % 1 ? 1 : 0);
    for (let arrival = 0; arrival < arrivals; arrival += 1) {
      const visitor = circle === undefined ? this.#nextVisitor : Math.floor(this.random.float() * circle);
      this.#nextVisitor += 1;
      for (let request = 0; request < requestsPerVisitor; request += 1) {
        this.#requests.push({ visitor, atMs: this.nowMs + request * 5 * tickMs });
      }
    }
    const later: { readonly visitor: number; readonly atMs: number }[] = [];
    for (const request of this.#requests) {
      if (request.atMs <= this.nowMs) this.#request(request.visitor);
      else later.push(request);
    }
    this.#requests = later;
    this.nowMs += tickMs;
    const open: Arriving[] = [];
    let settledUntilMs = this.nowMs;
    for (const arriving of this.#inFlight) {
      if (arriving.endsAtMs < this.nowMs) {
        evidence.absorb(arriving.record);
      } else {
        open.push(arriving);
        settledUntilMs = Math.min(settledUntilMs, arriving.record.atMs);
      }
    }
    this.#inFlight = open;
    const onStable = open.map(({ record }) => record).filter(({ kind, arm }) => kind !== "timed" && arm === "stable");
    evidence.advance({ nowMs: this.nowMs, settledUntilMs, open: { requests: onStable, knownUntilMs: this.nowMs } });
  }

  #request(visitor: number): void {
    let draw = this.#draws.get(visitor);
    if (draw === undefined) {
      draw = Math.floor(this.random.float() * 10_000);
      this.#draws.set(visitor, draw);
    }
    const arm: Arm = draw < this.weight ? "canary" : "stable";
    const atMs = this.nowMs;
    const base = { rollout: "r", unit: unitOf(visitor), arm, weight: this.weight, exposureEpoch: this.#epoch, atMs };
    if (!this.#exposed.has(visitor)) {
      this.#exposed.add(visitor);
      this.#options.evidence.absorb({ ...base, kind: "exposed" });
    }
    const { isFailed, tookMs = 0 } = this.#options.answer({ arm, atMs, visitor, random: this.random });
    if (!this.#timed.has(visitor)) {
      this.#timed.add(visitor);
      this.#inFlight.push({ record: { ...base, kind: "timed", tookMs }, endsAtMs: atMs + tookMs });
    }
    const minute = Math.floor(atMs / 60_000);
    if (!isFailed && this.#servedMinute.get(visitor) === minute) return;
    if (!isFailed) this.#servedMinute.set(visitor, minute);
    this.#inFlight.push({ record: { ...base, kind: isFailed ? "failed" : "served" }, endsAtMs: atMs + tookMs });
  }
}

export interface Ending {
  readonly outcome: "promoted" | "rolled back" | "held" | "still running";
  readonly metric: JudgedMetric | null;
  readonly atMs: number;
  readonly failedCanaryVisitors: number;
}

/** Goes through the plan as the control loop would, until the bake is over, the verdict fails, or `forMs` have passed. */
export function runRollout(options: {
  readonly plan: Plan;
  readonly evidence: Evidence;
  readonly traffic: Traffic;
  readonly forMs: number;
}): Ending {
  const { plan, evidence, traffic, forMs } = options;
  const end = (outcome: Ending["outcome"], metric: Ending["metric"] = null): Ending => {
    return { outcome, metric, atMs: traffic.nowMs, failedCanaryVisitors: evidence.summary().canary.failedVisitors };
  };
  let step = 0;
  let since = traffic.nowMs;
  traffic.serve(plan.steps[0]?.weight ?? plan.holdbackWeight);
  while (traffic.nowMs < forMs) {
    traffic.tick();
    const current = plan.steps[step];
    const verdict = evidence.verdict(current === undefined ? { kind: "bake" } : { kind: "step", step });
    if (verdict.kind === "fail" && verdict.metric !== "shadow") return end("rolled back", verdict.metric);
    if (verdict.kind === "shared-outage") return end("held");
    const heldMs = traffic.nowMs - since;
    if (current === undefined && heldMs >= plan.bakeMs) return end("promoted");
    if (current === undefined || verdict.kind !== "pass" || heldMs < current.minHoldMs) continue;
    step += 1;
    since = traffic.nowMs;
    traffic.serve(plan.steps[step]?.weight ?? plan.holdbackWeight);
  }
  return end("still running");
}

/** Evidence at its first weight. */
export function begin(changes: Parameters<typeof plan>[0] = {}, weight = 500): Evidence {
  const evidence = Evidence.begin(plan(changes));
  evidence.weightChanged({ weight, exposureEpoch: 1, atMs: 0 });
  return evidence;
}

/** Visitors from `from` to `to`, one each 10 ms, every twentieth on the canary, good unless `isBad` says otherwise. */
export function visit(
  evidence: Evidence,
  range: { readonly from: number; readonly to: number; readonly isBad?: (number: number) => boolean },
): void {
  for (let number = range.from; number < range.to; number += 1) {
    const arm = number % 20 === 0 ? "canary" : "stable";
    const base = { unit: unitOf(number), arm, atMs: number * 10 } as const;
    evidence.absorb(record({ kind: "exposed", ...base }));
    evidence.absorb(record({ kind: range.isBad?.(number) === true ? "failed" : "served", ...base }));
    evidence.advance({ nowMs: number * 10, settledUntilMs: number * 10 });
  }
}

/** A whole rollout of its own, to its end. */
export function rollout(
  options: Omit<TrafficOptions, "evidence"> & { readonly forMs: number; readonly plan?: ReturnType<typeof plan> },
): Ending {
  const chosen = options.plan ?? plan();
  const evidence = Evidence.begin(chosen);
  return runRollout({ plan: chosen, evidence, traffic: new Traffic({ ...options, evidence }), forMs: options.forMs });
}
