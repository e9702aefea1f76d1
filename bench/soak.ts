/**
 * Half an hour of production with real processes: visitors all the time, a deploy each minute, every third release bad. Prints what
 * Belay's own processes hold minute by minute, with their garbage collected, and how the last third of the time compares with the
 * second; the first third is for compiled code and caches to settle. `npm run bench:soak -- --minutes 30`
 */
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { findProcesses } from "../test/e2e/belay-processes.ts";
import { countOf, type Descriptors, describeDescriptors, listDescriptors } from "../test/e2e/descriptors.ts";
import { measureHeld } from "../test/e2e/heap.ts";
import { createScene, type Scene, type ShopScene, setUpShop } from "../test/e2e/scene.ts";
import { median } from "./spread.ts";

const minuteMs = 60_000;

interface Sample {
  readonly process: string;
  readonly minute: number;
  readonly heapMegabytes: number;
  readonly residentMegabytes: number;
  readonly descriptors: Descriptors;
}

async function sample(scene: Scene, minute: number): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  for (const { pid, role, name } of findProcesses(scene.place.dataFolder)) {
    if (role === "other" || role === "output") continue;
    // Before the measuring, which stops the process for a while: visitors queue up meanwhile.
    const descriptors = describeDescriptors(pid);
    const { heapBytes, residentBytes } = await measureHeld(pid);
    const sizes = { heapMegabytes: heapBytes / 1e6, residentMegabytes: residentBytes / 1e6, descriptors };
    samples.push({ process: role === "proxy" ? name : role, minute, ...sizes });
  }
  return samples;
}

/** One deploy, good or bad; returns how it ended. */
async function deploy({ scene, repository }: ShopScene, number: number): Promise<string> {
  const isBad = number % 3 === 0;
  const faults = isBad ? { share: 0.5 } : null;
  await repository.commitRelease({ name: `release ${number}`, accent: "#333", giftNote: true, faults });
  const { outcome } = await scene.deploy(repository, { code: isBad ? 3 : 0 });
  return outcome ?? "unfinished";
}

function printGrowth(samples: readonly Sample[]): void {
  const minutes = Math.max(...samples.map(({ minute }) => minute));
  console.log("\n| process | heap MB | resident MB | descriptors | (median of the second third, then of the last) |");
  console.log("| --- | --- | --- | --- | --- |");
  for (const [name, own] of Map.groupBy(samples, ({ process }) => process)) {
    const within = (from: number, to: number) => own.filter(({ minute }) => minute > from * minutes && minute <= to * minutes);
    const cell = (pick: (one: Sample) => number) => {
      const of = (part: readonly Sample[]) => median(part.map(pick)).toFixed(1);
      return `${of(within(1 / 3, 2 / 3))}, ${of(within(2 / 3, 1))}`;
    };
    const cells = [cell(({ heapMegabytes }) => heapMegabytes), cell(({ residentMegabytes }) => residentMegabytes)];
    console.log(`| ${name} | ${cells.join(" | ")} | ${cell(({ descriptors }) => countOf(descriptors))} | |`);
  }
}

const { values } = parseArgs({ options: { minutes: { type: "string", default: "30" } } });
const minutes = Number(values.minutes);
await using scene = createScene();
const shop = await setUpShop(scene, { steps: "[{ weight: 50%, minHold: 2s }]", bake: "2s", keepWarm: "0s", instances: 1 });
const crowd = await scene.openVisitors({ visitorsPerSecond: 20, members: 4 });
const samples: Sample[] = [];
const beganAtMs = performance.now();
const outcomes = new Map<string, number>();
for (let minute = 1; minute <= minutes; minute += 1) {
  const outcome = await deploy(shop, minute);
  outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  await sleep(Math.max(0, beganAtMs + minute * minuteMs - performance.now()));
  const now = await sample(scene, minute);
  samples.push(...now);
  const sizes = now.map(
    ({ process, heapMegabytes, descriptors }) => `${process} ${heapMegabytes.toFixed(1)} MB, ${countOf(descriptors)} fd`,
  );
  console.log(`minute ${minute}, ${outcome}: ${sizes.join("; ")}`);
  for (const { process, descriptors } of now)
    if (process.startsWith("proxy")) console.log(`  ${process}: ${listDescriptors(descriptors)}`);
}
const report = await crowd.stop();
console.log(
  `\n${report.requests} requests of visitors, ${report.failed} failed (bad releases); rollouts: ${JSON.stringify([...outcomes])}`,
);
printGrowth(samples);
