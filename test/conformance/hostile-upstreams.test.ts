// Goal: whatever a service says, a client sees a whole answer, an error, or visibly half an answer; and never another request's.
// Method: an upstream of raw bytes; after each, plain requests over the connections that may have been kept.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { belay } from "./belay-engine.ts";
import { talk } from "./client.ts";
import type { RunningEngine } from "./engine.ts";
import { hostileUpstreams } from "./hostile-upstreams.ts";
import { seeAnswer } from "./see-answer.ts";
import { echo, openUpstream, type Upstream } from "./upstream.ts";

let upstream: Upstream;
let engine: RunningEngine;

before(async () => {
  upstream = await openUpstream((request) => {
    const [, target] = request.start;
    const number = /^\/hostile\/(\d+)$/.exec(target)?.[1];
    return number === undefined ? echo(request) : (hostileUpstreams[Number(number)]?.answer ?? null);
  });
  engine = await belay.start(upstream.port);
});

after(async () => {
  await engine.stop();
  await upstream.close();
});

for (const [number, hostile] of hostileUpstreams.entries()) {
  test(`an upstream that says ${hostile.name}`, async () => {
    const { did, isAllowed } = await seeAnswer(engine, hostile, { path: `/hostile/${number}`, silenceMs: 3_000 });
    assert.ok(isAllowed, did);
    for (const next of ["/next", "/and-next"]) {
      const { bytes } = await talk({
        port: engine.port,
        pieces: [`GET ${next} HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n`],
        silenceMs: 3_000,
      });
      assert.match(bytes, new RegExp(`^HTTP/1.1 200 OK[^]*\r\n\r\nGET ${next} 0$`));
    }
  });
}
