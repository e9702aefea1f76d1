/**
 * Mutated requests through a proxy worker, a million by default: `npm run bench:mutations -- --connections 1000000 --seed 1`.
 * Prints what was passed on and refused, and what each connection cost client, worker and service together. Ends with 1 on a fault.
 */
import { parseArgs } from "node:util";
import { belay } from "../test/conformance/belay-engine.ts";
import { runMutations } from "../test/conformance/mutated-requests.ts";

const { values } = parseArgs({
  options: { connections: { type: "string", default: "1000000" }, seed: { type: "string", default: "1" } },
});
const connections = Number(values.connections);
const seed = Number(values.seed);
const before = process.cpuUsage();
const { passed, refused, faults, connections: done } = await runMutations(belay, { seed, connections });
const { user, system } = process.cpuUsage(before);
const cpuSeconds = (user + system) / 1e6;
console.log(
  `seed ${seed}: ${done} connections, ${passed} requests passed on, ${refused} connections with a refusal, ${faults.length} faults`,
);
console.log(
  `${cpuSeconds.toFixed(1)} s of CPU, ${((cpuSeconds / done) * 1e6).toFixed(0)} µs each; ${(process.memoryUsage().rss / 1e6).toFixed(0)} MB`,
);
for (const fault of faults) console.log(fault);
process.exitCode = faults.length === 0 ? 0 : 1;
