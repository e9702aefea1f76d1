// Goal: no request means one thing to Belay and another to a service.
// Method: each raw request on a connection of its own; a strict reader of its own stands where the service would.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ask } from "./ask.ts";
import { belay } from "./belay-engine.ts";
import type { RunningEngine } from "./engine.ts";
import { rawRequests } from "./raw-requests.ts";
import { echo, openUpstream, type Upstream } from "./upstream.ts";

let upstream: Upstream;
let engine: RunningEngine;

before(async () => {
  upstream = await openUpstream(echo);
  engine = await belay.start(upstream.port);
});

after(async () => {
  await engine.stop();
  await upstream.close();
});

for (const request of rawRequests) {
  test(`${request.name} ${request.expect === "refused" ? "is refused" : request.mayBeRefused === true ? "is passed on or refused" : "is passed on"}`, async () => {
    const { did, isAsExpected } = await ask(engine, upstream, { request, silenceMs: 2_000 });
    assert.ok(isAsExpected, `${did}\n${JSON.stringify(request.bytes.slice(0, 300))}`);
  });
}
