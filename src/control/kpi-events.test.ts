import assert from "node:assert/strict";
import { test } from "node:test";
import { begin } from "../analysis/traffic.fixture.ts";
import type { Kpi } from "../rollout/kpi.ts";
import { plan } from "../rollout/rollout.builder.ts";
import type { UnitRecord } from "../routing/wire.ts";
import type { Deployments } from "./deployments.ts";
import type { EvidenceBook } from "./evidence-book.ts";
import { KpiEvents } from "./kpi-events.ts";
import { RolloutWatch } from "./rollout-watch.ts";

const shop = { environment: "production", service: "shop", sender: "service" } as const;
const paid: Kpi = {
  name: "paid",
  user: "a shopper with a basket",
  outcome: "pays for the order",
  good: { kind: "event", event: "order-paid" },
  of: null,
  valueField: null,
  direction: "up",
  tolerance: 0,
};
const visitor = "shop-1:00112233445566aa";

function eventsOf(kpis: readonly Kpi[]): { readonly events: KpiEvents; readonly absorbed: UnitRecord[] } {
  const absorbed: UnitRecord[] = [];
  const watch = RolloutWatch.begin({ ...plan, kpis }, 0, 0);
  const evidence: Pick<EvidenceBook, "find" | "absorbEvent"> = {
    find: (rollout) => (rollout.endsWith("-1") ? watch : undefined),
    absorbEvent: (record) => void absorbed.push(record),
  };
  const own = { rollout: { id: "shop-1" }, promotion: { id: "shop-0" } };
  const deployments = { find: (_, service) => (service === "shop" ? own : undefined) } as Pick<Deployments, "find">;
  return { events: new KpiEvents({ evidence, deployments }), absorbed };
}

test("an event of a rollout that is watched goes to the evidence of each KPI that names it", () => {
  const { events, absorbed } = eventsOf([
    paid,
    { ...paid, name: "basket", valueField: "total" },
    { ...paid, name: "other", good: { kind: "event", event: "other" } },
  ]);
  assert.deepEqual(events.take(shop, [{ event: "order-paid", visitor, total: 12.5 }], 7), { accepted: 1, refused: [] });
  assert.deepEqual(
    absorbed.map(({ kind, kpi, unit, rollout, value }) => [kind, kpi, unit, rollout, value]),
    [
      ["converted", "paid", "00112233445566aa", "shop-1", undefined],
      ["converted", "basket", "00112233445566aa", "shop-1", 12.5],
    ],
  );
});

test("what is hostile, late or of another service is refused with a reason, counted, and no evidence", () => {
  const { events, absorbed } = eventsOf([{ ...paid, valueField: "total" }]);
  const good = { event: "order-paid", visitor, total: 1 };
  const posted = [
    null,
    [],
    "text",
    { ...good, event: 3 },
    { ...good, visitor: "00112233445566aa" },
    { ...good, visitor: `${visitor}0` },
    { ...good, visitor: "../x:00112233445566aa" },
    { ...good, event: "__proto__" },
    { ...good, total: "12" },
    { ...good, total: Number.NaN },
    { ...good, total: Number.POSITIVE_INFINITY },
    { ...good, total: -1 },
    { ...good, visitor: visitor.replace("-1", "-0") },
    { ...good, visitor: visitor.replace("shop", "blog") },
  ];
  const { accepted, refused } = events.take(shop, posted, 0);
  assert.equal(accepted, 0);
  assert.deepEqual(
    refused.map(({ why }) => why),
    [...Array(7).fill("malformed"), "unknown-event", ...Array(4).fill("no-number"), "too-late", "too-late"],
  );
  assert.deepEqual(events.take({ ...shop, service: "blog" }, [good], 0).refused[0]?.why, "too-late");
  assert.deepEqual(absorbed, []);
  const counted = events.counts().map(({ place, outcome, count }) => [place.service, outcome, count]);
  assert.deepEqual(counted.toSorted(), [
    ["blog", "too-late", 1],
    ["shop", "malformed", 7],
    ["shop", "no-number", 4],
    ["shop", "too-late", 2],
    ["shop", "unknown-event", 1],
  ]);
});

test("what a shadow posts is answered as its release's would be, counted as a shadow's, and no evidence", () => {
  const { events, absorbed } = eventsOf([paid]);
  const shadow = { ...shop, sender: "shadow" } as const;
  const posted = [{ event: "order-paid", visitor }, null];
  assert.deepEqual(events.take(shadow, posted, 0), { accepted: 1, refused: [{ index: 1, why: "malformed" }] });
  assert.equal(events.take(shadow, Array(6_000).fill(posted[0]), 0).accepted, 4_998);
  assert.equal(absorbed.length, 0);
  assert.deepEqual(
    events.counts().map(({ outcome, count }) => [outcome, count]),
    [["shadow", 6_002]],
  );
  assert.equal(events.take(shop, posted, 0).accepted, 1, "a shadow's flood takes nothing from the service");
  assert.equal(absorbed.length, 1);
});

test("a flood is cut off at what a service may post, and it may post again as time passes", () => {
  const { events } = eventsOf([paid]);
  const many = Array.from({ length: 6_000 }, () => ({ event: "order-paid", visitor }));
  assert.equal(events.take(shop, many, 1_000).accepted, 5_000);
  assert.equal(events.take(shop, many, 1_500).accepted, 500);
  assert.equal(events.take(shop, many, 1_400).accepted, 0, "a clock that stands still earns nothing");
});

test("evidence that an event carries counts on the side of its visitor's exposure", () => {
  const evidence = begin({ kpis: [paid] });
  const unit = "00112233445566aa";
  const base = { rollout: "shop-1", unit, weight: 500, exposureEpoch: 1, atMs: 0 } as const;
  evidence.absorb({ ...base, kind: "exposed", arm: "canary" });
  evidence.absorb({ ...base, kind: "converted", arm: "stable", weight: 0, kpi: "paid" });
  const summary = evidence.summary().metrics.find(({ name }) => name === "kpi:paid");
  assert.deepEqual([summary?.kpi?.canary, summary?.kpi?.stable.good], [{ units: 1, good: 1 }, 0]);
});
