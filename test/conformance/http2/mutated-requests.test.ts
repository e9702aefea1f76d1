// Goal: no mutated request over HTTP/2 crashes or hangs a worker, and a service sees none that was not sent, as it was meant.
// Method: 10,000 requests by one seed, up to eight on a connection; `npm run bench:mutations -- --http2 1000000` sends more by any.
import assert from "node:assert/strict";
import { test } from "node:test";
import { missing } from "../../../scripts/setup-debian.ts";
import { belay } from "../belay-engine.ts";
import { runHttp2Mutations } from "./mutated-requests.ts";

const requests = 10_000;
const seed = 20_779;

test(`${requests} mutated requests over HTTP/2`, { timeout: 240_000, skip: missing("openssl") }, async () => {
  const result = await runHttp2Mutations(belay, { seed, requests });
  assert.deepEqual(result.faults, [], `seed ${seed}`);
  assert.ok(result.requests >= requests);
  assert.ok(result.passed > requests / 5 && result.refused > 0 && result.ended > requests / 200, JSON.stringify(result));
});
