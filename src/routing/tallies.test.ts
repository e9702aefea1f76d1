import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { InFlight } from "./in-flight.ts";
import type { ServiceRoute } from "./table.ts";
import { headBoundsMs, Tallies, type Tally } from "./tallies.ts";
import type { Outcome } from "./wire.ts";

test("requests are counted by outcome and class of status, for each release and side", () => {
  const tallies = new Tallies();
  tallies.judged(request({ status: 200 }), "ok", "ok");
  tallies.judged(request({ status: 204 }), "ok", "ok");
  tallies.judged(request({ status: 503 }), "failed", "failed");
  tallies.judged(request({ status: null }), "excluded", "excluded");
  tallies.judged(request({ status: 200, release: "new", arm: "canary" }), "ok", "ok");
  const [old, fresh] = tallies.takeChanged();
  assert.deepEqual(old?.answers, [
    { outcome: "ok", status: "2xx", isShielded: false, count: 2 },
    { outcome: "failed", status: "5xx", isShielded: false, count: 1 },
    { outcome: "excluded", status: "none", isShielded: false, count: 1 },
  ]);
  assert.deepEqual([fresh?.release, fresh?.arm, fresh?.answers.length], ["new", "canary", 1]);
  assert.deepEqual(tallies.takeChanged(), []);
});

test("a failure that stable's answer covered is shielded, and its time is not the canary's", () => {
  const tallies = new Tallies();
  tallies.judged(request({ status: 200, hasFallenBack: true, arm: "canary" }), "failed", "ok");
  const [tally] = tallies.takeChanged();
  assert.deepEqual(tally?.answers, [{ outcome: "failed", status: "2xx", isShielded: true, count: 1 }]);
  assert.equal(sum(tally), 0);
});

test("the time to the head counts from when the instance had the whole request, and a bound belongs to its bucket", () => {
  const tallies = new Tallies();
  for (const tookMs of [0, 5, 5.1, 30_001]) tallies.judged(request({ waitingSinceMs: 100, headMs: 100 + tookMs }), "ok", "ok");
  const [tally] = tallies.takeChanged();
  assert.deepEqual([tally?.heads[0], tally?.heads[1], tally?.heads.at(-1)], [2, 1, 1]);
  assert.ok(Math.abs((tally?.headsSumMs ?? 0) - 30_011.1) < 1e-6);
});

test("after a reconnect everything is said again, and a release that nobody names is forgotten after an hour", () => {
  const tallies = new Tallies();
  tallies.judged(request({}), "ok", "ok");
  tallies.takeChanged();
  tallies.markAllChanged();
  assert.equal(tallies.takeChanged().length, 1);
  tallies.retain(new Set(["old"]), 0);
  tallies.retain(new Set(), 1_000);
  tallies.retain(new Set(), 3_600_999);
  tallies.markAllChanged();
  assert.equal(tallies.takeChanged().length, 1);
  tallies.retain(new Set(), 3_601_000);
  tallies.markAllChanged();
  assert.deepEqual(tallies.takeChanged(), []);
});

test("property: no count ever falls, and every head lies in one bucket", () => {
  const anyRequest = fc.record({
    tookMs: fc.option(fc.nat(60_000)),
    status: fc.constantFrom(101, 200, 302, 404, 500),
    outcome: fc.constantFrom<Outcome>("ok", "failed", "excluded"),
  });
  fc.assert(
    fc.property(fc.array(anyRequest), (requests) => {
      const tallies = new Tallies();
      let before: Tally | undefined;
      let heads = 0;
      for (const { tookMs, status, outcome } of requests) {
        if (tookMs !== null) heads += 1;
        tallies.judged(request({ headMs: tookMs, status: tookMs === null ? null : status }), outcome, outcome);
        const [now] = tallies.takeChanged();
        assert.equal(sum(now), heads);
        for (const answer of before?.answers ?? []) {
          const same = now?.answers.find((other) => other.outcome === answer.outcome && other.status === answer.status);
          assert.ok((same?.count ?? 0) >= answer.count);
        }
        assert.ok(now?.heads.every((count, at) => count >= (before?.heads[at] ?? 0)));
        before = now;
      }
    }),
  );
});

function sum(tally: Tally | undefined): number {
  assert.equal(tally?.heads.length, headBoundsMs.length + 1);
  return tally.heads.reduce((total, count) => total + count, 0);
}

function request(own: Partial<InFlight> & { readonly release?: string; readonly arm?: "stable" | "canary" }): InFlight {
  const { release = "old", arm = "stable", ...changes } = own;
  const pool = { release, targets: [] };
  const service = { service: "shop", environment: "production" } as ServiceRoute;
  const choice = {
    service,
    route: "",
    rules: {},
    arm,
    pool,
    fallback: null,
    weight: 0,
    rollout: "",
    exposureEpoch: 0,
    unit: null,
    isByRequest: false,
  };
  return {
    choice,
    startMs: 0,
    waitingSinceMs: 0,
    release,
    instance: null,
    kpis: [],
    setsCookie: false,
    headMs: 1,
    status: 200,
    isStream: false,
    hasFallenBack: false,
    shield: null,
    isJudged: true,
    isTimed: true,
    ...changes,
  };
}
