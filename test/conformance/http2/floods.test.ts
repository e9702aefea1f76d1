// Goal: nobody keeps a worker from its other clients, or has it work and remember without end, by bytes that cost their sender nothing.
// Method: each flood by a process of its own, until its connection has been ended where that must be, and else for two seconds, in which one
// other client goes on asking. What this process has worked and grown by is the worker's, that client's and the service's.
import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { missing } from "../../../scripts/setup-debian.ts";
import { belay } from "../belay-engine.ts";
import type { RunningEngine } from "../engine.ts";
import { echo, openUpstream, type Upstream } from "../upstream.ts";
import { RawConnection } from "./connection.ts";
import type { Flooded } from "./flooder.ts";
import { floods } from "./floods.ts";
import { headers } from "./frames.ts";
import { block } from "./hpack.ts";

const skip = missing("openssl");
/** How long one is borne that need not be ended, and how long one may last that must. */
const borneMs = 2_000;
const endedMsMax = 30_000;
const answersMin = 10;
const answersPauseMs = 20;
const answerMsMax = 15_000;
/** A hundred answers of 3 MB wait to be read, and heads of any size to end. */
const growthMax = 150e6;
/** Several times what was measured, to receive, to decrypt and to read it. */
const cpuMsPerMegabyteMax = 100;
const cpuMsPerAnswerMax = 10;
/** What compiles and settles at first, and what is dropped on the way when a connection ends. */
const cpuMsAtOnceMax = 2_000;
/** Requests of streams that are over before anybody could answer them. */
const passedMax = 1_500;

const large = Buffer.concat([Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n"), Buffer.alloc(3_000_000, "a")]);
let upstream: Upstream;
let engine: RunningEngine;

before(async () => {
  upstream = await openUpstream((request, socket) => {
    const [, target] = request.start;
    if (target === "/large") socket.write(large);
    return target === "/large" || target === "/never" ? null : echo(request);
  });
  if (skip === false) engine = await belay.start(upstream.port, { withTls: true });
});

after(async () => {
  if (skip === false) await engine.stop();
  await upstream.close();
});

for (const { name, isEnded: mustEnd } of floods) {
  test(`${name}: ${mustEnd ? "the connection is ended, and " : ""}others are served`, { skip, timeout: 120_000 }, async (t) => {
    upstream.seen.length = 0;
    const good = await RawConnection.open(engine.tlsPort);
    const rss = process.memoryUsage().rss;
    const flooder = fork(new URL("./flooder.ts", import.meta.url), [name, String(engine.tlsPort)]);
    t.after(() => void flooder.kill("SIGKILL"));
    await once(flooder, "message");
    const [beganMs, cpu] = [performance.now(), process.cpuUsage()];
    let flooded: Flooded | null = null;
    const told = once(flooder, "message").then(([said]) => {
      flooded = said as Flooded;
    });
    let [answers, growth] = [0, 0];
    const isEnough = () => flooded !== null || performance.now() - beganMs > (mustEnd ? endedMsMax : borneMs);
    for (; answers < answersMin || !isEnough(); answers += 1) {
      await askOn(good, 2 * answers + 1);
      growth = Math.max(growth, process.memoryUsage().rss - rss);
      await new Promise((resolve) => setTimeout(resolve, answersPauseMs));
    }
    if (flooded === null) flooder.send("stop");
    await told;
    const { user, system } = process.cpuUsage(cpu);
    const { bytes, isEnded } = flooded ?? { bytes: 0, isEnded: false };
    const [cpuMs, megabytes] = [(user + system) / 1_000, bytes / 1e6];
    t.diagnostic(
      `${megabytes.toFixed(1)} MB sent, ${cpuMs.toFixed(0)} ms of CPU, ${(growth / 1e6).toFixed(0)} MB more, ${answers} answers to others`,
    );
    assert.equal(isEnded, mustEnd);
    assert.ok(growth < growthMax, `${growth / 1e6} MB more`);
    assert.ok(cpuMs < cpuMsAtOnceMax + cpuMsPerAnswerMax * answers + cpuMsPerMegabyteMax * megabytes, `${cpuMs} ms of CPU`);
    assert.deepEqual(upstream.malformed, []);
    const passed = upstream.seen.filter(({ start }) => start[1] === "/never").length;
    assert.ok(passed < passedMax, `${passed} requests passed on`);
    good.close();
  });
}

async function askOn(good: RawConnection, id: number): Promise<void> {
  const fields = { ":method": "GET", ":scheme": "https", ":authority": "shop.test", ":path": `/good/${id}` };
  good.send(headers(id, block(Object.entries(fields))));
  await good.until(() => good.isDone(id), answerMsMax);
  assert.deepEqual([good.stream(id).status, good.stream(id).body], [200, `GET /good/${id} 0`]);
}
