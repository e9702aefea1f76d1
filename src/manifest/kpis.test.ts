import assert from "node:assert/strict";
import { test } from "node:test";
import { parseManifest } from "./parse-manifest.ts";

const head = `version: 1
service: shop
run: { command: node server.js }
environments: { production: { routes: [{ host: shop.example.com }] } }
`;

function problemsOf(kpi: string): readonly string[] {
  const parsed = parseManifest(`${head}kpis:\n  checkout: ${kpi}\n`, "belay.yml");
  return parsed.ok ? [] : parsed.problems.map(({ line, path, message, fix }) => `${line} ${path}: ${message}. ${fix}`);
}

const who = "user: a shopper with a full basket, outcome: gets the order confirmed";

test("a KPI by routes, one by an event and one with a value are read with their defaults", () => {
  const parsed = parseManifest(
    `${head}kpis:
  checkout:
    user: a shopper with a full basket
    outcome: gets the order confirmed
    good: { route: POST /orders/*, status: 2xx }
    of: { route: GET /basket, per: visitor }
    direction: up
    tolerance: 2%
  paid: { ${who}, good: { event: order-paid }, of: { per: visitor }, onFail: hold }
  basket: { ${who}, good: { event: order-paid }, of: { per: visitor }, value: total }
rollout: { onFail: { latency: rollback } }
`,
    "belay.yml",
  );
  assert.ok(parsed.ok);
  const { kpis = [], onFail } = parsed.manifest.plan;
  assert.deepEqual(kpis[0], {
    name: "checkout",
    user: "a shopper with a full basket",
    outcome: "gets the order confirmed",
    good: { kind: "route", route: { method: "POST", path: "/orders/*" }, statusFrom: 200, statusTo: 299 },
    of: { method: "GET", path: "/basket" },
    valueField: null,
    direction: "up",
    tolerance: 0.02,
  });
  assert.deepEqual(kpis[1]?.good, { kind: "event", event: "order-paid" });
  assert.deepEqual([kpis[1]?.of, kpis[2]?.valueField], [null, "total"]);
  assert.deepEqual(onFail, { latency: "rollback", "kpi:paid": "hold" });
});

test("a raw count is refused as a KPI, with what to write instead", () => {
  assert.deepEqual(problemsOf(`{ ${who}, good: { route: POST /orders } }`), [
    "6 kpis.checkout: is a raw count: it rises with traffic and says nothing of how users fare. Make it a ratio: say out of whom, with of: { route: GET /basket, per: visitor }, or of: { per: visitor } for everybody.",
  ]);
});

test("what names no user or outcome, or contradicts itself, is refused", () => {
  const of = "of: { per: visitor }";
  for (const [kpi, expected] of [
    [`{ outcome: gets it done, good: { event: a }, ${of} }`, /kpis\.checkout.*user/],
    [`{ user: visits, outcome: gets it done, good: { event: a }, ${of} }`, /kpis\.checkout\.user/],
    [`{ ${who}, good: {}, ${of} }`, /nothing says what is good/],
    [`{ ${who}, good: { event: a, route: GET /a }, ${of} }`, /a route and an event at once/],
    [`{ ${who}, good: { event: a, status: 2xx }, ${of} }`, /an event has no status/],
    [`{ ${who}, good: { route: POST /a }, value: total, ${of} }`, /carries no value/],
    [`{ ${who}, good: { route: GET /a }, of: { route: GET /a, per: visitor } }`, /that is availability/],
    [`{ ${who}, good: { route: orders }, ${of} }`, /kpis\.checkout\.good\.route/],
    [`{ ${who}, good: { event: a }, ${of}, tolerance: 80% }`, /outside of 0% to 50%/],
  ] as const) {
    const problems = problemsOf(kpi);
    assert.equal(problems.length, 1, `${kpi}\n${problems.join("\n")}`);
    assert.match(problems[0] ?? "", expected);
  }
});
