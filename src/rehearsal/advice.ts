import { type Forecast, forecast } from "../analysis/forecast.ts";
import { planSteps, visitorsPerMinuteMin } from "../analysis/plan-steps.ts";
import { durationWords, percentWords } from "../analysis/words.ts";
import { quietMs } from "../rollout/decide.ts";
import type { Plan } from "../rollout/rollout.ts";
import type { Fate } from "./fate.ts";
import { scoredPerSecond, type Traffic, unitsPerSecond } from "./traffic.ts";

const harms = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2] as const;
/** A plan that takes this much longer than another with the same harm is worth a word. */
const worthwhile = 2;
/** As the SLO test counts: up to this many times the failures of the objective are tolerated. */
const burnTolerated = 2;

interface Rehearsed {
  readonly plan: Plan;
  readonly traffic: Traffic;
  readonly forecast: Forecast;
  readonly fates: readonly Fate[];
}

/** What to change in belay.yml, each a sentence or two that say why and what to write; empty when the plan fits its traffic. */
export function advise(rehearsed: Rehearsed): readonly string[] {
  return [...firstStep(rehearsed), ...gates(rehearsed), ...objective(rehearsed), ...surprises(rehearsed)];
}

/** A service that misses its objective before anything is released makes each release look guilty, or holds it. */
function objective({ plan, traffic }: Rehearsed): readonly string[] {
  const failing = traffic.failShare;
  const tolerated = burnTolerated * (1 - plan.sloAvailability);
  if (failing <= tolerated) return [];
  return [
    `Stable itself fails ${percentWords(failing)} of its requests, more than twice what the ${percentWords(plan.sloAvailability)} objective tolerates, so that good releases are held or taken back for it: mend that first, or set slo.availability to what the service keeps, such as ${percentWords(floorTo(1 - failing)).replace(" ", "")}.`,
  ];
}

/** The next objective below that people write: 99.7 % gives 99.5 %. */
function floorTo(share: number): number {
  return [0.999, 0.998, 0.995, 0.99, 0.98, 0.95].find((each) => each <= share) ?? 0.9;
}

/** A first step that nobody meets shows nothing, however long it lasts. */
function firstStep({ plan, traffic }: Rehearsed): readonly string[] {
  const [first] = plan.steps;
  if (first === undefined) return [];
  const perSecond = unitsPerSecond(traffic, plan.evidence);
  const perMinute = (first.weight / 10_000) * perSecond * 60;
  if (perMinute >= visitorsPerMinuteMin) return [];
  const share = percentWords(first.weight / 10_000);
  const enough = Math.ceil((visitorsPerMinuteMin / (perSecond * 60)) * 100);
  const seen = `The first step of ${share} gives the canary ${Number(perMinute.toPrecision(2))} new ${plan.evidence === "request" ? "requests" : "visitors"} a minute: even a release that fails everyone stays unseen for minutes.`;
  if (!Number.isFinite(enough) || enough > 50) {
    return [
      `${seen} No share makes this traffic quick: let people whom you know go first (a step with a cohort), and watch by hand.`,
    ];
  }
  return [`${seen} Begin with ${enough}% or more.`];
}

function gates({ plan, traffic, forecast: expected }: Rehearsed): readonly string[] {
  const perSecond = scoredPerSecond(traffic);
  const better = forecast({ ...plan, steps: planSteps(plan, perSecond) }, perSecond);
  if (expected.canPass) {
    if (!better.canPass || expected.totalMs < worthwhile * better.totalMs) return [];
    return [
      `With the steps ${ladderWords(plan, traffic)} a good release would take ${durationWords(better.totalMs)} instead of ${durationWords(expected.totalMs)}, at the same tolerated harm.`,
    ];
  }
  const stuck = `A gate cannot pass: ${expected.words}.`;
  if (better.canPass)
    return [
      `${stuck} With the steps ${ladderWords(plan, traffic)} every gate passes, in ${durationWords(better.totalMs)} altogether.`,
    ];
  for (const harm of harms.filter((each) => each > plan.harm)) {
    const coarser = { ...plan, harm };
    const ladder = forecast({ ...coarser, steps: planSteps(coarser, perSecond) }, perSecond);
    if (!ladder.canPass) continue;
    return [
      `${stuck} With harm: ${percentWords(harm).replace(" ", "")} and the steps ${ladderWords(coarser, traffic)} every gate passes, in ${durationWords(ladder.totalMs)} altogether; what does less harm than that would not be ruled out.`,
    ];
  }
  return [
    `${stuck} No harm up to 20% can be ruled out with this traffic: what protects your visitors is how few meet the release before somebody looks, so keep the first steps small and use cohorts and previews.`,
  ];
}

/** What was seen to go otherwise than the plan intends. What to do about several of them is said once, behind the last. */
function surprises(rehearsed: Rehearsed): readonly string[] {
  const byRemedy = Map.groupBy(surprisesOf(rehearsed), ({ remedy }) => remedy);
  return [...byRemedy].map(([remedy, those]) =>
    [...those.map(({ what }) => what), remedy].filter((words) => words !== "").join(" "),
  );
}

interface Surprise {
  readonly what: string;
  /** Empty where there is none. */
  readonly remedy: string;
}

function surprisesOf({ plan, traffic, fates, forecast: expected }: Rehearsed): readonly Surprise[] {
  const found: Surprise[] = [];
  for (const { release, runs, rolledBack, promoted, noticed, held, heldReason } of fates) {
    if (release.isBad && promoted > 0 && promoted >= runs / 10)
      found.push({
        what: `A release that ${release.words} reached everyone in ${promoted} of ${runs} runs.`,
        remedy: remedyOf(plan, noticed > promoted / 2),
      });
    if (!release.isBad && rolledBack > 0)
      found.push({
        what: `A release that ${release.words} was taken back in ${rolledBack} of ${runs} runs, without fault.`,
        remedy: "",
      });
    if (release.name === "good" && held > 0 && expected.canPass)
      found.push({
        what: `A good release waits for a person in ${held} of ${runs} runs (${heldReason}): the gates need more visitors, since a step also ends when nobody new came for ${durationWords(quietMs({ ...plan, newUnitsPerSecond: unitsPerSecond(traffic, plan.evidence) }, null))}.`,
        remedy: "onInconclusive: continue would go on, without a pass.",
      });
  }
  return found;
}

/** What would keep a bad release from everyone. */
function remedyOf(plan: Plan, isNoticed: boolean): string {
  if (isNoticed) return "Slowness was put on record, and no more: rollout.onFail { latency: rollback } would take it back.";
  return plan.onInconclusive === "continue"
    ? "The steps go on without evidence (onInconclusive: continue): with hold a person would be asked."
    : `A smaller harm than ${percentWords(plan.harm)} or a longer bake than ${durationWords(plan.bakeMs)} would catch more of them.`;
}

function ladderWords(plan: Plan, traffic: Traffic): string {
  return planSteps(plan, scoredPerSecond(traffic))
    .map(({ weight }) => percentWords(weight / 10_000))
    .join(", ");
}
