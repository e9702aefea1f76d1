/**
 * The engine that decides in production beside the documented rules of other tools, on the same seeded visitors, and what is
 * promised of it. `npm run bench:verdicts -- --write` writes the page and the plot in docs/; `--runs 3 --scale 0.1` is a quick look.
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { batchAssumptions, batchesBesideLabels, batchFalseAlarms } from "./verdicts/batches.ts";
import * as bounds from "./verdicts/bounds.ts";
import { arms, type Cell, measureCell, scenarios } from "./verdicts/compare.ts";
import { costPerEvent } from "./verdicts/cost.ts";
import { delayedKpis } from "./verdicts/kpis.ts";
import { describeBenchmark } from "./verdicts/page.ts";
import { plotHarm } from "./verdicts/plot.ts";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "20" },
    scale: { type: "string", default: "1" },
    seed: { type: "string", default: "1" },
    write: { type: "boolean", default: false },
  },
});
const [runs, scale, seed] = [Number(values.runs), Number(values.scale), Number(values.seed)];
const rows = [
  bounds.againstWald,
  bounds.deadCanary,
  bounds.falseRollbackOfErrors,
  delayedKpis,
  bounds.falseRollback,
  bounds.falsePromotion,
  bounds.falsePromotionClustered,
  bounds.goodRelease,
  bounds.latencyShift,
  bounds.promotionSpeed,
  batchesBesideLabels,
  batchFalseAlarms,
  batchAssumptions,
  costPerEvent,
];
const total = scenarios.length * Object.keys(arms).length + rows.length;
let done = 0;
const tell = (what: string): void => {
  done += 1;
  process.stderr.write(`${done} of ${total}: ${what}\n`);
};

const cells: Cell[] = [];
for (const scenario of scenarios) {
  for (const arm of Object.keys(arms)) {
    cells.push(measureCell({ arm, scenario, seed, runs }));
    tell(`${arm}, ${scenario.name}`);
  }
}
const measured = rows.flatMap((row) => {
  const found = row({ seed, scale });
  tell(row.name);
  return found;
});
const page = describeBenchmark({ cells, bounds: measured, seed, runs });
console.log(page);
if (values.write) {
  const docs = new URL("../docs/", import.meta.url);
  writeFileSync(new URL("verdict-benchmark.md", docs), page);
  writeFileSync(new URL("verdict-benchmark.svg", docs), plotHarm(cells));
}
