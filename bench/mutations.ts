/**
 * Mutated requests through a proxy worker, a million by default: `npm run bench:mutations -- --connections 1000000 --seed 1`, or over
 * HTTP/2 `npm run bench:mutations -- --http2 1000000`. Prints what was passed on and refused, and what each connection, or request over
 * HTTP/2, cost client, worker and service together. Ends with 1 on a fault.
 */
import { parseArgs } from "node:util";
import { belay } from "../test/conformance/belay-engine.ts";
import { runHttp2Mutations } from "../test/conformance/http2/mutated-requests.ts";
import { runMutations } from "../test/conformance/mutated-requests.ts";

const { values } = parseArgs({
  options: {
    connections: { type: "string", default: "1000000" },
    http2: { type: "string" },
    seed: { type: "string", default: "1" },
  },
});
const seed = Number(values.seed);
const before = process.cpuUsage();
const { passed, refused, faults, done, what } = await run();
const { user, system } = process.cpuUsage(before);
const cpuSeconds = (user + system) / 1e6;
console.log(
  `seed ${seed}: ${done} ${what}, ${passed} requests passed on, ${refused} ${what} with a refusal, ${faults.length} faults`,
);
console.log(
  `${cpuSeconds.toFixed(1)} s of CPU, ${((cpuSeconds / done) * 1e6).toFixed(0)} µs each; ${(process.memoryUsage().rss / 1e6).toFixed(0)} MB`,
);
for (const fault of faults) console.log(fault);
process.exitCode = faults.length === 0 ? 0 : 1;

async function run() {
  if (values.http2 === undefined) {
    const result = await runMutations(belay, { seed, connections: Number(values.connections) });
    return { ...result, done: result.connections, what: "connections" };
  }
  const result = await runHttp2Mutations(belay, { seed, requests: Number(values.http2) });
  return { ...result, done: result.requests, what: "requests over HTTP/2" };
}
