/**
 * The engine that decides in production beside the documented rules of other tools, on the same seeded visitors, and what is
 * promised of it. `npm run bench:verdicts -- --write` writes the page and the plot in docs/; `--runs 3 --scale 0.1` is a quick
 * look, and `--only latency,cost` one part of it.
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { batchAssumptions, batchesBesideLabels, batchFalseAlarms } from "./verdicts/batches.ts";
import type { Bound, Effort } from "./verdicts/bound.ts";
import { arms, type Cell, measureCell, scenarios } from "./verdicts/compare.ts";
import { costPerEvent } from "./verdicts/cost.ts";
import { againstWald, betterCanary, falseRollbackOfErrors, unequalSpeed } from "./verdicts/error-bounds.ts";
import { falsePromotion, falsePromotionClustered, promotionSpeed } from "./verdicts/gate-bounds.ts";
import { delayedKpis } from "./verdicts/kpis.ts";
import { falseSlowness, latencyGate, latencyShift, lateSlowdown } from "./verdicts/latency-bounds.ts";
import { describeBenchmark, describeBounds } from "./verdicts/page.ts";
import { plotHarm } from "./verdicts/plot.ts";
import { deadCanary, falseRollback, goodRelease } from "./verdicts/rollout-bounds.ts";

const parts: Readonly<Record<string, readonly ((effort: Effort) => readonly Bound[])[]>> = {
  errors: [againstWald, falseRollbackOfErrors, unequalSpeed, betterCanary],
  dead: [deadCanary],
  validity: [falseRollback],
  gate: [falsePromotion, falsePromotionClustered, promotionSpeed],
  good: [goodRelease],
  kpis: [delayedKpis],
  batches: [batchesBesideLabels, batchFalseAlarms, batchAssumptions],
  latency: [latencyShift, lateSlowdown, falseSlowness, latencyGate],
  cost: [costPerEvent],
};
const peersPart = "peers";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "20" },
    scale: { type: "string", default: "1" },
    seed: { type: "string", default: "1" },
    only: { type: "string" },
    write: { type: "boolean", default: false },
  },
});
const [runs, scale, seed] = [Number(values.runs), Number(values.scale), Number(values.seed)];
const names = [peersPart, ...Object.keys(parts)];
const only = values.only?.split(",") ?? names;
const unknown = only.filter((name) => !names.includes(name));
if (unknown.length > 0 || (values.write && values.only !== undefined)) {
  console.error(
    unknown.length > 0
      ? `No part is called ${unknown.join(", ")}: ${names.join(", ")}.`
      : "The page is written whole: leave out --only.",
  );
  process.exit(2);
}

const rows = Object.entries(parts).flatMap(([name, part]) => (only.includes(name) ? part : []));
const played = only.includes(peersPart) ? scenarios : [];
const total = played.length * Object.keys(arms).length + rows.length;
let done = 0;
const tell = (what: string): void => {
  done += 1;
  process.stderr.write(`${done} of ${total}: ${what}\n`);
};

const cells: Cell[] = [];
for (const scenario of played) {
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
if (played.length === 0) {
  console.log(describeBounds(measured));
} else {
  const page = describeBenchmark({ cells, bounds: measured, seed, runs });
  console.log(page);
  if (values.write) {
    const docs = new URL("../docs/", import.meta.url);
    writeFileSync(new URL("verdict-benchmark.md", docs), page);
    writeFileSync(new URL("verdict-benchmark.svg", docs), plotHarm(cells));
  }
}
