import { Evidence } from "../analysis/evidence.ts";
import { decide, exposedStage } from "../rollout/decide.ts";
import { decideBraked } from "../rollout/decide-braked.ts";
import type { RolloutFact } from "../rollout/entry.ts";
import type { Plan, Rollout } from "../rollout/rollout.ts";
import { transition } from "../rollout/transition.ts";
import { OpenRequests } from "../routing/open-requests.ts";
import { type ScoredRequest, UnitRecords } from "../routing/unit-records.ts";
import type { Arm } from "../routing/wire.ts";
import type { Ended, Ending, Steering } from "./play.ts";
import { type Request, unitOf } from "./traffic.ts";
import { WorkerShield } from "./worker-shield.ts";

const id = "rehearsal";
const startedAt = "1970-01-01T00:00:00Z";
/** Of users, to what a KPI is about. */
export const getThereShare = 0.1;
/** Without news from a worker time alone decides, and a second is exact enough for holds of minutes. */
const lookEveryMs = 1_000;

/**
 * What decides in production, on visitors that are played: the worker's records, its shield with the budget and the brake, the
 * evidence, the decision and the transitions are those of a real rollout, with one worker.
 */
export class Engine implements Steering {
  readonly #plan: Plan;
  readonly #evidence: Evidence;
  readonly #records: UnitRecords;
  readonly #shield = new WorkerShield();
  #rollout: Rollout;
  #weight = 0;
  #position = 1;
  #stageBeganAtMs = 0;
  #lookedAtMs = 0;
  #hasNews = false;
  #brakedAtMs = 0;
  /** Requests that came while the brake was on: evidence for neither side. */
  readonly #unscored = new Set<Request>();
  /** Requests by which their visitor is timed. */
  readonly #timed = new Set<Request>();
  readonly #open = new OpenRequests<Request>();
  readonly #counts = { canary: { requests: 0, failed: 0 }, stable: { requests: 0, failed: 0 } };
  #shielded = 0;

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#evidence = Evidence.begin(plan);
    this.#records = new UnitRecords((record) => {
      if (record.arm !== "canary" && record.arm !== "stable") return;
      this.#evidence.absorb({ ...record, arm: record.arm });
    });
    this.#rollout = pendingRollout(plan);
    this.#apply({ kind: "candidate-ready" }, 0);
  }

  get weight(): number {
    return this.#weight;
  }

  get epoch(): number {
    return this.#rollout.exposureEpoch;
  }

  get evidence(): Evidence {
    return this.#evidence;
  }

  sideOf(request: Request): Arm {
    if (!this.#shield.isOpen) {
      this.#unscored.add(request);
      return "stable";
    }
    const isByRequest = this.#plan.evidence === "request";
    const draw = isByRequest ? request.draw : request.visitor.draw;
    const side = draw < this.#weight ? "canary" : "stable";
    const scored = this.#scored(request, side, this.#weight, this.epoch);
    const isChosen = this.#records.started(scored);
    this.#open.started(request, scored, this.#plan.responseDeadlineMs);
    if (isChosen || isByRequest) this.#timed.add(request);
    if (side === "canary") this.#shield.started();
    return side;
  }

  ended({ request, side, weight, epoch, isFailed, tookMs, isInTheWay = false }: Ended): void {
    if (this.#unscored.delete(request)) return;
    this.#open.ended(request);
    this.#hasNews = true;
    const counts = this.#counts[side];
    counts.requests += 1;
    if (isFailed) counts.failed += 1;
    const scored = this.#scored(request, side, weight, epoch);
    this.#records.ended(scored, isFailed ? "failed" : "ok");
    if (this.#timed.delete(request)) this.#records.timed(scored, tookMs);
    if (!isFailed) this.#tellKpis(request, scored, isInTheWay);
  }

  replays({ request, epoch }: Ended): boolean {
    return request.isRepeatable && this.#shield.mayReplay(epoch);
  }

  replayEnded(hasFailed: boolean): void {
    if (!hasFailed) this.#shielded += 1;
    this.#shield.replayEnded(hasFailed);
  }

  tick(time: { readonly nowMs: number; readonly settledUntilMs: number }): Ending | null {
    const { nowMs } = time;
    this.#shield.timePassed(nowMs);
    if (!this.#hasNews && nowMs - this.#lookedAtMs < lookEveryMs) return null;
    this.#hasNews = false;
    this.#lookedAtMs = nowMs;
    this.#countRequests();
    const open = this.#open.told(nowMs).find(({ rollout }) => rollout === id) ?? { requests: [], knownUntilMs: nowMs };
    this.#evidence.advance({ ...time, open });
    const fact = this.#decide(nowMs);
    return fact === null ? null : this.#apply(fact, nowMs);
  }

  #decide(nowMs: number): RolloutFact | null {
    const evidence = this.#evidence;
    const { phase } = this.#rollout;
    const stage = phase.name === "braked" ? phase.resumeAt : exposedStage(this.#rollout);
    if (stage === null) return null;
    const judgement = evidence.verdict(stage);
    const heldMs = nowMs - this.#stageBeganAtMs;
    if (phase.name === "braked") {
      const brakedForMs = nowMs - this.#brakedAtMs;
      return decideBraked(phase, { judgement, evidence: evidence.summary(), heldMs, brakedForMs, isGone: false });
    }
    if (!this.#shield.isOpen && judgement.kind !== "fail")
      return { kind: "braked", by: "budget", worker: id, exposureEpoch: this.epoch };
    return decide(this.#rollout, {
      judgement,
      alarms: evidence.alarms(),
      // Asked for only by what is recorded: at each tick it would cost more than all the rest.
      get evidence() {
        return evidence.summary();
      },
      heldMs,
      nowMs,
      stageBeganAtMs: this.#stageBeganAtMs,
    });
  }

  /** What users get done is not in any traffic that is measured, so a tenth of them is assumed to. */
  #tellKpis({ luck, visitor }: Request, scored: ScoredRequest, isInTheWay: boolean): void {
    // High luck: low luck is what fails.
    const own = 1 - (this.#plan.evidence === "request" ? luck : visitor.luck);
    for (const { name, direction, of, valueField } of this.#plan.kpis ?? []) {
      if (valueField !== null) continue;
      const times = isInTheWay ? (direction === "up" ? 0.5 : 2) : 1;
      if (of !== null) this.#records.reached(scored, name);
      if (own < getThereShare * times) this.#records.converted(scored, name);
    }
  }

  #countRequests(): void {
    const { canary, stable } = this.#counts;
    this.#evidence.countRequests({
      canary: { ...canary },
      stable: { ...stable },
      harmedRequests: canary.failed - this.#shielded,
    });
  }

  #apply(fact: RolloutFact, nowMs: number): Ending | null {
    this.#position += 1;
    this.#rollout = transition(this.#rollout, { position: this.#position, at: startedAt, by: "belay", fact });
    const { phase, earnedBy, exposureEpoch, alarms } = this.#rollout;
    const metric = fact.kind === "verdict-failed" ? fact.metric : null;
    switch (phase.name) {
      case "braked":
        this.#brakedAtMs = nowMs;
        return null;
      case "paused":
        return { outcome: "held", reason: phase.reason, metric, alarms, isEarned: false };
      case "aborting":
        return { outcome: "rolled-back", reason: phase.reason, metric, alarms, isEarned: false };
      case "promoting":
        return { outcome: "promoted", reason: phase.reason, metric, alarms, isEarned: earnedBy === "verdict" };
      case "held":
        return { outcome: "held", reason: phase.reason, metric, alarms, isEarned: false };
      default: {
        if (exposureEpoch !== this.#position) return null;
        const step = phase.name === "progressing" ? this.#plan.steps[phase.step] : undefined;
        this.#weight = step?.weight ?? this.#plan.holdbackWeight;
        this.#stageBeganAtMs = nowMs;
        this.#shield.exposed(exposureEpoch, nowMs);
        this.#evidence.weightChanged({ weight: this.#weight, exposureEpoch, atMs: nowMs });
        return null;
      }
    }
  }

  #scored({ visitor, number, atMs }: Request, arm: Arm, weight: number, exposureEpoch: number) {
    const units = this.#plan.evidence === "request" ? { unit: unitOf(number), visitor: visitor.unit } : { unit: visitor.unit };
    return {
      rollout: id,
      ...units,
      arm,
      weight,
      exposureEpoch,
      startMs: atMs,
    };
  }
}

function pendingRollout(plan: Plan): Rollout {
  return {
    id,
    service: id,
    environment: id,
    kind: "deploy",
    requestedBy: { kind: "system", name: "belay", via: "loop" },
    requestedAt: startedAt,
    endedAt: null,
    commit: "",
    isDirty: false,
    root: "",
    candidate: "candidate",
    stable: "stable",
    plan,
    forecast: "",
    phase: { name: "pending" },
    exposureEpoch: 1,
    earnedBy: "verdict",
    supervision: { overrides: [], approvals: [], awaiting: null, mayStart: true },
    evidence: null,
    alarms: [],
  };
}
