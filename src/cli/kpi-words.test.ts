import assert from "node:assert/strict";
import { test } from "node:test";
import { describeKpi, describeKpisBriefly } from "./kpi-words.ts";

const who = { user: "a shopper", outcome: "pays" };

test("a KPI is told as both sides' shares, with the interval of their difference", () => {
  const kpi = { ...who, canary: { units: 200, good: 10 }, stable: { units: 1_800, good: 180 } };
  assert.equal(
    describeKpi(kpi),
    "  a shopper pays: 5% (10 of 200) on the release and 10% (180 of 1,800) on stable, a difference between -7.7 points and -0.83 points (95%, for one look).",
  );
  assert.deepEqual(describeKpisBriefly([{ name: "errors" }, { name: "kpi:checkout", kpi }]), [
    "checkout: 10 of 200 (stable 180 of 1,800)",
  ]);
});

test("where nobody came yet, and where a KPI has a value, no interval is made up", () => {
  const none = { units: 0, good: 0 };
  assert.equal(
    describeKpi({ ...who, canary: none, stable: none }),
    "  a shopper pays: none came on the release and none came on stable.",
  );
  assert.deepEqual(describeKpisBriefly([{ name: "kpi:checkout", kpi: { ...who, canary: none, stable: none } }]), []);
  const valued = { ...who, canary: { ...none, mean: null }, stable: { units: 9, good: 7, mean: 41.234 } };
  assert.equal(describeKpi(valued), "  a shopper pays: on average none on the release and 41.2 (7) on stable.");
});
