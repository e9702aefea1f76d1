/**
 * What visitors notice of a shadow that hangs, sends for ever, or dies with each copy: the 99th percentile of their waits with the
 * copies on, divided by the one with them off, in pairs of runs one right after the other, on real processes at a fixed rate; and the
 * same of one that answers well, to compare with.
 * `npm run bench:shadow -- --pairs 12`
 */
import assert from "node:assert/strict";
import http from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { createScene, type Scene } from "../test/e2e/scene.ts";
import { createRepository } from "../test/e2e/shop-repository.ts";
import { waitFor } from "../test/e2e/wait.ts";
import { describeSpread } from "./spread.ts";

const server = `const { mode } = require("./mode.json");
const { BELAY_SHADOW = "", PORT, HOST } = process.env;
const page = JSON.stringify({ items: Array.from({ length: 40 }, (_, id) => ({ id, name: "item " + id, price: id * 100 })) });
require("node:http").createServer((request, response) => {
  if (BELAY_SHADOW === "" || request.url === "/up" || mode === "well") {
    response.setHeader("content-type", "application/json");
    return setTimeout(() => response.end(page), 5);
  }
  if (mode === "hang") return;
  if (mode === "die") process.exit(1);
  const chunk = Buffer.alloc(65536, "x");
  const flood = () => { while (response.writable && response.write(chunk)); response.once("drain", flood); };
  flood();
}).listen(PORT, HOST);
`;

const manifest = `version: 1
service: page
run: { command: node server.js, health: /up }
environments:
  production: { routes: [{ host: page.example.com, effects: none }] }
rollout:
  steps: [{ shadow: 20%, minHold: 24h }]
  maxHold: 24h
  onFail: { shadow: notify, latency: notify, latencySlo: notify }
`;

const { values } = parseArgs({
  options: {
    pairs: { type: "string", default: "12" },
    seconds: { type: "string", default: "8" },
    rate: { type: "string", default: "150" },
    modes: { type: "string", default: "hang,flood,die,well" },
  },
});
const runMs = Number(values.seconds) * 1_000;
const settleMs = 3_000;
const everyMs = 1_000 / Number(values.rate);
const agent = new http.Agent({ keepAlive: true, maxSockets: 256 });

function ask(port: number): Promise<number> {
  const sentAtMs = performance.now();
  return new Promise((resolve, reject) => {
    const request = http.get({ host: "127.0.0.1", port, agent, headers: { host: "page.example.com" } }, (response) => {
      assert.equal(response.statusCode, 200);
      response.resume();
      response.on("end", () => resolve(performance.now() - sentAtMs));
    });
    request.on("error", reject);
  });
}

/**
 * Waits at a fixed rate whatever comes back, so that a wait makes nobody ask less. The first seconds are left out: a process of
 * the shadow has just been started or ended, and the control plane is busy with it, which is the bench's doing and not the copies'.
 */
async function waits(port: number): Promise<readonly number[]> {
  const beganAtMs = performance.now();
  const asked: Promise<number>[] = [];
  while (performance.now() - beganAtMs < settleMs + runMs) {
    asked.push(ask(port));
    await sleep(Math.max(0, beganAtMs + asked.length * everyMs - performance.now()));
  }
  return (await Promise.all(asked)).slice(Math.round(settleMs / everyMs)).toSorted((a, b) => a - b);
}

function p99(sorted: readonly number[]): number {
  return sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN;
}

async function phase(scene: Scene, isCopying: boolean): Promise<void> {
  await scene.expectBelay([isCopying ? "resume" : "pause", "page"]);
  await waitFor("the shadow is as wanted", async () => {
    const { instances } = await scene.serviceStatus("page");
    const shadows = instances.filter(({ release }) => release.endsWith("-shadow"));
    return isCopying ? shadows.some(({ state, exits }) => state === "ready" || exits > 0) : shadows.length === 0;
  });
}

/** 95% interval of the ratio, from the logarithms of the pairs' ratios, by Student's t. */
function interval(ratios: readonly number[]): { readonly middle: number; readonly low: number; readonly high: number } {
  const logs = ratios.map(Math.log);
  const mean = logs.reduce((sum, value) => sum + value, 0) / logs.length;
  const variance = logs.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (logs.length - 1);
  const t = 1.96 + 2.4 / (logs.length - 1) + 3 / (logs.length - 1) ** 2;
  const half = t * Math.sqrt(variance / logs.length);
  return { middle: Math.exp(mean), low: Math.exp(mean - half), high: Math.exp(mean + half) };
}

await using scene = createScene();
const repository = await createRepository(join(scene.place.folder, "page"));
await repository.commitFile("server.js", server);
await repository.commitFile("belay.yml", manifest);
await repository.commitFile("mode.json", JSON.stringify({ mode: "well" }));
await scene.up();
assert.equal((await scene.deploy(repository)).outcome, "promoted");
const port = Number(new URL(await scene.baseUrl()).port);
await waits(port);
for (const mode of values.modes.split(",")) {
  await repository.commitFile("mode.json", JSON.stringify({ mode }));
  await scene.expectBelay(["deploy", "--no-follow", "--supersede"], { cwd: repository.folder });
  await waitFor("the step of the shadow", async () => (await scene.serviceStatus("page")).rollout?.phase.name === "progressing", {
    deadlineMs: 60_000,
  });
  await phase(scene, false);
  const pairs: { readonly on: number; readonly off: number }[] = [];
  for (let pair = 0; pair < Number(values.pairs); pair += 1) {
    const seen = { on: 0, off: 0 };
    // Which comes first takes turns, so that a machine that gets busier takes no side.
    for (const isCopying of pair % 2 === 0 ? [true, false] : [false, true]) {
      if (isCopying) await phase(scene, true);
      seen[isCopying ? "on" : "off"] = p99(await waits(port));
      if (isCopying) await phase(scene, false);
    }
    pairs.push(seen);
  }
  const { middle, low, high } = interval(pairs.map(({ on, off }) => on / off));
  const { shadow } = (await scene.serviceStatus("page")).rollout?.evidence ?? {};
  console.log(
    `${mode}: p99 on ${describeSpread(
      pairs.map(({ on }) => on),
      "ms",
    )}; off ${describeSpread(
      pairs.map(({ off }) => off),
      "ms",
    )}`,
  );
  console.log(
    `  ratio ${middle.toFixed(3)}, 95% interval ${low.toFixed(3)} to ${high.toFixed(3)} (bound 1.1: ${high < 1.1 ? "held" : "not shown"}); ${shadow?.mirrored} copies made, ${shadow?.dropped} left out`,
  );
  await scene.expectBelay(["abort", "page"]);
}
agent.destroy();
