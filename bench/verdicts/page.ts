import { countWords, durationWords } from "../../src/analysis/words.ts";
import type { Spread } from "../../src/rehearsal/fate.ts";
import type { Bound } from "./bound.ts";
import { type Cell, scenarios } from "./compare.ts";

/** The page of the docs, from what was measured. */
export function describeBenchmark(options: {
  readonly cells: readonly Cell[];
  readonly bounds: readonly Bound[];
  readonly seed: number;
  readonly runs: number;
}): string {
  const { cells, bounds, seed, runs } = options;
  return `# How the verdict compares

<!-- Written by \`npm run bench:verdicts -- --write\`. -->

The engine that decides in production and the documented rules of other tools meet the same seeded visitors: 100 requests a second by 33 new
visitors a second, three pages each, up to five seconds of thought between two, 0.1% of requests failing on stable. Seed ${seed}, ${runs} runs
of each; medians. The bench plays each tool's decision and nothing else: metrics arrive without a lag and traffic moves at once, which is kind
to all of them. Real scrape intervals and query windows come on top.

Belay's plan is 1, 5, 25, 50, then 95%, with holds of a minute, a tolerated harm of 0.2%, a bake of a minute, an objective of 99%, and
latency that rolls back (by default it is only put on record). Kayenta judges for one hour, not for its usual three. That somebody notices a 5%
failure after ten minutes (Kamal) is our assumption. Other settings of the same tools give other figures.

## What a bad release costs

Failed requests that stable would not have failed, and how long until the release was taken back. **Missed** means that it reached everyone
in most runs; what it did after that is not counted.

![Failed requests by tool and release](verdict-benchmark.svg)

${harmTable(cells)}

${scenarioWords(true)}

## What a good release meets

The share of good releases taken back, and the time until one reached everyone.

${goodTable(cells)}

${scenarioWords(false)}

## What is promised, and what was measured

Each line for visitors as units (the default) and for \`evidence: request\`, where the two differ. "no" is said where a figure falls short.

${boundTable(bounds)}

Where it falls short, and why:

- **Objectives are counted in visitors**, by what their requests make of them. A fault inside of twice the objective is therefore seen only slowly, and
  a total fault in the bake a little later than it could be: stable has to have had as good a chance to fail.
- **A dead canary at 1% of 500 visitors** has five of them on average, and in 4 of 100 rollouts one or none: then nothing can be decided,
  because no verdict rests on one visitor, whose failures say as much about itself. With two or three it takes until each has come. The promise
  holds where the first share gives the canary five visitors or more.
- **By request a part of the bet is kept for faults that begin late**, which costs a fault that is there from the start some requests.
- **What is lost against the oracles** is the price of not knowing the size of the effect, and for latency of learning stable's answers from
  nothing as the rollout goes (with those known from the start, 1.4 times in place of up to 1.5).
- **The time of a good release** with visitors as units is bound by the number of new visitors: raise the tolerated harm, or have more of them.

How each was measured:

${howList(bounds)}

## Run it yourself

\`\`\`sh
npm run bench:verdicts                      # prints this page
npm run bench:verdicts -- --write           # and writes it, with the plot
npm run bench:verdicts -- --runs 3 --scale 0.1   # a quick look
npm run bench:verdicts -- --only latency,cost    # some parts: peers, errors, dead, validity, gate, good, latency, cost
\`\`\`

It takes half an hour on one core. The same seed gives the same numbers, but for the cost, which depends on the machine.
`;
}

/** The rows alone, for a run of some parts. */
export function describeBounds(bounds: readonly Bound[]): string {
  return `${boundTable(bounds)}\n\n${howList(bounds)}`;
}

function howList(bounds: readonly Bound[]): string {
  return bounds.map(({ what, unit, how }) => `- ${what}${unitWords(unit)}: ${how}.`).join("\n");
}

function harmTable(cells: readonly Cell[]): string {
  return table(cells, true, (cell) => {
    if (cell.promoted > cell.runs / 2) return `**missed** (${countWords(cell.excessRequests.median)})`;
    const after = cell.rollbackMs === null ? "waits" : durationWords(cell.rollbackMs.median);
    const some = cell.rolledBack === cell.runs ? "" : `, ${cell.rolledBack}/${cell.runs}`;
    return `${countWords(cell.excessRequests.median)} in ${after}${some}`;
  });
}

function goodTable(cells: readonly Cell[]): string {
  return table(cells, false, ({ runs, rolledBack, promoted, promotionMs }) => {
    const back = rolledBack === 0 ? "0%" : `**${Math.round((100 * rolledBack) / runs)}%**`;
    const waiting = runs - rolledBack - promoted;
    return `${back}, ${timeWords(promotionMs)}${waiting === 0 ? "" : `, ${waiting}/${runs} wait`}`;
  });
}

function table(cells: readonly Cell[], isBad: boolean, words: (cell: Cell) => string): string {
  const names = scenarios.filter((scenario) => scenario.isBad === isBad).map(({ name }) => name);
  const arms = [...new Set(cells.map(({ arm }) => arm))];
  const rows = arms.map((arm) => {
    const found = names.map((name) => cells.find((cell) => cell.arm === arm && cell.scenario === name));
    return `| ${arm} | ${found.map((cell) => (cell === undefined ? "" : words(cell))).join(" | ")} |`;
  });
  return [`| | ${names.join(" | ")} |`, `| --- | ${names.map(() => "---").join(" | ")} |`, ...rows].join("\n");
}

function timeWords(spread: Spread | null): string {
  return spread === null ? "never" : durationWords(spread.median);
}

function scenarioWords(isBad: boolean): string {
  return scenarios
    .filter((scenario) => scenario.isBad === isBad)
    .map(({ name, words }) => `- ${name}: ${words}`)
    .join("\n");
}

function boundTable(bounds: readonly Bound[]): string {
  const kept = (isKept: boolean | null): string => (isKept === null ? "-" : isKept ? "yes" : "**no**");
  const rows = bounds.map(
    ({ what, unit, promised, measured, isKept }) => `| ${what}${unitWords(unit)} | ${promised} | ${measured} | ${kept(isKept)} |`,
  );
  return ["| quantity | promised | measured | kept |", "| --- | --- | --- | --- |", ...rows].join("\n");
}

function unitWords(unit: Bound["unit"]): string {
  return unit === "both" ? "" : unit === "visitor" ? " (visitors)" : " (requests)";
}
