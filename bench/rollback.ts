/**
 * A release that answers 500 to everything, at a first step of 5%, with real processes and 40 visitors a second: how long from
 * the verdict's entry until all workers have acknowledged weight 0, and what it cost. `npm run bench:rollback -- --runs 10`
 */
import assert from "node:assert/strict";
import { parseArgs } from "node:util";
import type { Fact } from "../src/rollout/entry.ts";
import { createScene, type ShopScene, setUpShop } from "../test/e2e/scene.ts";
import type { Crowd } from "../test/visitors/visitors.ts";
import { describeSpread } from "./spread.ts";

interface Run {
  /** From the verdict's entry to the entry that every worker serves weight 0; both are on disk by then. */
  readonly acknowledgedMs: number;
  readonly failedRequests: number;
  readonly harmedVisitors: number;
  /** Requests that the canary still had when the verdict was recorded. */
  readonly inFlight: number;
  readonly seconds: number;
}

async function runOnce({ scene, repository }: ShopScene, crowd: Crowd, number: number): Promise<Run> {
  await repository.commitRelease({ name: `broken ${number}`, accent: "#a00", giftNote: true, faults: { share: 1 } });
  await crowd.lap();
  const rollout = await scene.deploy(repository, { code: 3 });
  const report = await crowd.lap();
  assert.equal(rollout.by, "verdict", rollout.reason);
  const entries = await scene.entries(rollout.rollout);
  const wallMsOf = (kind: Fact["kind"]) => {
    const at = entries.findLast(({ fact }) => fact.kind === kind)?.at ?? "";
    return Number(Temporal.Instant.from(at).epochNanoseconds) / 1e6;
  };
  const verdictMs = wallMsOf("verdict-failed");
  const acknowledgedMs = wallMsOf("routing-acknowledged");
  const wall = (monotonicMs: number) => performance.timeOrigin + monotonicMs;
  const late = report.failures.filter(({ startedAtMs }) => wall(startedAtMs) > acknowledgedMs);
  assert.deepEqual(late, [], "no request goes to the canary after the acknowledgement");
  return {
    acknowledgedMs: Math.round((acknowledgedMs - verdictMs) * 10) / 10,
    failedRequests: report.failed,
    harmedVisitors: report.harmedVisitors,
    inFlight: report.failures.filter(
      ({ startedAtMs, endedAtMs }) => wall(startedAtMs) <= verdictMs && verdictMs <= wall(endedAtMs),
    ).length,
    seconds: rollout.seconds,
  };
}

function report(runs: readonly Run[]): void {
  const rows: readonly (readonly [string, keyof Run, string])[] = [
    ["verdict to weight 0 at all workers", "acknowledgedMs", "ms"],
    ["in flight on the canary at the verdict", "inFlight", "requests"],
    ["failed requests in all", "failedRequests", ""],
    ["visitors harmed", "harmedVisitors", ""],
    ["whole rollout, build and start included", "seconds", "s"],
  ];
  for (const [words, field, unit] of rows) {
    const values = runs.map((run) => run[field]);
    console.log(`${words}: ${describeSpread(values, unit)}`);
  }
}

const { values } = parseArgs({ options: { runs: { type: "string", default: "10" } } });
await using scene = createScene();
const shop = await setUpShop(scene, { steps: "[{ weight: 5%, minHold: 2s }]" });
const crowd = await scene.openVisitors({ visitorsPerSecond: 40 });
const runs: Run[] = [];
for (let number = 1; number <= Number(values.runs); number += 1) {
  const run = await runOnce(shop, crowd, number);
  runs.push(run);
  console.log(`run ${number}: ${JSON.stringify(run)}`);
}
await crowd.stop();
report(runs);
