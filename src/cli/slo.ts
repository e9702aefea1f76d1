import type { BudgetLeft, SloView } from "../api/views.ts";
import { describePercent } from "../manifest/quantities.ts";
import { type Command, environmentOption, serviceArgument, textOf } from "./command.ts";
import { requireService } from "./own-manifest.ts";
import { countOf, indent, showTable } from "./show-table.ts";

/** From here on `status` has a line about it. */
const lowLeft = 0.25;

export const slo: Command = {
  name: "slo",
  summary: "Show how the objectives of a service stand, how fast their error budget is spent, and what each release cost.",
  arguments: [serviceArgument],
  options: [environmentOption],

  async run(context) {
    const { client, values, isJson, print, printJson } = context;
    const service = requireService(context, "slo");
    const view = await client.slo({ service, environment: textOf(values["environment"]) ?? "production" });
    if (isJson) printJson(view);
    else print(describeSlo(view));
    return undefined;
  },
};

export function describeSlo(view: SloView): string {
  const { service, environment, watchedMs, windowMs, objectives, releases } = view;
  const days = windowMs / 86_400_000;
  const watched =
    watchedMs >= windowMs - 3_600_000 ? "" : `, of which ${describeHours(watchedMs / 3_600_000)} were watched so far`;
  const lines = [`${service} in ${environment}: the last ${days} days${watched}`];
  if (objectives.every(({ requests }) => requests === 0))
    return [...lines, "    No request came in them, so nothing is spent."].join("\n");
  lines.push(...objectives.flatMap((objective) => describeObjective(objective).map((words) => indent(words))));
  lines.push(indent(policyWords(view)), "", ...describeBurn(view));
  if (releases.length > 0) lines.push("", "What each release cost, the latest first:", indent(showReleases(releases)));
  return lines.join("\n");
}

function describeObjective({
  name,
  objective,
  underMs,
  requests,
  bad,
  allowed,
  spent,
  isExhausted,
}: SloView["objectives"][number]) {
  const promise =
    name === "availability"
      ? `${describePercent(objective)} of requests are to be answered well`
      : `${describePercent(objective)} of answers are to begin within ${underMs ?? 0} ms`;
  const good = requests === 0 ? 1 : 1 - bad / requests;
  const verb = name === "availability" ? "failed" : "came later";
  const left = 1 - spent;
  const stand = isExhausted
    ? `the error budget is SPENT: ${percentOf(spent)} of it is used`
    : left < 0
      ? `more than the budget of so few requests, and too few to stop anybody`
      : `${percentOf(left)} of the error budget is left (${countOf(Math.floor(Math.max(0, allowed - bad)), "more request")} may)`;
  return [
    `${promise}:`,
    `    ${percentOf(good, 3)} were; ${bad.toLocaleString("en-US")} of ${countOf(requests, "request")} ${verb}; ${stand}.`,
  ];
}

function policyWords({ onExhausted, service, objectives }: SloView): string {
  const isSpent = objectives.some(({ isExhausted }) => isExhausted);
  if (onExhausted === "warn")
    return `A spent budget stops nobody here (slo.onExhausted: warn)${isSpent ? "; whoever deploys is told" : ""}.`;
  return isSpent
    ? `Until it recovers, a deploy of ${service} waits for a second person's approval, unless it is a fix (--fix "<what>") or of the configuration alone; a rollback never waits.`
    : "Once it is spent, only fixes and rollbacks go out without a second person.";
}

function describeBurn({ burn }: SloView): readonly string[] {
  const rows = burn.map(({ longMinutes, shortMinutes, limit, rate, shortRate, isBurning }) => [
    `${describeMinutes(longMinutes)} and ${describeMinutes(shortMinutes)}`,
    `${rate.toFixed(1)} and ${shortRate.toFixed(1)}`,
    String(limit),
    isBurning ? "burns too fast, and goes on" : "",
  ]);
  return [
    "How fast the budget for availability is spent (1 spends it all in exactly its time):",
    indent(showTable(["OVER THE LAST", "RATE", "TOO FAST ABOVE", ""], rows)),
  ];
}

function showReleases(releases: SloView["releases"]): string {
  return showTable(
    ["RELEASE", "SEEN", "REQUESTS", "FAILED", "WHILE TRIED", "SHIELDED", "SLOW", "OF THE BUDGET"],
    releases.map(({ release, requests, failed, harmed, shielded, slow, spent, firstHoursAgo, lastHoursAgo }) => [
      release === "" ? "(others)" : release,
      seenWords(firstHoursAgo, lastHoursAgo),
      ...[requests, failed, harmed, shielded, slow].map((count) => count.toLocaleString("en-US")),
      percentOf(spent),
    ]),
  );
}

/** One line for `status`; nothing while there is enough. */
export function describeLowBudget(service: string, budget: BudgetLeft | undefined): string | null {
  if (budget === undefined) return null;
  const { left, isExhausted, windowMs, objective } = budget;
  const days = `of ${windowMs / 86_400_000} days for ${objective}`;
  if (isExhausted)
    return `${service}: the error budget ${days} is spent (${percentOf(1 - left)}). Next: \`belay slo ${service}\` shows by what.`;
  if (left >= lowLeft || left < 0) return null;
  return `${service}: ${percentOf(left)} of the error budget ${days} is left. Next: \`belay slo ${service}\` shows what spent it.`;
}

function seenWords(first: number, last: number): string {
  const until = last === 0 ? "now" : `${describeHours(last)} ago`;
  return first === last ? until : `${describeHours(first)} ago to ${until}`;
}

function describeHours(hours: number): string {
  if (hours < 1) return "less than 1 h";
  return hours < 48 ? `${Math.floor(hours)} h` : `${Math.floor(hours / 24)} d`;
}

function describeMinutes(minutes: number): string {
  return minutes < 60 ? `${minutes} min` : `${minutes / 60} h`;
}

/** Rounded towards 0, so that 99.9 % is never shown of less. */
function percentOf(share: number, digits = 0): string {
  const power = 10 ** digits;
  return `${Math.trunc(share * 100 * power + 1e-6) / power}%`;
}
