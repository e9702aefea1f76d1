import type { RolloutId } from "../rollout/rollout.ts";
import type { UnitRecord } from "../routing/wire.ts";
import type { Deployments } from "./deployments.ts";
import type { EvidenceBook } from "./evidence-book.ts";

/** The service in its environment that posts. */
export interface EventPlace {
  readonly environment: string;
  readonly service: string;
}

/** A release's own instances, or its shadow: that one is given copies, and nothing that it does is a visitor's. */
export type EventSender = "service" | "shadow";

type EventOutcome = EventRefusal | "accepted" | "shadow";

/**
 * Why an event is no evidence.
 * - `malformed`: it has no name, or its visitor is not what Belay called it.
 * - `unknown-event`: no KPI of the rollout names it.
 * - `no-number`: the KPI's field is not a number between 0 and 1e12.
 * - `too-late`: the rollout that its visitor was part of is over, or belongs to another service.
 * - `too-many`: more came than a service may post.
 */
export type EventRefusal = "malformed" | "unknown-event" | "no-number" | "too-late" | "too-many";

export interface EventsTaken {
  readonly accepted: number;
  readonly refused: readonly { readonly index: number; readonly why: EventRefusal }[];
}

const perSecondMax = 1_000;
const burstMax = 5_000;
const valueMax = 1e12;
const visitorPattern = /^([a-z0-9][a-z0-9-]{0,127}):([0-9a-f]{16})$/;

interface Allowance {
  left: number;
  atMs: number;
}

/**
 * Takes what applications post of their visitors' outcomes into the evidence. Which side a visitor is on is known here and is
 * nothing that an event could say; a visitor whom no worker met is counted by nobody, so names can be made up in vain.
 */
export class KpiEvents {
  readonly #evidence: Pick<EvidenceBook, "find" | "absorbEvent">;
  readonly #deployments: Pick<Deployments, "find">;
  readonly #allowances = new Map<string, Allowance>();
  readonly #counts = new Map<string, { readonly place: EventPlace; readonly counts: Map<EventOutcome, number> }>();

  constructor(inside: {
    readonly evidence: Pick<EvidenceBook, "find" | "absorbEvent">;
    readonly deployments: Pick<Deployments, "find">;
  }) {
    this.#evidence = inside.evidence;
    this.#deployments = inside.deployments;
  }

  /** `posted` is whatever an authenticated application sent. A shadow gets the answers that its release would get, and is heard by nobody. */
  take(from: EventPlace & { readonly sender: EventSender }, posted: readonly unknown[], nowMs: number): EventsTaken {
    const refused: { readonly index: number; readonly why: EventRefusal }[] = [];
    const allowance = this.#allowanceOf(from, nowMs);
    for (const [index, event] of posted.entries()) {
      const read = allowance.left < 1 ? "too-many" : this.#read(from, event, nowMs);
      const why = typeof read === "string" ? read : null;
      allowance.left = Math.max(0, allowance.left - 1);
      if (from.sender === "service" && typeof read !== "string") for (const record of read) this.#evidence.absorbEvent(record);
      this.#count(from, from.sender === "shadow" ? "shadow" : (why ?? "accepted"));
      if (why !== null) refused.push({ index, why });
    }
    return { accepted: posted.length - refused.length, refused };
  }

  /** Since the control plane's start. */
  counts(): readonly { readonly place: EventPlace; readonly outcome: EventOutcome; readonly count: number }[] {
    return [...this.#counts.values()].flatMap(({ place, counts }) =>
      Array.from(counts, ([outcome, count]) => ({ place, outcome, count })),
    );
  }

  #read(place: EventPlace, event: unknown, nowMs: number): EventRefusal | readonly UnitRecord[] {
    if (typeof event !== "object" || event === null) return "malformed";
    const { event: name, visitor } = event as Readonly<Record<string, unknown>>;
    const [, rollout, unit] = (typeof visitor === "string" ? visitorPattern.exec(visitor) : null) ?? [];
    if (typeof name !== "string" || rollout === undefined || unit === undefined) return "malformed";
    const watch = this.#isOf(place, rollout) ? this.#evidence.find(rollout) : undefined;
    if (watch === undefined) return "too-late";
    const kpis = watch.plan.kpis?.filter(({ good }) => good.kind === "event" && good.event === name) ?? [];
    if (kpis.length === 0) return "unknown-event";
    const records: UnitRecord[] = [];
    for (const { name: kpi, valueField } of kpis) {
      const value = valueField === null ? undefined : (event as Readonly<Record<string, unknown>>)[valueField];
      if (valueField !== null && !isValue(value)) return "no-number";
      // Arm and weight are those of the visitor's exposure, which the evidence knows.
      const base = { rollout, unit, arm: "stable", weight: 0, exposureEpoch: 0, atMs: nowMs } as const;
      records.push({ ...base, kind: "converted", kpi, ...(isValue(value) ? { value } : {}) });
    }
    return records;
  }

  #isOf({ environment, service }: EventPlace, rollout: RolloutId): boolean {
    const own = this.#deployments.find(environment, service);
    return own?.rollout?.id === rollout || own?.promotion?.id === rollout;
  }

  /** A shadow has its own, so that it takes nothing from the service. */
  #allowanceOf({ environment, service, sender }: EventPlace & { readonly sender: EventSender }, nowMs: number): Allowance {
    const key = `${environment}/${service}/${sender}`;
    const allowance = this.#allowances.getOrInsertComputed(key, () => ({ left: burstMax, atMs: nowMs }));
    allowance.left = Math.min(burstMax, allowance.left + (Math.max(0, nowMs - allowance.atMs) / 1_000) * perSecondMax);
    allowance.atMs = nowMs;
    return allowance;
  }

  #count({ environment, service }: EventPlace, outcome: EventOutcome): void {
    const { counts } = this.#counts.getOrInsertComputed(`${environment}/${service}`, () => ({
      place: { environment, service },
      counts: new Map(),
    }));
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  }
}

function isValue(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value <= valueMax;
}
