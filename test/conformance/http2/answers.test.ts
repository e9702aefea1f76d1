// Goal: whatever a service says, a client of HTTP/2 sees a whole answer, an error, or a stream that is reset; and never another's answer.
// Method: the upstreams of raw bytes that clients of HTTP/1.1 are asked about as well, over streams of one connection after the other.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { missing } from "../../../scripts/setup-debian.ts";
import { belay } from "../belay-engine.ts";
import type { RunningEngine } from "../engine.ts";
import { hostileUpstreams } from "../hostile-upstreams.ts";
import { echo, openUpstream, type Upstream } from "../upstream.ts";
import { RawConnection, type SeenStream } from "./connection.ts";
import { headers } from "./frames.ts";
import { block } from "./hpack.ts";

const skip = missing("openssl");
const silenceMs = 5_000;
let upstream: Upstream;
let engine: RunningEngine;
let connection: RawConnection;
let stream = -1;

before(async () => {
  upstream = await openUpstream((request) => {
    const number = /^\/hostile\/(\d+)$/.exec(request.start[1])?.[1];
    return number === undefined ? echo(request) : (hostileUpstreams[Number(number)]?.answer ?? null);
  });
  if (skip !== false) return;
  engine = await belay.start(upstream.port, { withTls: true });
  connection = await RawConnection.open(engine.tlsPort);
});

after(async () => {
  if (skip === false) {
    connection.close();
    await engine.stop();
  }
  await upstream.close();
});

for (const [number, { name, method, allowed }] of hostileUpstreams.entries()) {
  test(`an upstream that says ${name}, over HTTP/2`, { skip }, async () => {
    const seen = await ask(method, `/hostile/${number}`);
    const did = JSON.stringify(seen);
    const isGatewayError = seen.reset === null && [502, 503, 504].includes(seen.status);
    const isWhole = allowed.some((one) => typeof one !== "string" && one[0] === seen.status && one[1] === seen.body);
    if (seen.reset !== null) assert.ok(allowed.includes("broken"), did);
    else assert.ok((isWhole && seen.isEnded) || (isGatewayError && allowed.includes("gateway error")), did);
    for (const next of ["/next", "/and-next"]) assert.equal((await ask("GET", next)).body, `GET ${next} 0`);
  });
}

async function ask(method: string, path: string): Promise<SeenStream> {
  stream += 2;
  const id = stream;
  const fields = { ":method": method, ":scheme": "https", ":authority": "shop.test", ":path": path };
  connection.send(headers(id, block(Object.entries(fields))));
  assert.ok(await connection.until(() => connection.isDone(id), silenceMs), "waits");
  return connection.stream(id);
}
