import assert from "node:assert/strict";
import { test } from "node:test";
import { bucketOf } from "./assignment.ts";
import type { Exposure, RoutingTable } from "./table.ts";
import { WorkerState } from "./worker-state.ts";

const canaryVisitor = visitorWhere((bucket) => bucket < 5000);
const stableVisitor = visitorWhere((bucket) => bucket >= 9500);
const cohorts = [{ name: "internal", rules: [{ isMember: true, isOpen: false, network: "10.0.0.0/8" }] }];

test("members of a cohort are on the canary at weight 0, nobody else is, and neither is in the comparison", () => {
  const state = stateWith(tableWith(1, { weight: 0, cohorts }));
  const ask = (visitor: string, peerAddress: string) => {
    const traits = { peerAddress, headers: [], target: "/" };
    const choice = state.choose({ host: "shop.test", path: "/", visitor, traits, nowMs: 1 });
    assert.ok(choice !== null);
    state.exchangeEnded(state.exchangeStarted(choice, 1), "refused", 1);
    return choice.pool.release;
  };
  assert.equal(ask(stableVisitor, "10.1.2.3"), "new");
  assert.equal(ask(canaryVisitor, "198.51.100.1"), "old");
  assert.deepEqual(
    state.report(2).records.map(({ kind, arm, weight }) => [kind, arm, weight]),
    [
      ["exposed", "cohort", 0],
      ["failed", "cohort", 0],
      ["exposed", "outside", 0],
      ["failed", "outside", 0],
    ],
  );
  state.acceptTable(tableWith(2, { weight: 5_000, cohorts, epoch: 2 }), 3);
  assert.equal(ask(stableVisitor, "10.1.2.3"), "new", "who is in the cohort stays");
  assert.equal(ask(canaryVisitor, "198.51.100.1"), "new");
  assert.deepEqual(
    state.report(4).records.map(({ kind, arm }) => `${kind} ${arm}`),
    ["exposed canary", "failed canary", "timed canary", "harmed canary"],
    "who was outside is drawn now, and met as such for the first time",
  );
  state.acceptTable(tableWith(3, { weight: 0, epoch: 3 }), 5);
  assert.equal(ask(stableVisitor, "10.1.2.3"), "old");
});

test("a member's request that was not sent yet goes to stable when the cohort is taken off the canary", () => {
  const state = stateWith(tableWith(1, { weight: 0, cohorts }));
  const traits = { peerAddress: "10.0.0.1", headers: [], target: "/" };
  const choice = state.choose({ host: "shop.test", path: "/", visitor: "v", traits, nowMs: 0 });
  assert.ok(choice !== null);
  const request = state.exchangeStarted(choice, 0);
  assert.ok(state.maySend(request, 1));
  state.acceptTable(tableWith(2, { weight: 0, epoch: 2 }), 2);
  assert.ok(!state.maySend(request, 3));
});

test("a preview is in no record, falls back to stable when its instances are gone, and ends with the table that leaves it out", () => {
  const state = new WorkerState({ unitOf: (visitor) => visitor });
  const withPreview = tableWith(1, { weight: 5_000 });
  const [shop] = withPreview.services;
  assert.ok(shop !== undefined);
  const pool = { release: "new", targets: [{ instance: "a", host: "127.0.0.1", port: 1 }] };
  state.acceptTable({ ...withPreview, services: [{ ...shop, previews: [pool] }] }, 0);
  // What a cookie has to be is the desk's business; here it takes any.
  state.previews.poolFor = (service) => service.previews?.[0] ?? null;
  const preview = { cookies: [{ name: "belay_preview.production.shop", value: "x" }], isHttps: false, nowSeconds: 1 };
  const choice = state.choose({ host: "shop.test", path: "/", visitor: stableVisitor, preview, nowMs: 1 });
  assert.equal(choice?.arm, "preview");
  assert.ok(choice !== null);
  const request = state.exchangeStarted(choice, 1);
  assert.ok(state.maySend(request, 1));
  state.exchangeEnded(request, "reset", 2);
  const { records, counters } = state.report(3);
  assert.deepEqual(records, []);
  assert.deepEqual(
    counters.map(({ arm, outcome, isHarm }) => [arm, outcome, isHarm]),
    [["preview", "failed", false]],
  );
  const waiting = state.exchangeStarted(choice, 4);
  state.acceptTable(tableWith(2, null), 5);
  assert.ok(!state.maySend(waiting, 6));
  assert.equal(state.exchangeWithdrawn(waiting).release, "old");
});

test("an answer later than the objective allows is counted as slow, and none where nothing is promised", () => {
  for (const slowAfterMs of [50, undefined]) {
    const state = stateWith({
      epoch: 9,
      services: tableWith(1, { weight: 0 }).services.map((shop) => ({ ...shop, slowAfterMs })),
    });
    for (const tookMs of [49, 51]) {
      const choice = state.choose({ host: "shop.test", path: "/", visitor: stableVisitor, nowMs: 0 });
      assert.ok(choice !== null);
      const request = state.exchangeStarted(choice, 0);
      state.headArrived(request, { status: 200, kind: "body", nowMs: tookMs });
      state.exchangeEnded(request, "complete", tookMs);
    }
    const slow = state.report(100).counters.map(({ isSlow, count }) => [isSlow, count]);
    assert.deepEqual(
      slow,
      slowAfterMs === undefined
        ? [[undefined, 2]]
        : [
            [undefined, 1],
            [true, 1],
          ],
    );
  }
});

function tableWith(epoch: number, exposure: Partial<Exposure> | null): RoutingTable {
  const canary = { release: "new", targets: [{ instance: "a", host: "127.0.0.1", port: 9001 }] };
  const filled = { rollout: "r", epoch, canary, weight: 500, salt: "salt", leaseTtlMs: 10_000, ...exposure };
  const shop = {
    service: "shop",
    environment: "production",
    routes: [{ host: "shop.test", path: "/" }],
    stable: { release: "old", targets: [{ instance: "s", host: "127.0.0.1", port: 9000 }] },
    exposure: exposure === null ? null : filled,
    watch: null,
    responseDeadlineMs: 1000,
    expose: "previews" as const,
  };
  return { epoch, services: [shop] };
}

function stateWith(table: RoutingTable): WorkerState {
  const state = new WorkerState({ unitOf: (visitor) => visitor });
  state.acceptTable(table, 0);
  return state;
}

function visitorWhere(isWanted: (bucket: number) => boolean): string {
  let number = 0;
  while (!isWanted(bucketOf("salt", `visitor ${number}`))) number += 1;
  return `visitor ${number}`;
}
