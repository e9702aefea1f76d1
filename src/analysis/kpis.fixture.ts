import { createSeededRandom, type Random } from "../ports/random.ts";
import type { Kpi } from "../rollout/kpi.ts";
import type { Plan } from "../rollout/rollout.ts";
import type { Arm, UnitRecord } from "../routing/wire.ts";
import { Evidence } from "./evidence.ts";
import { plan, unitOf } from "./traffic.fixture.ts";

export function kpi(changes: Partial<Kpi> = {}): Kpi {
  return {
    name: "checkout",
    user: "a shopper with a full basket",
    outcome: "gets the order confirmed",
    good: { kind: "event", event: "order" },
    of: null,
    valueField: null,
    direction: "up",
    tolerance: 0,
    ...changes,
  };
}

export interface KpiStory {
  readonly seed: number;
  readonly kpi?: Partial<Kpi>;
  readonly plan?: Partial<Plan>;
  readonly visitorsPerSecond?: number;
  /** One weight after the other, each for `holdMs`, and 100 % when they are over. */
  readonly weights: readonly number[];
  readonly holdMs: number;
  readonly forMs: number;
  /** Whether a visitor converts, after how long, and what it is worth. */
  readonly outcome: (visitor: { readonly arm: Arm; readonly random: Random }) => {
    readonly converts: boolean;
    readonly afterMs: number;
    readonly value?: number;
  };
  /** As the trap has it: side of the exposure, and the share of the time when the outcome arrives. */
  readonly isScoredAtArrival?: boolean;
  readonly restartEveryMs?: number;
}

export interface KpiStoryEnd {
  readonly failedAtMs: number | null;
  readonly reason: string;
  readonly conversions: number;
  readonly evidence: Evidence;
}

const tickMs = 100;

/** Visitors who come once, are drawn at the weight of that moment, and may convert much later. */
export function playKpi(story: KpiStory): KpiStoryEnd {
  const { weights, holdMs, forMs, visitorsPerSecond = 100 } = story;
  const random = createSeededRandom(story.seed);
  let evidence = Evidence.begin(plan({ kpis: [kpi(story.kpi)], ...story.plan }));
  const waiting: { readonly record: UnitRecord; readonly atMs: number }[] = [];
  let conversions = 0;
  let visitor = 0;
  for (let nowMs = 0; nowMs < forMs; nowMs += tickMs) {
    const stage = Math.floor(nowMs / holdMs);
    const weight = weights[stage] ?? 10_000;
    if (nowMs % holdMs === 0) evidence.weightChanged({ weight, exposureEpoch: stage + 1, atMs: nowMs });
    if (story.restartEveryMs !== undefined && nowMs % story.restartEveryMs === 0)
      evidence = Evidence.restore(JSON.parse(JSON.stringify(evidence.snapshot(nowMs))), nowMs);
    for (let each = 0; each < (visitorsPerSecond * tickMs) / 1_000; each += 1) {
      const arm: Arm = random.float() * 10_000 < weight ? "canary" : "stable";
      const base = { rollout: "r", unit: unitOf(visitor), arm, weight, exposureEpoch: stage + 1, atMs: nowMs };
      visitor += 1;
      if (story.isScoredAtArrival !== true) evidence.absorb({ ...base, kind: "exposed" });
      const { converts, afterMs, value } = story.outcome({ arm, random });
      if (converts) waiting.push({ record: { ...base, kind: "converted", kpi: "checkout", value }, atMs: nowMs + afterMs });
    }
    for (let index = waiting.length - 1; index >= 0; index -= 1) {
      const due = waiting[index];
      if (due === undefined || due.atMs > nowMs) continue;
      waiting.splice(index, 1);
      conversions += 1;
      const atArrival = { ...due.record, weight };
      if (story.isScoredAtArrival === true) evidence.absorb({ ...atArrival, kind: "exposed" });
      evidence.absorb(atArrival);
    }
    evidence.advance({ nowMs, settledUntilMs: nowMs });
    const verdict = evidence.verdict({ kind: "bake" });
    if (verdict.kind === "fail" && verdict.metric === "kpi:checkout")
      return { failedAtMs: nowMs, reason: verdict.reason, conversions, evidence };
  }
  return { failedAtMs: null, reason: "", conversions, evidence };
}
