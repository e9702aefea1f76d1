import { durationWords } from "../analysis/words.ts";
import type { RolloutView } from "../api/views.ts";
import { describePercent } from "../manifest/quantities.ts";
import { describeBreakGlass } from "./approval-words.ts";
import { describeKpisBriefly } from "./kpi-words.ts";
import { describeCopies } from "./shadow-words.ts";
import { describeShield } from "./shield-words.ts";
import { countOf, harmless, indent } from "./show-table.ts";
import { describeTime } from "./time-words.ts";

/** A weight of ten-thousandths as people read it. */
export function describeWeight(weight: number): string {
  return describePercent(weight / 10_000);
}

/** A step of a plan as people read it. */
export function describeStep({ weight, cohort, shadow, gate }: RolloutView["plan"]["steps"][number]): string {
  if (gate !== undefined) return "approval";
  if (shadow !== undefined) return `shadow ${describeWeight(shadow)}`;
  return cohort === undefined ? describeWeight(weight) : `cohort ${cohort}`;
}

/** Where the rollout stands, in a few words. */
export function describePhase({
  phase,
  plan,
  staging,
  task,
  supervision,
}: Pick<RolloutView, "phase" | "plan" | "staging" | "task" | "supervision">): string {
  // A control plane from before knows of no approvals.
  const isAwaited = (supervision?.awaiting ?? null) !== null;
  switch (phase.name) {
    case "pending":
      if (isAwaited) return "waits for approval, and nothing of it runs";
      if (staging?.state === "waiting") return `first in ${staging.environment} (${staging.rollout})`;
      if (task === null) return "building and starting the release";
      return task.state === "running" ? `the task ${task.name} runs` : `held: the task ${task.name} was interrupted`;
    case "progressing":
      return `${isAwaited ? "waits for approval at " : ""}step ${phase.step + 1} of ${plan.steps.length}${cohortOf(plan, phase.step)}`;
    case "held":
      return phase.step < plan.steps.length
        ? `held at step ${phase.step + 1} of ${plan.steps.length}${cohortOf(plan, phase.step)}`
        : "held in the bake";
    case "braked":
      return "braked: visitors are back on stable";
    case "paused":
      return "paused at weight 0";
    case "baking":
      return `baking for ${durationWords(plan.bakeMs)}`;
    case "promoting":
      return "routing everyone to the release";
    case "aborting":
      return "routing everyone back to stable";
    default:
      return phase.name;
  }
}

function cohortOf({ steps }: RolloutView["plan"], step: number): string {
  const { cohort, shadow } = steps[step] ?? {};
  if (shadow !== undefined) return ` (shadow ${describeWeight(shadow)})`;
  return cohort === undefined ? "" : ` (cohort ${cohort})`;
}

/** One line for a look in passing. */
export function describeProgress(view: RolloutView): string {
  const parts = [describePhase(view)];
  if (view.weight > 0) parts.push(`${describeWeight(view.weight)} of visitors`);
  if (view.canaryRequests > 0) parts.push(`${countOf(view.canaryRequests, "request")}, ${view.canaryErrors} failed`);
  if (view.evidence !== null && view.evidence.scoredVisitors > 0) {
    parts.push(`${countOf(view.evidence.scoredVisitors, "visitor")} scored, ${view.evidence.failedScoredVisitors} failed`);
  }
  parts.push(...describeKpisBriefly(view.evidence?.metrics ?? []));
  const { cohort } = view.evidence ?? {};
  if (cohort !== undefined && cohort.visitors > 0)
    parts.push(`cohort: ${countOf(cohort.visitors, "visitor")}, ${cohort.failedVisitors} failed`);
  parts.push(...describeCopies(view.evidence?.shadow));
  for (const { name, state, words } of view.evidence?.sources ?? [])
    if (state === "broken" && view.outcome === null) parts.push(`source ${name} is broken: ${firstLine(words)}`);
  const why =
    view.outcome !== "held" && ["pending", "progressing", "baking"].includes(view.phase.name) ? view.verdict : view.reason;
  if (why !== "") parts.push(firstLine(why));
  return parts.join("; ");
}

/** How it ended, who it was for, and what to do now. */
export function describeOutcome(view: RolloutView): string {
  const release = view.release === null ? "" : ` ${view.release}`;
  const by = view.by === null ? "" : ` by ${byWords[view.by]}`;
  const lines = [
    `${view.service}${release} in ${view.environment}: ${view.outcome ?? describePhase(view)}${by} after ${view.seconds.toFixed(1)} s`,
  ];
  if (view.reason !== "") lines.push(indent(harmless(view.reason)));
  lines.push(...[...describeBreakGlass(view), ...describeStaging(view), ...describeTraffic(view)].map((line) => `    ${line}`));
  if (view.lastLines.trim() !== "")
    lines.push("    The last lines of what failed:", indent(harmless(view.lastLines), "      | "));
  if (view.next !== "") lines.push(`    Next: ${view.next}`);
  if (view.phase.name === "refused") lines.push(`    Code: ${view.phase.code}`);
  return lines.join("\n");
}

/** What came of the environment before. */
export function describeStaging({ staging }: Pick<RolloutView, "staging">): readonly string[] {
  if (staging === null) return [];
  const name = `${staging.environment.slice(0, 1).toUpperCase()}${staging.environment.slice(1)}`;
  const when = staging.at === null ? "" : ` at ${describeTime(staging.at)}`;
  const what = staging.checked.length === 0 ? "" : `: ${staging.checked.map(harmless).join(", ")}`;
  return [`${name}: ${staging.state}${when}${what} (${staging.rollout})`];
}

export const byWords: Readonly<Record<NonNullable<RolloutView["by"]>, string>> = {
  verdict: "the evidence",
  person: "a person",
  lease: "the lease",
  health: "health",
  budget: "the end of the replays",
  plan: "plan",
};

/** What users met, and what the evidence rules out. */
export function describeTraffic(view: RolloutView): readonly string[] {
  if (view.canaryRequests === 0) return [];
  const lines = [
    `The release got ${countOf(view.canaryRequests, "request")} of ${countOf(view.unitsCanary, "visitor")}; ${view.canaryErrors} failed.`,
    ...describeHarm(view),
  ];
  const excluded = view.evidence?.excludedHarm ?? 1;
  if (view.outcome === "promoted" && excluded < 1) {
    lines.push(
      `The evidence rules out more than ${describePercent(excluded)} extra failing visitors (tolerated: ${describePercent(view.plan.harm)}).`,
    );
  }
  return lines;
}

/** Which of its failures users met, and why. */
export function describeHarm(view: RolloutView): readonly string[] {
  return [
    `Harmed: ${countOf(view.harmedVisitors, "visitor")}, ${countOf(view.harmed, "request")}. Shielded: ${countOf(view.shielded, "request")}.`,
    ...describeShield(view.evidence?.shield),
  ];
}

function firstLine(text: string): string {
  return harmless(text.split("\n")[0] ?? "");
}
