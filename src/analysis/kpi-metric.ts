import { z } from "zod";
import type { JudgedMetric, KpiSide } from "../rollout/evidence-summary.ts";
import type { Kpi } from "../rollout/kpi.ts";
import type { Plan } from "../rollout/rollout.ts";
import type { Arm } from "../routing/wire.ts";
import { declaredCount, declaredThreshold } from "./budget.ts";
import { ConversionTest, conversionTestSchema } from "./conversion-test.ts";
import { parseMetricState } from "./evidence-snapshot.ts";
import { kpiWords } from "./evidence-words.ts";
import type { MetricKind, MetricTest } from "./judged-metric.ts";
import { ValueTest, valueTestSchema } from "./value-test.ts";
import { eValueOf } from "./words.ts";

const sides = z.object({ canary: z.number(), stable: z.number() });
const countsSchema = z.object({ reached: sides, good: sides });
type Counts = z.infer<typeof countsSchema>;
type Tests = ConversionTest | ValueTest;

interface Parts {
  readonly kpi: Kpi;
  readonly test: Tests;
  readonly counts: Counts;
  readonly threshold: number;
  readonly plan: Plan;
}

function testOf({ kpi, test, counts, threshold, plan }: Parts): MetricTest {
  const name: JudgedMetric = `kpi:${kpi.name}`;
  const side = (arm: Arm): KpiSide => ({
    units: counts.reached[arm],
    good: counts.good[arm],
    ...(test instanceof ValueTest ? { mean: test.mean(arm) } : {}),
  });
  return {
    name,
    isComparison: true,
    absorb: (record, standsFor) => {
      const { arm, weight } = record;
      if (weight <= 0 || weight >= 10_000) return;
      if (record.kind === "exposed" && kpi.of === null) counts.reached[arm] += standsFor;
      if (record.kpi !== kpi.name) return;
      if (record.kind === "reached" && kpi.of !== null) counts.reached[arm] += standsFor;
      if (record.kind !== "converted") return;
      counts.good[arm] += standsFor;
      if (test instanceof ConversionTest) test.converted(arm, weight);
      else if (record.value !== undefined) test.valued(arm, weight, record.value);
    },
    invest: () => test.invest(),
    failure: () => {
      if (!test.hasReached(threshold)) return null;
      const unit = plan.evidence ?? "visitor";
      return kpiWords({ kpi, canary: side("canary"), stable: side("stable"), logE: test.logE, threshold, unit });
    },
    summary: () => ({
      name,
      eValue: eValueOf(test.peakLogE),
      threshold,
      kpi: { user: kpi.user, outcome: kpi.outcome, canary: side("canary"), stable: side("stable") },
    }),
    state: () => ({ counts: { reached: { ...counts.reached }, good: { ...counts.good } }, test: test.state() }),
  };
}

function begunOf(plan: Plan, name: JudgedMetric): Omit<Parts, "test" | "counts"> & { readonly options: TestOptions } {
  const kpi = plan.kpis?.find((candidate) => `kpi:${candidate.name}` === name);
  if (kpi === undefined) throw new Error(`a plan without ${name} has no such metric`);
  const { direction, tolerance } = kpi;
  const options = { direction, tolerance, restarts: plan.evidence === "request" };
  return { kpi, plan, options, threshold: declaredThreshold(declaredCount(plan)) };
}

type TestOptions = ConstructorParameters<typeof ConversionTest>[0];

/** What the team declared under `kpis`. Each is told by the side and the weight of its visitor's first exposure. */
export const kpiMetric: MetricKind = {
  namesIn: ({ kpis = [] }) => kpis.map(({ name }): JudgedMetric => `kpi:${name}`),
  begin: (name, plan) => {
    const { options, ...begun } = begunOf(plan, name);
    const test = begun.kpi.valueField !== null ? new ValueTest(options) : new ConversionTest(options);
    return testOf({ ...begun, test, counts: { reached: { canary: 0, stable: 0 }, good: { canary: 0, stable: 0 } } });
  },
  restore: ({ name, plan, state }) => {
    const { options, ...begun } = begunOf(plan, name);
    if (begun.kpi.valueField !== null) {
      const kept = parseMetricState(z.object({ counts: countsSchema, test: valueTestSchema }), name, state);
      return testOf({ ...begun, test: ValueTest.restore(options, kept.test), counts: kept.counts });
    }
    const kept = parseMetricState(z.object({ counts: countsSchema, test: conversionTestSchema }), name, state);
    return testOf({ ...begun, test: ConversionTest.restore(options, kept.test), counts: kept.counts });
  },
};
