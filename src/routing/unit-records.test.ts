import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServiceRoute } from "./table.ts";
import { type ScoredRequest, UnitRecords } from "./unit-records.ts";
import { WorkerState } from "./worker-state.ts";

const request: ScoredRequest = { rollout: "r", unit: "0", arm: "canary", weight: 500, exposureEpoch: 1, startMs: 0 };

test("one request of a visitor is timed, chosen by the visitor alone: every other's first, every fourth's second", () => {
  const chosen = (digit: number) => {
    const records = new UnitRecords(() => {});
    const unit = digit.toString(16).padStart(16, "0");
    return [0, 1, 2, 3, 4, 5].filter((startMs) => records.started({ ...request, unit, startMs }));
  };
  const all = Array.from({ length: 16 }, (_, digit) => chosen(digit));
  assert.ok(all.every((requests) => requests.length === 1));
  const count = (index: number) => all.filter(([first]) => first === index).length;
  assert.deepEqual([count(0), count(1), count(2), count(3)], [8, 4, 2, 2]);
});

const shop: ServiceRoute = {
  service: "shop",
  environment: "production",
  routes: [{ host: "shop.test", path: "/" }],
  stable: { release: "old", targets: [] },
  exposure: null,
  watch: { rollout: "r", epoch: 1 },
  responseDeadlineMs: 5_000,
  expose: "previews",
};

test("an answer is timed to its head; who gets none is as slow as the deadline, who leaves has waited that long, and a cut is nobody's", () => {
  const state = new WorkerState({ unitOf: (visitor) => visitor });
  state.acceptTable({ epoch: 1, services: [shop] }, 0);
  const tookMs = (visitor: string, end: "complete" | "refused" | "overdue" | "aborted" | "cut", headMs?: number) => {
    const choice = state.choose({ host: "shop.test", path: "/", visitor, nowMs: 10 });
    assert.ok(choice !== null);
    const inFlight = state.exchangeStarted(choice, 10);
    state.requestProgressed(inFlight, 20);
    if (headMs !== undefined) state.headArrived(inFlight, { status: 503, kind: "body", nowMs: headMs });
    state.exchangeEnded(inFlight, end, 70);
    const timed = state.report(80).records.find(({ kind }) => kind === "timed");
    return timed?.tookMs;
  };
  assert.equal(tookMs("a0", "complete", 45), 25);
  assert.equal(tookMs("a1", "refused"), 5_000);
  assert.equal(tookMs("a2", "overdue"), 5_000);
  assert.equal(tookMs("a3", "aborted"), 50);
  assert.equal(tookMs("a4", "cut"), undefined);
});

test("a failure that ends later and had started sooner is told again, and no other", () => {
  const told: (readonly [string, number])[] = [];
  const records = new UnitRecords(({ kind, atMs }) => told.push([kind, atMs]));
  for (const startMs of [50, 60, 20, 50, 20]) records.ended({ ...request, startMs }, "failed");
  assert.deepEqual(
    told.filter(([kind]) => kind === "failed"),
    [
      ["failed", 50],
      ["failed", 20],
    ],
  );
});

test("by request each request is drawn and named anew, whoever sends it, at the weight's share", () => {
  const exposure = {
    rollout: "r",
    epoch: 1,
    canary: { release: "new", targets: [] },
    weight: 2_500,
    salt: "s",
    leaseTtlMs: 9_000,
  };
  const services = [{ ...shop, watch: null, exposure: { ...exposure, unit: "request" as const } }];
  const worker = (boot: string) => {
    const state = new WorkerState({ unitOf: (unit) => unit, boot });
    state.acceptTable({ epoch: 1, services }, 0);
    return Array.from({ length: 4_000 }, () => {
      const choice = state.choose({ host: "shop.test", path: "/", visitor: "the same", nowMs: 10 });
      assert.ok(choice !== null);
      assert.equal(choice.isByRequest, true);
      assert.equal(choice.visitorUnit, "the same", "so that a gate scores one of them");
      const inFlight = state.exchangeStarted(choice, 10);
      assert.ok(inFlight.isTimed, "each is timed: it is its unit's only request");
      return choice;
    });
  };
  const choices = [...worker("one"), ...worker("two")];
  assert.equal(new Set(choices.map(({ unit }) => unit)).size, 8_000);
  const share = choices.filter(({ arm }) => arm === "canary").length / 8_000;
  // The standard error is 0.5 %.
  assert.ok(Math.abs(share - 0.25) < 0.02, `${share}`);
});
