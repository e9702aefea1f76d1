import assert from "node:assert/strict";
import { test } from "node:test";
import type { SeenKpi } from "./check.ts";
import { kpis } from "./kpis.ts";
import { type Given, resultOf, subjectOf, toldOf } from "./subject.fixture.ts";

const about = "user: a shopper with a basket, outcome: gets the order confirmed";
const more = `kpis:
  checkout: { ${about}, good: { route: POST /orders }, of: { route: GET /basket, per: visitor } }
  paid: { ${about}, good: { event: order-paid }, of: { per: visitor } }
`;

/** As the last rollout counted them. */
async function seenOf(
  t: Parameters<typeof resultOf>[0],
  counts: readonly (readonly [number, number])[],
): Promise<readonly SeenKpi[]> {
  const { manifest } = await subjectOf(t, { more });
  return (manifest.plan.kpis ?? []).map((kpi, index) => ({
    kpi,
    setOut: counts[index]?.[0] ?? 0,
    good: counts[index]?.[1] ?? 0,
  }));
}

test("KPIs that were counted are fine, and of new ones it is said that nothing is known", async (t) => {
  const counted = await resultOf(t, kpis, {
    more,
    previous: {
      kpis: await seenOf(t, [
        [20, 9],
        [30, 4],
      ]),
    },
  });
  assert.deepEqual([counted.status, counted.evidence.inspected], ["pass", 2]);
  const fresh = await resultOf(t, kpis, { more });
  assert.deepEqual([fresh.status, fresh.summary], ["pass", "2 KPIs, of 2 there are no figures yet"]);
});

test("a KPI that nobody set out for, and one whose outcome never came, are told with what to look at", async (t) => {
  const told = async (counts: readonly (readonly [number, number])[]) =>
    resultOf(t, kpis, { more, previous: { kpis: await seenOf(t, counts) } });
  const nobody = await told([
    [0, 0],
    [30, 4],
  ]);
  assert.deepEqual([nobody.status, nobody.blocks, ...toldOf(nobody)], ["warn", false, "nobody"]);
  assert.match(nobody.findings[0]?.message ?? "", /nobody asked for GET \/basket$/);
  const never = await told([
    [20, 0],
    [30, 0],
  ]);
  assert.deepEqual(toldOf(never), ["never-good", "never-good"]);
  assert.match(never.findings[0]?.message ?? "", /20 set out, and none of them got an answer of POST \/orders that counts$/);
  assert.match(never.findings[1]?.message ?? "", /30 set out, and its event order-paid was not posted for any of them$/);
});

test("a route that the environment does not bring to the service is told", async (t) => {
  const outside = { more: more.replace("GET /basket", "GET /shop/*/basket") };
  const fine = await resultOf(t, kpis, outside);
  assert.equal(fine.status, "pass");
  const routed: Given = { ...outside, path: "/shop" };
  assert.deepEqual(toldOf(await resultOf(t, kpis, routed)), ["no-route"], "POST /orders is not below /shop");
});

test("production without any is told, elsewhere it is not asked, and a waiver accepts it for a while", async (t) => {
  const bare = await resultOf(t, kpis, {});
  assert.deepEqual([bare.status, bare.blocks, ...toldOf(bare)], ["warn", false, "none"]);
  assert.equal((await resultOf(t, kpis, { environment: "staging" })).status, "skipped");
  const checks = "{ waivers: [{ check: kpis, reason: a tool for us, by: ann, until: 2099-01-01 }] }";
  assert.equal((await resultOf(t, kpis, { checks })).status, "pass");
});
