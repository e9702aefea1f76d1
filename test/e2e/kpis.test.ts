import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { request } from "undici";
import { openScene, type Scene } from "./scene.ts";
import { createRepository, type ShopRepository } from "./shop-repository.ts";

const host = "till.example.com";

/** A shop whose basket leads to the order, and which posts that an order was paid. */
const server = (basket: string) => `const { createServer } = require("node:http");
const { PORT, HOST, BELAY_EVENTS_URL, BELAY_EVENTS_TOKEN } = process.env;
createServer(async (request, response) => {
  if (request.method !== "POST") return response.end(${JSON.stringify(basket)});
  const visitor = request.headers["belay-visitor"];
  if (visitor !== undefined) {
    const posted = await fetch(BELAY_EVENTS_URL, {
      method: "POST",
      headers: { authorization: "Bearer " + BELAY_EVENTS_TOKEN, "content-type": "application/json" },
      body: JSON.stringify({ event: "order-paid", visitor, total: 40 }),
    });
    console.log("posted", posted.status, await posted.text());
  }
  response.statusCode = 201;
  response.end("confirmed");
}).listen(PORT, HOST);
`;

const manifest = (minHold: string) => `version: 1
service: till
run: { command: node server.js, health: / }
environments: { production: { routes: [{ host: ${host} }] } }
kpis:
  checkout:
    user: a shopper with a full basket
    outcome: gets the order confirmed
    good: { route: POST /orders, status: 2xx }
    of: { route: GET /basket, per: visitor }
  paid:
    user: a shopper with a full basket
    outcome: pays for the order
    good: { event: order-paid }
    of: { per: visitor }
rollout:
  steps: [{ weight: 50%, minHold: ${minHold} }]
  harm: 40%
  scoreWindow: 100ms
  bake: 1s
  onInconclusive: hold
`;

// Goal: a release that breaks the checkout is taken back though each of its answers is a 200, and one that does not is promoted.
// Method: shoppers who look at their basket and order if it lets them; the bad release's basket does not. The bad one is held for so
// long that no gate can pass before its KPI has spoken; with nobody ordering, some thirty shoppers on each side are enough.
test("a release that breaks the checkout without an error is taken back by its KPI, and a good one is promoted", async (t) => {
  const scene = openScene(t);
  const repository = await createRepository(`${scene.place.folder}/till`);
  await scene.up();
  await commit(repository, "an order button", "100ms");
  const first = await scene.deploy(repository);
  assert.equal(first.outcome, "promoted", JSON.stringify(first));

  await commit(repository, "no button any more", "60s");
  const bad = await whileShopping(scene, () => scene.deploy(repository, { code: 3 }));
  assert.equal(bad.outcome, "aborted", JSON.stringify(bad));
  const failed = (await scene.facts(bad.rollout)).find((fact) => fact.kind === "verdict-failed");
  assert.ok(failed?.kind === "verdict-failed");
  assert.match(failed.metric, /^kpi:(?:checkout|paid)$/);
  const counts =
    /a shopper with a full basket .* for (\d+) of (\d+) visitors on the canary against (\d+) of (\d+) visitors on stable/;
  const [canaryGood = 0, canaryOf = 0, stableGood = 0, stableOf = 0] = counts.exec(failed.reason)?.slice(1).map(Number) ?? [];
  // While one worker has the canary and the other not yet, a shopper may get a basket of stable and then order on the canary.
  assert.ok(canaryGood / canaryOf < 0.4 && stableGood / stableOf > 0.6, failed.reason);
  assert.equal(failed.evidence.canary.failedRequests, 0, "not one answer was an error");
  const explained = await scene.expectBelay(["explain", bad.rollout]);
  assert.match(
    explained.stdout,
    /a shopper with a full basket gets the order confirmed: [\d.]+% \(\d+ of \d+\) on the release and/,
  );

  await commit(repository, "an order button, in green", "2s");
  const good = await whileShopping(scene, () => scene.deploy(repository));
  assert.equal(good.outcome, "promoted", JSON.stringify(good));
  for (const name of ["kpi:checkout", "kpi:paid"]) {
    const kpi = good.evidence?.metrics.find((metric) => metric.name === name)?.kpi;
    assert.ok((kpi?.canary.good ?? 0) + (kpi?.stable.good ?? 0) > 0, `${name}: ${JSON.stringify(good.evidence)}`);
  }
});

async function commit(repository: Pick<ShopRepository, "commitFile">, basket: string, minHold: string): Promise<void> {
  await repository.commitFile("belay.yml", manifest(minHold));
  await repository.commitFile("server.js", server(basket));
}

/** Four shoppers at a time come, each for the first time, until `work` is done. */
async function whileShopping<Result>(scene: Scene, work: () => Promise<Result>): Promise<Result> {
  const url = await scene.baseUrl();
  const closing = new AbortController();
  const shoppers = [1, 2, 3, 4].map(async () => {
    while (!closing.signal.aborted) {
      await shop(url);
      await sleep(20);
    }
  });
  try {
    return await work();
  } finally {
    closing.abort();
    await Promise.all(shoppers);
  }
}

async function shop(url: string): Promise<void> {
  const basket = await request(`${url}/basket`, { headers: { host } });
  assert.equal(basket.statusCode, 200);
  const cookie = /^[^;]+/.exec(String(basket.headers["set-cookie"]))?.[0] ?? "";
  if (!(await basket.body.text()).includes("order button")) return;
  const order = await request(`${url}/orders`, { method: "POST", headers: { host, cookie, "belay-visitor": "forged" } });
  assert.equal(order.statusCode, 201);
  await order.body.dump();
}
