// Goal: no mutated request crashes or hangs a worker, and a service sees none that was not sent.
// Method: 100,000 connections by the seed of the day; `npm run bench:mutations` sends a million.
import assert from "node:assert/strict";
import { test } from "node:test";
import { belay } from "./belay-engine.ts";
import { runMutations } from "./mutated-requests.ts";

const connections = 100_000;

test(`${connections} connections with mutated requests`, { timeout: 400_000 }, async (t) => {
  const seed = Math.floor(Date.now() / 86_400_000);
  t.diagnostic(`seed ${seed}`);
  const result = await runMutations(belay, { seed, connections });
  assert.deepEqual(result.faults, [], `seed ${seed}`);
  assert.equal(result.connections, connections);
  assert.ok(result.passed > connections / 10 && result.refused > connections / 10, JSON.stringify(result));
});
