import * as z from "zod";
import type { FailingMetric } from "../rollout/evidence-summary.ts";
import type { OnFail, Plan, WeightStep } from "../rollout/rollout.ts";
import { dnsLabel, duration, percent, text } from "./leaves.ts";

/** What belay.yml says of steps, objectives and single metrics. */
const hour = 3_600_000;
/** Weight of the bake, and the highest that a step may have. */
export const holdbackWeight: number = 9_500;

interface WrittenStep {
  readonly weight?: number | undefined;
  readonly cohort?: string | undefined;
  readonly shadow?: number | undefined;
  readonly gate?: "approval" | undefined;
  readonly minHold: number;
}

/** A gate has no weight of its own: visitors stay as the step before has put them, while people make up their minds. */
export function toSteps(steps: readonly WrittenStep[]): readonly WeightStep[] {
  let present = 0;
  return steps.map(({ weight = 0, minHold, cohort, shadow, gate }): WeightStep => {
    if (gate !== undefined) return { weight: present, minHoldMs: 0, gate };
    present = inTenThousandths(weight);
    return {
      weight: present,
      minHoldMs: minHold,
      ...(cohort === undefined ? {} : { cohort }),
      ...(shadow === undefined ? {} : { shadow: inTenThousandths(shadow) }),
    };
  });
}

function inTenThousandths(share: number): number {
  return Math.round(share * 10_000);
}

export const stepSchema: z.ZodType<
  WrittenStep,
  {
    weight?: string | undefined;
    cohort?: string | undefined;
    shadow?: string | undefined;
    gate?: "approval" | undefined;
    minHold?: string | 0 | undefined;
  }
> = z.strictObject({
  weight: percent(
    { description: "Share of visitors on the new release.", examples: ["5%"] },
    (share) => share >= 0.0001 && share <= holdbackWeight / 10_000,
    "is outside of 0.01% to 95%",
  ).optional(),
  cohort: text(dnsLabel, "the name of a cohort", {
    description:
      "In place of a weight: the members of this cohort, and nobody else. They stay on the release in the steps behind it.",
    examples: ["internal"],
  }).optional(),
  shadow: percent(
    {
      description:
        "In place of a weight, as the first step: copies of this share of the requests on routes that are free of effects. No visitor meets the release.",
      examples: ["20%"],
    },
    (share) => share >= 0.0001 && share <= 1,
    "is outside of 0.01% to 100%",
  ).optional(),
  gate: z
    .enum(["approval"])
    .meta({
      title: "approval",
      description: "In place of a weight: the rollout waits here, at the weight that it has, until it is approved.",
      examples: ["approval"],
    })
    .optional(),
  minHold: duration({ description: "Shortest time at this weight.", examples: ["60s"] }).prefault("60s"),
});

const onFail = (metric: string): z.ZodType<OnFail | undefined, OnFail | undefined> =>
  z
    .enum(["rollback", "hold", "notify"])
    .meta({ title: "rollback, hold or notify", description: `What follows when ${metric}.`, examples: ["notify"] })
    .optional();

type OnFails = { [Metric in FailingMetric]?: OnFail | undefined };

export const onFailsSchema: z.ZodType<OnFails, OnFails> = z.strictObject({
  errors: onFail("more visitors fail than on stable; rollback when left out"),
  slo: onFail("the availability objective is missed; rollback when left out"),
  latency: onFail("answers are slower than on stable; notify when left out"),
  latencySlo: onFail("the latency objective is missed; rollback when left out"),
  shadow: onFail("a shadow answers otherwise than stable; hold when left out"),
});

const latency = z.strictObject({
  under: duration(
    { description: "An answer should begin within this time.", examples: ["300ms"] },
    { atLeastMs: 1, atMostMs: hour },
  ),
  objective: percent(
    { description: "Share of visitors whose answer does.", examples: ["99%"] },
    (share) => share >= 0.5 && share < 1,
    "is outside of 50% to less than 100%",
  ),
});

/** What an exhausted error budget means for a release that is no fix. */
type OnExhausted = "hold" | "warn";

interface WrittenSlo {
  readonly availability?: number | undefined;
  readonly latency?: { readonly under: number; readonly objective: number } | undefined;
  readonly window: number;
  readonly onExhausted?: OnExhausted | undefined;
}

const defaultAvailability = 0.999;

export const sloSchema: z.ZodType<
  WrittenSlo,
  {
    availability?: string | undefined;
    latency?: { under: string | 0; objective: string } | undefined;
    window?: string | undefined;
    onExhausted?: OnExhausted | undefined;
  }
> = z.strictObject({
  latency: latency
    .meta({
      title: "a map of keys",
      description: "How fast answers are promised to be; nothing is promised when left out.",
      examples: ["{ under: 300ms, objective: 99% }"],
    })
    .optional(),
  availability: percent(
    { description: "Share of requests that are answered well; 99.9% when left out.", examples: ["99.9%"] },
    (share) => share >= 0.5 && share < 1,
    "is outside of 50% to less than 100%",
  ).optional(),
  window: text(/^([1-9]|[1-8][0-9]|90)d$/, "1d to 90d", {
    description: "The days over which the error budget is reckoned, such as four whole weeks.",
    examples: ["28d"],
  })
    .transform((days) => Number.parseInt(days, 10) * 24 * hour)
    .prefault("28d"),
  onExhausted: z
    .enum(["hold", "warn"])
    .meta({
      title: "hold or warn",
      description:
        "What a spent error budget means for a release that is no fix: it waits for a second person, or it is only told. hold when an objective is written down here, else warn.",
      examples: ["hold"],
    })
    .optional(),
});

/** An objective that nobody wrote down stops nobody. */
export function toObjectives({
  availability,
  latency: promised,
  window,
  onExhausted,
}: WrittenSlo): Pick<Plan, "sloAvailability" | "latencyObjective" | "errorBudget"> {
  const isWritten = availability !== undefined || promised !== undefined;
  return {
    sloAvailability: availability ?? defaultAvailability,
    errorBudget: { windowMs: window, onExhausted: onExhausted ?? (isWritten ? "hold" : "warn") },
    ...(promised === undefined ? {} : { latencyObjective: { underMs: promised.under, share: promised.objective } }),
  };
}
