import { ownMetrics } from "../../rollout/evidence-summary.ts";
import type { Loosening } from "../../rollout/loosening.ts";
import { type OnFail, onFailOf, type Plan, type WeightStep } from "../../rollout/rollout.ts";
import type { Manifest } from "../manifest.ts";
import { describeDuration, describePercent } from "../quantities.ts";
import { type Change, type Judged, stricterNumber, stricterWord } from "./loosening.ts";
import { stricterKpis, stricterSources } from "./stricter-metrics.ts";

type ManifestPlan = Manifest["plan"];

const duration = describeDuration;
const percent = describePercent;

/** The plan by which a release is judged: of each field the stricter one. */
export function stricterPlan({ was, asked }: Change<ManifestPlan>): Judged<ManifestPlan> {
  const { withinMs: _, ...rest } = asked;
  const goal = stricterGoal({ was, asked });
  const steps = stricterSteps({ was, asked });
  const onInconclusive = stricterInconclusive({ was: was.onInconclusive, asked: asked.onInconclusive });
  const onFail = stricterOnFail({ was, asked });
  const latency = stricterLatency({ was: was.latencyObjective, asked: asked.latencyObjective });
  const unit = stricterWord("rollout.evidence", { was: was.evidence ?? "visitor", asked: asked.evidence ?? "visitor" }, [
    "request",
    "visitor",
  ]);
  const number = (
    field: string,
    key: "maxHoldMs" | "scoreWindowMs" | "bakeMs" | "keepWarmMs" | "leaseTtlMs" | "responseDeadlineMs" | "sloAvailability",
    strict: "low" | "high",
    words = duration,
  ) => stricterNumber(field, { was: was[key], asked: asked[key] }, { strict, words });
  const maxHold = number("rollout.maxHold", "maxHoldMs", "high");
  const scoreWindow = number("rollout.scoreWindow", "scoreWindowMs", "high");
  const bake = number("rollout.bake", "bakeMs", "high");
  const keepWarm = number("rollout.keepWarm", "keepWarmMs", "high");
  const lease = number("rollout.lease", "leaseTtlMs", "low");
  const deadline = number("run.responseTimeout", "responseDeadlineMs", "low");
  const slo = number("slo.availability", "sloAvailability", "high", percent);
  const warmUp = stricterNumber(
    "rollout.warmUp",
    { was: was.warmUpMs ?? 0, asked: asked.warmUpMs ?? 0 },
    { strict: "low", words: duration },
  );
  const kpis = stricterKpis({ was: was.kpis, asked: asked.kpis });
  const sources = stricterSources({ was: was.sources, asked: asked.sources });
  const budget = stricterBudget({ was: was.errorBudget, asked: asked.errorBudget });
  const named = (was.cohorts ?? []).filter(({ name }) => !asked.cohorts?.some((cohort) => cohort.name === name));
  const cohorts = steps.loosenings.length === 0 ? (asked.cohorts ?? []) : [...(asked.cohorts ?? []), ...named];
  const judged = [
    goal,
    steps,
    onInconclusive,
    onFail,
    latency,
    unit,
    maxHold,
    scoreWindow,
    bake,
    keepWarm,
    lease,
    deadline,
    kpis,
    sources,
    budget,
  ];
  return {
    value: {
      ...rest,
      ...goal.value,
      steps: steps.value,
      onInconclusive: onInconclusive.value,
      ...(budget.value === undefined ? {} : { errorBudget: budget.value }),
      maxHoldMs: maxHold.value,
      scoreWindowMs: scoreWindow.value,
      bakeMs: bake.value,
      keepWarmMs: keepWarm.value,
      leaseTtlMs: lease.value,
      responseDeadlineMs: deadline.value,
      sloAvailability: slo.value,
      warmUpMs: warmUp.value,
      evidence: unit.value === "visitor" ? undefined : unit.value,
      ...(cohorts.length === 0 ? {} : { cohorts }),
      ...(Object.keys(onFail.value).length === 0 ? {} : { onFail: onFail.value }),
      ...(kpis.value.length === 0 ? {} : { kpis: kpis.value }),
      ...(sources.value.length === 0 ? {} : { sources: sources.value }),
      ...(latency.value === undefined ? {} : { latencyObjective: latency.value }),
    },
    loosenings: [...judged, slo, warmUp].flatMap(({ loosenings }) => loosenings),
  };
}

type Goal = Pick<ManifestPlan, "harm" | "withinMs">;

/** How much harm is tolerated, or how long it may take to rule out what can be ruled out. Of the two kinds the one that was stays. */
function stricterGoal({ was, asked }: Change<Goal>): Judged<Goal> {
  if (was.withinMs !== undefined && asked.withinMs !== undefined) {
    const change = { was: was.withinMs, asked: asked.withinMs };
    const { value, loosenings } = stricterNumber("rollout.within", change, { strict: "high", words: duration });
    return { value: { harm: asked.harm, withinMs: value }, loosenings };
  }
  if (was.withinMs === undefined && asked.withinMs === undefined) {
    const { value, loosenings } = stricterNumber(
      "rollout.harm",
      { was: was.harm, asked: asked.harm },
      { strict: "low", words: percent },
    );
    return { value: { harm: value }, loosenings };
  }
  const words = ({ harm, withinMs }: Goal) =>
    withinMs === undefined ? `harm: ${percent(harm)}` : `within: ${duration(withinMs)}`;
  const { harm, withinMs } = was;
  return {
    value: withinMs === undefined ? { harm } : { harm, withinMs },
    loosenings: [{ field: "rollout", was: words(was), asked: words(asked) }],
  };
}

