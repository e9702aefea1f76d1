import type { RolloutId } from "../rollout/rollout.ts";
import type { UnitRecord } from "../routing/wire.ts";
import type { Deployments } from "./deployments.ts";
import type { EvidenceBook } from "./evidence-book.ts";

/** The service in its environment that posts. */
export interface EventPlace {
  readonly environment: string;
  readonly service: string;
}

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
  readonly #counts = new Map<string, { readonly place: EventPlace; readonly counts: Map<EventRefusal | "accepted", number> }>();

  constructor(inside: {
    readonly evidence: Pick<EvidenceBook, "find" | "absorbEvent">;
    readonly deployments: Pick<Deployments, "find">;
  }) {
    this.#evidence = inside.evidence;
    this.#deployments = inside.deployments;
  }

  /** `posted` is whatever an authenticated application of `place` sent. */
  take(place: EventPlace, posted: readonly unknown[], nowMs: number): EventsTaken {
    const refused: { readonly index: number; readonly why: EventRefusal }[] = [];
    const allowance = this.#allowanceOf(place, nowMs);
    for (const [index, event] of posted.entries()) {
      const why = allowance.left < 1 ? "too-many" : this.#takeOne(place, event, nowMs);
      allowance.left = Math.max(0, allowance.left - 1);
      this.#count(place, why ?? "accepted");
      if (why !== null) refused.push({ index, why });
    }
    return { accepted: posted.length - refused.length, refused };
  }

  /** Since the control plane's start. */
  counts(): readonly { readonly place: EventPlace; readonly outcome: EventRefusal | "accepted"; readonly count: number }[] {
    return [...this.#counts.values()].flatMap(({ place, counts }) =>
      Array.from(counts, ([outcome, count]) => ({ place, outcome, count })),
    );
  }

  #takeOne(place: EventPlace, event: unknown, nowMs: number): EventRefusal | null {
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
    for (const record of records) this.#evidence.absorbEvent(record);
    return null;
  }

  #isOf({ environment, service }: EventPlace, rollout: RolloutId): boolean {
    const own = this.#deployments.find(environment, service);
    return own?.rollout?.id === rollout || own?.promotion?.id === rollout;
  }

  #allowanceOf({ environment, service }: EventPlace, nowMs: number): Allowance {
    const key = `${environment}/${service}`;
    const allowance = this.#allowances.getOrInsertComputed(key, () => ({ left: burstMax, atMs: nowMs }));
    allowance.left = Math.min(burstMax, allowance.left + (Math.max(0, nowMs - allowance.atMs) / 1_000) * perSecondMax);
    allowance.atMs = nowMs;
    return allowance;
  }

  #count(place: EventPlace, outcome: EventRefusal | "accepted"): void {
    const { counts } = this.#counts.getOrInsertComputed(`${place.environment}/${place.service}`, () => ({
      place,
      counts: new Map(),
    }));
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  }
}

function isValue(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value <= valueMax;
}
