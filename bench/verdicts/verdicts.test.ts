import assert from "node:assert/strict";
import { test } from "node:test";
import type { Ending, Steering } from "../../src/rehearsal/play.ts";
import type { Bound } from "./bound.ts";
import { type Cell, measureCell, scenarios } from "./compare.ts";
import { againstWald, falseRollbackOfErrors } from "./error-bounds.ts";
import { falsePromotion, promotionSpeed } from "./gate-bounds.ts";
import { isHigh } from "./kayenta.ts";
import { delayedKpis } from "./kpis.ts";
import { latencyShift } from "./latency-bounds.ts";
import { describeBenchmark } from "./page.ts";
import { peers } from "./peers.ts";
import { plotHarm } from "./plot.ts";
import { deadCanary } from "./rollout-bounds.ts";

const small = { seed: 1, scale: 0.1 };

/** A stream of a hundred requests a second, each of which fails on the canary with `failShare`, until the rule ends. */
function endOf(name: string, failShare: number): Ending & { readonly seconds: number } {
  const rule: Steering | undefined = peers[name]?.();
  assert.ok(rule !== undefined, name);
  for (let request = 0; ; request += 1) {
    const visitor = { unit: "", draw: (request * 7_919) % 10_000, luck: 0 };
    const asked = {
      visitor,
      number: request,
      page: 0,
      atMs: request * 10,
      luck: 0,
      draw: 0,
      tookMs: 20,
      isRepeatable: false,
      replayLuck: 0,
    };
    const side = rule.sideOf(asked);
    const isFailed = side === "canary" && ((request * 104_729) % 1_000) / 1_000 < failShare;
    rule.ended({ request: asked, side, weight: rule.weight, epoch: rule.epoch, isFailed, tookMs: 20 });
    const nowMs = (request + 1) * 10;
    const end = nowMs % 100 === 0 ? rule.tick({ nowMs, settledUntilMs: nowMs }) : null;
    if (end !== null) return { ...end, seconds: nowMs / 1_000 };
  }
}

test("the peers' rules take as long as their documented order says", () => {
  const seconds: Readonly<Record<string, number>> = {
    "Flagger, code defaults": 120,
    "Flagger, docs sample": 660,
    "Flagger, fastest tick": 20,
    "Argo Rollouts, docs": 1_500,
    "Argo Rollouts, tight": 60,
    "Kayenta, each 10 min": 600,
    "Kayenta, after 60 min": 3_600,
    "CodeDeploy alarm": 60,
    Kamal: 600,
  };
  assert.deepEqual(Object.keys(peers).toSorted(), Object.keys(seconds).toSorted());
  for (const [name, expected] of Object.entries(seconds)) {
    const end = endOf(name, 0.5);
    assert.deepEqual([end.outcome, end.seconds], ["rolled-back", expected], name);
  }
});

test("the peers' rules let a release without a failure through, in the time of their steps", () => {
  const seconds: Readonly<Record<string, number>> = {
    "Flagger, code defaults": 600,
    "Argo Rollouts, docs": 2_400,
    "Argo Rollouts, tight": 900,
    "Kayenta, each 10 min": 3_600,
    "CodeDeploy alarm": 300,
  };
  for (const [name, expected] of Object.entries(seconds)) {
    const end = endOf(name, 0);
    assert.deepEqual([end.outcome, end.seconds], ["promoted", expected], name);
  }
});

test("Kayenta's judge sees a shift of common values and misses rare errors, as its code does", () => {
  const around = (centre: number) => Array.from({ length: 15 }, (_, index) => centre + (index % 5) * 0.1);
  assert.equal(isHigh(around(6), around(0.6)), true);
  assert.equal(isHigh(around(0.6), around(6)), false);
  assert.equal(isHigh(around(1), around(1)), false);
  const rare = Array.from({ length: 60 }, (_, index) => (index % 4 === 0 ? 1 : 0));
  const none = Array.from({ length: 60 }, () => 0);
  assert.equal(isHigh(rare, none), false, "a quarter of the minutes with errors, against none at all");
  assert.equal(isHigh([], none), false, "no data is no verdict here");
});

function cell(arm: string, name: string, runs: number): Cell {
  const scenario = scenarios.find((each) => each.name === name);
  assert.ok(scenario !== undefined);
  return measureCell({ arm, scenario, seed: 1, runs });
}

test("on the same visitors Belay harms a hundredth of what polling does, and takes no good release back", () => {
  const dead = cell("Belay", "dead", 3);
  const polled = cell("Flagger, code defaults", "dead", 3);
  assert.equal(dead.rolledBack, 3);
  assert.ok(dead.excessRequests.p90 <= 6);
  assert.ok(polled.excessRequests.median >= 100 * dead.excessRequests.median);
  assert.equal(cell("Belay, by request", "good", 1).promoted, 1);
});

function assertKept(bounds: readonly Bound[]): void {
  for (const { what, unit, measured, isKept } of bounds) assert.equal(isKept, true, `${what} (${unit}): ${measured}`);
}

test("what is promised of the tests holds in a small version of the benchmark", () => {
  assertKept(againstWald(small));
  assertKept(latencyShift(small));
  assertKept(falseRollbackOfErrors(small));
  assertKept(delayedKpis(small));
  assertKept(falsePromotion(small));
  assertKept(promotionSpeed({ ...small, scale: 0.25 }).slice(1));
  assertKept(deadCanary(small).filter(({ unit, what }) => unit === "request" || what.includes("5%")));
});

test("the page says where a figure falls short, and the plot marks what reached everyone", () => {
  const base = cell("Belay", "dead", 1);
  const missed = { ...base, arm: "Other", promoted: 1, rolledBack: 0, rollbackMs: null };
  const bound: Bound = { what: "a row", unit: "visitor", promised: "x", measured: "y", isKept: false, how: "z" };
  const page = describeBenchmark({ cells: [base, missed], bounds: [bound], seed: 1, runs: 1 });
  assert.match(page, /\| a row \(visitors\) \| x \| y \| \*\*no\*\* \|/);
  assert.match(page, /\| Other \| \*\*missed\*\*/);
  const svg = plotHarm([base, missed]);
  assert.equal(svg.match(/<circle[^>]*fill="white"/g)?.length, 1);
  assert.match(svg, /^<svg .*<\/svg>\n$/s);
});