/**
 * Steps may be added, and be held for longer. Any other change is judged as a whole, because a ladder made of two ladders is
 * nobody's plan. Between steps that are written and those that the traffic decides, the first weight tells which is bolder.
 */
function stricterSteps({ was, asked }: Change<Pick<ManifestPlan, "steps">>): Judged<ManifestPlan["steps"]> {
  const isLooser =
    was.steps !== null && asked.steps !== null
      ? !covers(asked.steps, was.steps)
      : firstWeight(asked.steps) > firstWeight(was.steps);
  if (!isLooser) return { value: asked.steps, loosenings: [] };
  return {
    value: was.steps,
    loosenings: [{ field: "rollout.steps", was: stepsWords(was.steps), asked: stepsWords(asked.steps) }],
  };
}

/** The first step of the coarsest ladder that traffic is ever planned with. */
const boldestPlannedWeight = 2_000;

function firstWeight(steps: ManifestPlan["steps"]): number {
  if (steps === null) return boldestPlannedWeight;
  return steps.find(({ weight }) => weight > 0)?.weight ?? 0;
}

/** Whether every step that was is there, in order and held for as long. */
function covers(asked: readonly WeightStep[], was: readonly WeightStep[]): boolean {
  let next = 0;
  for (const step of asked) {
    const wanted = was[next];
    if (wanted === undefined) break;
    const { minHoldMs, ...kind } = wanted;
    const { minHoldMs: held, ...own } = step;
    if (JSON.stringify(kind) === JSON.stringify(own) && held >= minHoldMs) next += 1;
  }
  return next === was.length;
}

/** A ladder in one line. */
export function stepsWords(steps: ManifestPlan["steps"]): string {
  if (steps === null) return "by the traffic";
  const words = steps.map(({ weight, minHoldMs, shadow, cohort, gate }) => {
    if (gate !== undefined) return `gate ${gate}`;
    const who = cohort === undefined ? percent(weight / 10_000) : `cohort ${cohort}`;
    return `${shadow === undefined ? who : `shadow ${percent(shadow / 10_000)}`} for ${duration(minHoldMs)}`;
  });
  return words.join(", ");
}

/** Where nothing is said, traffic that cannot pass a gate goes on without it, and any other is held. */
function stricterInconclusive({ was, asked }: Change<ManifestPlan["onInconclusive"]>): Judged<ManifestPlan["onInconclusive"]> {
  const order = ["continue", "by the traffic", "hold", "rollback"] as const;
  const word = (value: ManifestPlan["onInconclusive"]) => value ?? "by the traffic";
  const { value, loosenings } = stricterWord("rollout.onInconclusive", { was: word(was), asked: word(asked) }, order);
  return { value: value === "by the traffic" ? null : value, loosenings };
}

type OnFails = NonNullable<Plan["onFail"]>;

function stricterOnFail({ was, asked }: Change<Pick<Plan, "onFail">>): Judged<OnFails> {
  const order: readonly OnFail[] = ["notify", "hold", "rollback"];
  const names = new Set([...ownMetrics, ...keysOf(was.onFail), ...keysOf(asked.onFail)]);
  const loosenings: Loosening[] = [];
  const kept = new Map(keysOf(asked.onFail).map((metric) => [metric, onFailOf(asked, metric)]));
  for (const metric of names) {
    const change = { was: onFailOf(was, metric), asked: onFailOf(asked, metric) };
    const judged = stricterWord(`rollout.onFail.${metric}`, change, order);
    if (judged.loosenings.length > 0) kept.set(metric, judged.value);
    loosenings.push(...judged.loosenings);
  }
  return { value: Object.fromEntries(kept), loosenings };
}

function keysOf(onFail: Plan["onFail"]): readonly (keyof OnFails)[] {
  return Object.keys(onFail ?? {}) as (keyof OnFails)[];
}

type LatencyObjective = NonNullable<Plan["latencyObjective"]>;

function stricterLatency({ was, asked }: Change<LatencyObjective | undefined>): Judged<LatencyObjective | undefined> {
  if (was === undefined) return { value: asked, loosenings: [] };
  const words = ({ underMs, share }: LatencyObjective) => `${duration(underMs)} for ${percent(share)}`;
  if (asked === undefined) return { value: was, loosenings: [{ field: "slo.latency", was: words(was), asked: "none" }] };
  const under = stricterNumber(
    "slo.latency.under",
    { was: was.underMs, asked: asked.underMs },
    { strict: "low", words: duration },
  );
  const change = { was: was.share, asked: asked.share };
  const share = stricterNumber("slo.latency.objective", change, { strict: "high", words: percent });
  return { value: { underMs: under.value, share: share.value }, loosenings: [...under.loosenings, ...share.loosenings] };
}

type ErrorBudget = Plan["errorBudget"];

/** A longer window forgets a bad release later. */
function stricterBudget({ was, asked }: Change<ErrorBudget>): Judged<ErrorBudget> {
  if (was === undefined || asked === undefined) return { value: asked ?? was, loosenings: [] };
  const change = { was: was.onExhausted, asked: asked.onExhausted };
  const onExhausted = stricterWord("slo.onExhausted", change, ["warn", "hold"]);
  const windows = { was: was.windowMs, asked: asked.windowMs };
  const windowMs = stricterNumber("slo.window", windows, { strict: "high", words: duration });
  return {
    value: { windowMs: windowMs.value, onExhausted: onExhausted.value },
    loosenings: [...onExhausted.loosenings, ...windowMs.loosenings],
  };
}
