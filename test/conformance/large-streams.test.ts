// Goal: a gigabyte goes through in either direction, over HTTP/1.1 and HTTP/2, and the memory stays level.
// Method: client and service each run in a process of their own and make the bytes as they go; what this process grows by is the worker's.
import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { missing } from "../../scripts/setup-debian.ts";
import { openWorld, tableWith } from "../../src/proxy/loopback-world.ts";

const gigabyte = 1_000_000_000;
/** What buffers, compiled code and garbage that nobody has collected yet may take. */
const growthMax = 150e6;

for (const protocol of ["http1", "http2"] as const) {
  const skip = protocol === "http2" ? missing("openssl") : false;
  test(`a gigabyte up and one down at once, over ${protocol}`, { timeout: 600_000, skip }, async (t) => {
    const world = await openWorld(t, { certificates: protocol === "http2" ? { shop: "shop.test" } : {} });
    const service = start(t, ["service", String(gigabyte)]);
    const [port] = (await once(service, "message")) as [number];
    await world.serve(tableWith(1, [{ instance: "bulk", host: "127.0.0.1", port }]));
    const before = process.memoryUsage().rss;
    let most = before;
    const watching = setInterval(() => {
      most = Math.max(most, process.memoryUsage().rss);
    }, 50);
    const client = start(t, [protocol, String(gigabyte), String(protocol === "http2" ? world.tlsPort : world.port)]);
    const [counted] = (await once(client, "message")) as [{ up: string; down: number }];
    clearInterval(watching);
    assert.deepEqual(counted, { up: String(gigabyte), down: gigabyte });
    t.diagnostic(`${Math.round((most - before) / 1e6)} MB more at most`);
    assert.ok(most - before < growthMax, `${Math.round((most - before) / 1e6)} MB more`);
  });
}

function start(t: TestContext, words: readonly string[]): ChildProcess {
  const child = fork(new URL("./bulk-peer.ts", import.meta.url), words);
  t.after(() => void child.kill("SIGKILL"));
  return child;
}
