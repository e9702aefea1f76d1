// Goal: no request over HTTP/2 means one thing to Belay and another to a service, and no frame does more harm than to its own connection.
// Method: each case, byte for byte, on a connection of its own; a strict reader of HTTP/1.1 stands where the service would.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { missing } from "../../../scripts/setup-debian.ts";
import { belay } from "../belay-engine.ts";
import type { RunningEngine } from "../engine.ts";
import { echo, openUpstream, type Upstream } from "../upstream.ts";
import { askHttp2 } from "./ask.ts";
import { malformedFrames } from "./malformed-frames.ts";
import { malformedRequests } from "./malformed-requests.ts";

const skip = missing("openssl");
let upstream: Upstream;
let engine: RunningEngine;

before(async () => {
  upstream = await openUpstream(echo);
  if (skip === false) engine = await belay.start(upstream.port, { withTls: true });
});

after(async () => {
  if (skip === false) await engine.stop();
  await upstream.close();
});

for (const asked of [...malformedRequests, ...malformedFrames]) {
  test(`${asked.name}: ${asked.allowed.join(" or ")}`, { skip }, async () => {
    const { did, isAsExpected } = await askHttp2(engine, upstream, { asked, silenceMs: 5_000 });
    assert.ok(isAsExpected, did);
  });
}
