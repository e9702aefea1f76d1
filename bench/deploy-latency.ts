/**
 * How long from `belay deploy` to the first request that the new release answers, stage by stage, with real processes and 20
 * visitors a second at a first step of 50%. `npm run bench:deploy -- --runs 10`
 */
import { parseArgs } from "node:util";
import { createScene, type ShopScene, setUpShop } from "../test/e2e/scene.ts";
import { waitFor } from "../test/e2e/wait.ts";
import type { Crowd } from "../test/visitors/visitors.ts";
import { describeSpread } from "./spread.ts";

const stages = ["rollout-requested", "release-built", "candidate-ready"] as const;

/** Milliseconds since the command was typed, by stage. */
type Run = Readonly<Record<(typeof stages)[number] | "first canary request", number>>;

async function runOnce({ scene, repository }: ShopScene, crowd: Crowd, number: number): Promise<Run> {
  await repository.commitRelease({ name: `release ${number}`, accent: "#333", giftNote: true, faults: null });
  const stable = (await scene.shopStatus()).stable?.id ?? "";
  await crowd.lap();
  const typedAtMs = performance.now();
  const deploying = scene.deploy(repository, { code: 3 });
  const firstMs = await waitFor("the canary's first answer", () => {
    const canary = Object.entries(crowd.report().byRelease).find(([release]) => release !== "" && release !== stable);
    return canary?.[1].firstStartedAtMs;
  });
  await scene.expectBelay(["abort", "shop"]);
  const { rollout } = await deploying;
  const entries = await scene.entries(rollout);
  const sinceTyped = (stage: (typeof stages)[number]) => {
    const at = entries.find(({ fact }) => fact.kind === stage)?.at ?? "";
    return Temporal.Instant.from(at).epochMilliseconds - (performance.timeOrigin + typedAtMs);
  };
  return {
    "rollout-requested": sinceTyped("rollout-requested"),
    "release-built": sinceTyped("release-built"),
    "candidate-ready": sinceTyped("candidate-ready"),
    "first canary request": firstMs - typedAtMs,
  };
}

const { values } = parseArgs({ options: { runs: { type: "string", default: "10" } } });
await using scene = createScene();
const shop = await setUpShop(scene, { steps: "[{ weight: 50%, minHold: 10m }]" });
const crowd = await scene.openVisitors();
const runs: Run[] = [];
for (let number = 1; number <= Number(values.runs); number += 1) runs.push(await runOnce(shop, crowd, number));
await crowd.stop();
console.log("Since the command was typed:");
for (const stage of [...stages, "first canary request"] as const) {
  console.log(
    `  ${stage.padEnd(22)} ${describeSpread(
      runs.map((run) => run[stage]),
      "ms",
    )}`,
  );
}
const ownMs = runs.map((run) => run["first canary request"] - (run["candidate-ready"] - run["rollout-requested"]));
console.log(`  ${"without build and start".padEnd(22)} ${describeSpread(ownMs, "ms")}`);
