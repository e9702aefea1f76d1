// Goal: a release whose own counters get bad, while its answers are fine, is taken back by them; a good one goes on; a Prometheus
// that is gone is no verdict.
// Method: Debian's Prometheus finds the instances at Belay's targets, and a service counts payments that nobody sees in its answers.
import assert from "node:assert/strict";
import { test } from "node:test";
import { request } from "undici";
import { missing } from "../../scripts/setup-debian.ts";
import type { RolloutView } from "../../src/control/rollout-view.ts";
import { kill, pidsOf } from "./belay-processes.ts";
import { openScene, type Scene } from "./scene.ts";
import { createSmallService } from "./small-service.ts";
import { startPrometheus } from "./start-prometheus.ts";
import { waitFor } from "./wait.ts";

/** One in `each` payments fails, and the visitor is answered well all the same. */
const serverThatFails = (each: number) => `let payments = 0;
let failed = 0;
require("node:http").createServer((request, response) => {
  if (request.url === "/metrics") {
    response.setHeader("content-type", "text/plain; version=0.0.4");
    response.end("payments_total " + payments + "\\n" + (failed === 0 ? "" : "payments_failed_total " + failed + "\\n"));
    return;
  }
  if (request.url === "/pay") {
    payments += 1;
    if (payments % ${each} === 0) failed += 1;
  }
  response.end("ok");
}).listen(process.env.PORT, process.env.HOST);`;

const manifest = (prometheus: string) => `version: 1
service: shop
run: { command: node server.js, health: / }
environments:
  production: { routes: [{ host: shop.example.com }] }
rollout: { steps: [{ weight: 50%, minHold: 6s }], scoreWindow: 100ms, maxHold: 30s, harm: 20%, bake: 8s, keepWarm: 0 }
sources:
  payments:
    prometheus: ${prometheus}
    bad: payments_failed_total{release="{{release}}"}
    of: payments_total{release="{{release}}"}
    every: 1s
    timeout: 1s
    onFail: rollback
    required: true
`;

/** Payments, about fifty a second, each by a visitor who keeps no cookie. */
function pay(url: string): { stop(): Promise<void> } {
  const stop = new AbortController();
  const paying = Array.from({ length: 5 }, async () => {
    while (!stop.signal.aborted) {
      const { statusCode, body } = await request(`${url}/pay`, { headers: { host: "shop.example.com" } });
      await body.dump();
      assert.equal(statusCode, 200);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  });
  return {
    stop: async () => {
      stop.abort();
      await Promise.all(paying);
    },
  };
}

function untilHeard(scene: Scene): Promise<RolloutView> {
  return scene.waitForRollout("the source is heard", ({ evidence }) => evidence?.sources?.[0]?.state === "heard");
}

test("counters that Prometheus keeps take a release back, let a good one go on, and hold it when they are gone", {
  skip: missing("prometheus"),
}, async (t) => {
  const scene = openScene(t);
  await scene.up(["--metrics", "127.0.0.1:0"]);
  const { metrics = "" } = (await scene.status()).addresses;
  const prometheus = await startPrometheus(t, scene, { metrics, config: "services.yml" });
  const repository = await createSmallService(scene, { name: "shop", server: serverThatFails(20) });
  await repository.commitFile("belay.yml", manifest(prometheus.url));
  await scene.deploy(repository);
  await prometheus.until('count(payments_total{service="shop",environment="production"})', 1);
  const payments = pay(await scene.baseUrl());
  t.after(() => payments.stop());

  await t.test("a release whose payments fail is taken back, though every answer is fine", async () => {
    await repository.commitFile("server.js", serverThatFails(1));
    const bad = await scene.deploy(repository, { code: 3 });
    assert.deepEqual([bad.outcome, bad.by, bad.canaryErrors], ["aborted", "verdict", 0]);
    assert.match(bad.reason, /^by payments, \d+ of \d+ went badly on the canary against \d+ of \d+ on stable/);
    const failed = (await scene.facts(bad.rollout)).find((fact) => fact.kind === "verdict-failed");
    assert.equal(failed?.metric, "source:payments");
    assert.ok((bad.evidence?.sources?.[0]?.batches ?? 0) >= 3);
    const { stdout } = await scene.expectBelay(["explain", bad.rollout]);
    assert.match(stdout, /The source payments was heard: in \d+ batches, \d+ of \d+ went badly on the release/);
  });

  await t.test("a good one goes on, also over a kill of the control plane", async () => {
    await repository.commitFile("server.js", `${serverThatFails(20)} // changed`);
    await scene.expectBelay(["deploy", "--no-follow"], { cwd: repository.folder });
    await untilHeard(scene);
    await kill(pidsOf(scene.place.dataFolder, "control"));
    const good = await scene.waitForRollout("it is promoted", ({ outcome }) => outcome !== null);
    assert.equal(good.outcome, "promoted", good.reason);
    const [source] = good.evidence?.sources ?? [];
    assert.ok(source !== undefined && source.canary.of > 0 && source.stable.of > 0, JSON.stringify(source));
  });

  await t.test("a Prometheus that is gone holds it, with words and without a verdict", async () => {
    await repository.commitFile("server.js", `${serverThatFails(20)} // changed again`);
    await scene.expectBelay(["deploy", "--no-follow"], { cwd: repository.folder });
    await untilHeard(scene);
    await prometheus.kill();
    const words = /the source payments is required and broken: it does not answer: connection refused/;
    await waitFor("status says what is missing", async () => words.test((await scene.expectBelay(["status"])).stdout));
    const held = await scene.waitForRollout("it is held", ({ outcome }) => outcome !== null);
    assert.equal(held.outcome, "held", held.reason);
    assert.match(held.reason, words);
    const kinds = (await scene.facts(held.rollout)).map(({ kind }) => kind);
    assert.deepEqual([kinds.includes("verdict-failed"), kinds.includes("metric-failed")], [false, false]);
    await scene.expectBelay(["abort", "shop", "--reason", "the test is over"]);
  });
});
