/**
 * What a request costs: Belay beside Debian's nginx, HAProxy and Caddy, in turns on the same machine, one worker each, at a fixed
 * rate below saturation. `npm run bench:proxy -- --rate 800 --seconds 4 --rounds 5 [--only "small GET"]`.
 * It needs Debian's packages nginx-light, haproxy, caddy and nghttp2-client.
 *
 * The figure to trust is processor time for 100,000 requests, and its ratio to nginx in the same round: load, upstream and proxy share
 * the machine. "All on" is a worker with half of its visitors on a canary, the shield before it, and every request of a new
 * visitor, who is drawn, gets a cookie and is recorded and reported: the most that a request can ask of it. It includes the control
 * plane's side of the link.
 */
import { parseArgs } from "node:util";
import { residentBytes } from "../src/ports/processes.ts";
import { engines, type MeasuredEngine, startUpstream } from "./proxy/engines.ts";
import { type Scenario, scenarios, sendLoad } from "./proxy/load.ts";
import { cpuSeconds } from "./proxy/programs.ts";
import { median } from "./spread.ts";

interface Measured {
  /** Seconds of processor time for 100,000 requests. */
  readonly cpu: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly residentMegabytes: number;
  readonly failed: number;
}

interface Load {
  readonly rate: number;
  readonly seconds: number;
}

async function measure(engine: MeasuredEngine, scenario: Scenario, upstreamPort: number, load: Load): Promise<Measured> {
  const running = await engine.start(upstreamPort);
  try {
    // Compiled code and pools settle.
    await sendLoad(running.ports, scenario, { rate: load.rate, seconds: 2 });
    const before = cpuSeconds(running.pid);
    const { requests, failed, p50Ms, p99Ms } = await sendLoad(running.ports, scenario, load);
    const cpu = ((cpuSeconds(running.pid) - before) / requests) * 100_000;
    return { cpu, p50Ms, p99Ms, residentMegabytes: residentBytes([running.pid]) / 1e6, failed };
  } finally {
    await running.stop();
  }
}

function printTable(scenario: Scenario, rate: number, results: ReadonlyMap<string, readonly Measured[]>): void {
  const base = results.get(engines[0]?.name ?? "") ?? [];
  console.log(`\n**${scenario.name}**, ${rate * scenario.rateShare} requests a second\n`);
  console.log("| | CPU s / 100k | x nginx (least to most) | p50 ms | p99 ms | MB | failed |");
  console.log("| --- | --- | --- | --- | --- | --- | --- |");
  for (const [name, rounds] of results) {
    const of = (pick: (measured: Measured) => number) => median(rounds.map(pick));
    const ratios = rounds.map(({ cpu }, round) => cpu / (base[round]?.cpu ?? Number.NaN));
    const spread = `${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)})`;
    const failed = rounds.reduce((sum, round) => sum + round.failed, 0);
    const cells = [
      of(({ cpu }) => cpu).toFixed(1),
      spread,
      of(({ p50Ms }) => p50Ms).toFixed(2),
      of(({ p99Ms }) => p99Ms).toFixed(2),
    ];
    console.log(
      `| ${name} | ${cells.join(" | ")} | ${of(({ residentMegabytes }) => residentMegabytes).toFixed(0)} | ${failed} |`,
    );
  }
}

const { values } = parseArgs({
  options: {
    rate: { type: "string", default: "800" },
    seconds: { type: "string", default: "4" },
    rounds: { type: "string", default: "5" },
    only: { type: "string" },
  },
});
const load = { rate: Number(values.rate), seconds: Number(values.seconds) };
const upstream = await startUpstream();
try {
  for (const scenario of scenarios.filter(({ name }) => values.only === undefined || name === values.only)) {
    const results = new Map<string, Measured[]>(engines.map(({ name }) => [name, []]));
    for (let round = 0; round < Number(values.rounds); round += 1) {
      // Each round begins with another engine, so that none is always measured first.
      const turn = engines.map((_, index) => engines[(index + round) % engines.length]).filter((engine) => engine !== undefined);
      for (const engine of turn) results.get(engine.name)?.push(await measure(engine, scenario, upstream.ports.plain, load));
    }
    printTable(scenario, load.rate, results);
  }
} finally {
  await upstream.stop();
}
