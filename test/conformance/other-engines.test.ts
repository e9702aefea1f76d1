// Goal: the suite belongs to no engine.
// Method: a few of its requests through two that Belay has nothing to do with. What they answer to all: docs/what-proxies-answer.md.
import assert from "node:assert/strict";
import { test } from "node:test";
import { missing } from "../../scripts/setup-debian.ts";
import { ask } from "./ask.ts";
import { askHttp2 } from "./http2/ask.ts";
import { malformedFrames } from "./http2/malformed-frames.ts";
import { malformedRequests } from "./http2/malformed-requests.ts";
import { haproxy, nginx } from "./other-engines.ts";
import { rawRequests } from "./raw-requests.ts";
import { echo, openUpstream } from "./upstream.ts";

const common = [
  "a plain GET",
  "a body by length",
  "a body in chunks",
  "two requests in a row",
  "two lengths",
  "a signed length",
  "two Hosts",
];

const commonOverHttp2 = [
  "a plain GET",
  "cookies in crumbs",
  "a body by length",
  "two :path",
  "a name in capitals",
  "a body shorter than its length",
  "a ping of seven bytes",
  "a head that goes on without having begun",
];

for (const engine of [nginx, haproxy]) {
  test(`${engine.name} can be asked too`, { skip: missing(engine.name.toLowerCase()) || missing("openssl") }, async () => {
    const upstream = await openUpstream(echo);
    const running = await engine.start(upstream.port, { withTls: true });
    const asked = rawRequests.filter(({ name }) => common.includes(name));
    assert.equal(asked.length, common.length);
    for (const request of asked) {
      const { did, isAsExpected } = await ask(running, upstream, { request, silenceMs: 10_000 });
      assert.ok(isAsExpected, `${request.name}: ${did}`);
    }
    const askedOverHttp2 = [...malformedRequests, ...malformedFrames].filter(({ name }) => commonOverHttp2.includes(name));
    assert.equal(askedOverHttp2.length, commonOverHttp2.length);
    for (const asked of askedOverHttp2) {
      const { did, isAsExpected } = await askHttp2(running, upstream, { asked, silenceMs: 10_000 });
      assert.ok(isAsExpected, `${asked.name}: ${did}`);
    }
    await running.stop();
    await upstream.close();
  });
}
