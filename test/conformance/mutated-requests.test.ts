// Goal: no mutated request crashes or hangs a worker, and a service sees none that was not sent.
// Method: 100,000 connections by one seed, so that a run can fail by a change alone; `npm run bench:mutations` sends a million by any.
import assert from "node:assert/strict";
import { test } from "node:test";
import { belay } from "./belay-engine.ts";
import { runMutations } from "./mutated-requests.ts";

const connections = 100_000;
const seed = 20_779;

test(`${connections} connections with mutated requests`, { timeout: 800_000 }, async () => {
  const result = await runMutations(belay, { seed, connections });
  assert.deepEqual(result.faults, [], `seed ${seed}`);
  assert.equal(result.connections, connections);
  assert.ok(result.passed > connections / 10 && result.refused > connections / 10, JSON.stringify(result));
});
