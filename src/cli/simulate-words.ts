import { countWords, durationWords, percentWords } from "../analysis/words.ts";
import type { Fate, Spread } from "../rehearsal/fate.ts";
import type { Rehearsal } from "../rehearsal/rehearse-plan.ts";
import { describeStep } from "./rollout-words.ts";
import { countOf, indent, showTable } from "./show-table.ts";
import { describeKnownShield, type KnownShield } from "./simulate-shield.ts";

/** Words first, numbers below. */
export function describeRehearsal(options: {
  readonly service: string;
  readonly source: "given" | "measured";
  readonly shield: KnownShield;
  readonly isPlanned: boolean;
  readonly rehearsal: Rehearsal;
}): string {
  const { rehearsal } = options;
  return [
    headline(options),
    goodWords(rehearsal),
    badWords(rehearsal),
    describeKnownShield(options.shield),
    adviceWords(rehearsal),
    showFates(rehearsal),
    footnote(rehearsal),
  ].join("\n\n");
}

function headline({ service, source, isPlanned, rehearsal }: Parameters<typeof describeRehearsal>[0]): string {
  const { plan, traffic } = rehearsal;
  const steps = plan.steps.map(describeStep).join(", ");
  const rate = (value: number): string => String(Number(value.toPrecision(2)));
  const requests = rate(traffic.visitorsPerSecond * traffic.requestsPerVisitor);
  const measured = source === "measured" ? ", as measured in the last minute" : "";
  return [
    `${service}: ${requests} requests a second by ${rate(traffic.visitorsPerSecond)} new visitors a second, ${percentWords(traffic.failShare)} of requests fail on stable${measured}`,
    `    Plan: ${steps}${isPlanned ? " (planned from this traffic)" : ""}, then ${percentWords(plan.holdbackWeight / 10_000)} for a bake of ${durationWords(plan.bakeMs)}; tolerates ${percentWords(plan.harm)} extra failing visitors`,
    ...notPlayedWords(rehearsal),
  ].join("\n");
}

function notPlayedWords({ notPlayed }: Rehearsal): readonly string[] {
  if (notPlayed.length === 0) return [];
  return [`    Not played, so that its time comes on top: ${notPlayed.map(describeStep).join(", ")}`];
}

function goodWords({ fates }: Rehearsal): string {
  const good = fates.find(({ release }) => release.name === "good");
  if (good === undefined) return "";
  const parts: string[] = [];
  if (good.promotionMs !== null) {
    const evidence =
      good.earned === good.promoted ? "" : ` (${good.promoted - good.earned} of them without statistical evidence)`;
    parts.push(
      `A good release reaches everyone in ${durationWords(good.promotionMs.median)}${good.promoted === good.runs ? "" : ` in ${good.promoted} of ${good.runs} runs`}${evidence}.`,
    );
  }
  if (good.held > 0)
    parts.push(`A good release waits for a person in ${good.held} of ${good.runs} runs: its evidence does not suffice in time.`);
  if (good.running > 0)
    parts.push(`A good release was not through when the simulated time ended, in ${good.running} of ${good.runs} runs.`);
  if (good.rolledBack > 0) parts.push(`A good release is taken back in ${good.rolledBack} of ${good.runs} runs.`);
  return parts.join("\n");
}

function badWords({ fates, traffic }: Rehearsal): string {
  const isShielded = traffic.shieldedShare !== undefined;
  return fates
    .filter(({ release }) => release.isBad)
    .map((fate) => `A release that ${fate.release.words}: ${fateWords(fate, isShielded)}.`)
    .join("\n");
}

function fateWords(fate: Fate, isShielded: boolean): string {
  const { runs, rolledBack, rollbackMs, harmedVisitors, shieldedRequests, promoted, noticed, held, running } = fate;
  const share = rolledBack === runs ? "" : ` in ${rolledBack} of ${runs} runs`;
  const parts = rollbackMs === null ? [] : [`taken back after ${durationWords(rollbackMs.median)}${share}`];
  if (promoted > 0) parts.push(`${promoted === runs ? "REACHES EVERYONE" : `reaches everyone in ${promoted} of ${runs}`}`);
  if (noticed > 0) parts.push(`put on record as slower in ${noticed}`);
  if (held > 0) parts.push(`waits for a person in ${held} of ${runs}`);
  if (running > 0) parts.push(`is undecided in ${running} of ${runs}`);
  const shielded = isShielded ? `, ${countOf(shieldedRequests.median, "failure")} shielded` : "";
  return `${parts.join(", ")}; ${countOf(harmedVisitors.median, "visitor")} harmed${shielded}`;
}

function adviceWords({ advice }: Rehearsal): string {
  if (advice.length === 0) return "Nothing to change: the plan fits this traffic.";
  return `What to change:\n${advice.map((each) => indent(`- ${each}`, "  ")).join("\n")}`;
}

function showFates({ fates, traffic }: Rehearsal): string {
  const time = (spread: Spread | null): string =>
    spread === null ? "-" : `${durationWords(spread.median)} / ${durationWords(spread.p90)}`;
  const count = ({ median, p90 }: Spread): string => `${countWords(median)} / ${countWords(p90)}`;
  const rows = fates.map((fate) => [
    fate.release.name,
    `${fate.rolledBack}/${fate.runs}`,
    time(fate.rollbackMs),
    fate.weightAtRollback === null ? "-" : percentWords(fate.weightAtRollback / 10_000),
    count(fate.harmedVisitors),
    count(fate.harmedRequests),
    traffic.shieldedShare === undefined ? "-" : count(fate.shieldedRequests),
    `${fate.promoted}/${fate.runs}`,
    time(fate.promotionMs),
    `${fate.held + fate.running}/${fate.runs}`,
    fate.metrics.join(", ") || "-",
  ]);
  return showTable(
    ["RELEASE", "BACK", "AFTER", "AT", "VISITORS HARMED", "REQUESTS", "SHIELDED", "PROMOTED", "AFTER", "WAITS", "BY"],
    rows,
  );
}

function footnote({ seed, plan, fates, traffic, playedBakeMs, playedVisitorsPerSecond }: Rehearsal): string {
  const runs = fates[0]?.runs ?? 0;
  const lines = [
    `Pairs are median / 90th percentile of ${countOf(runs, "run")} each, seed ${seed}, from the first visitor on the canary (or from the fault's beginning). Builds and starts are not in it.`,
  ];
  if (playedVisitorsPerSecond < traffic.visitorsPerSecond)
    lines.push(
      `Played with ${countWords(playedVisitorsPerSecond)} of your ${countWords(traffic.visitorsPerSecond)} new visitors a second: with all of them nothing takes longer.`,
    );
  if (playedBakeMs < plan.bakeMs)
    lines.push(`Of the bake ${durationWords(playedBakeMs)} are played, and all of it is counted in the time.`);
  return lines.join("\n");
}
