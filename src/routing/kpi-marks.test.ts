import assert from "node:assert/strict";
import { test } from "node:test";
import type { KpiRule } from "./kpi-marks.ts";
import type { RoutingTable } from "./table.ts";
import { WorkerState } from "./worker-state.ts";

const checkout: KpiRule = {
  name: "checkout",
  good: { method: "POST", path: "/orders/*", statusFrom: 200, statusTo: 299 },
  of: { method: "GET", path: "/basket" },
};

function worker(kpis: readonly KpiRule[] = [checkout], weight = 10_000): WorkerState {
  const canary = { release: "new", targets: [{ instance: "i", host: "127.0.0.1", port: 1 }] };
  const table: RoutingTable = {
    epoch: 1,
    services: [
      {
        service: "shop",
        environment: "production",
        routes: [{ host: "shop.test", path: "/", idempotent: true }],
        stable: { ...canary, release: "old" },
        exposure: { rollout: "r", epoch: 1, canary, weight, salt: "s", leaseTtlMs: 10_000 },
        watch: null,
        responseDeadlineMs: 5_000,
        expose: "previews",
        kpis,
      },
    ],
  };
  const state = new WorkerState({ unitOf: (visitor) => visitor });
  state.acceptTable(table, 0);
  return state;
}

function ask(
  state: WorkerState,
  method: string,
  path: string,
  answer: { readonly status: number; readonly isReplayed?: boolean },
): void {
  const choice = state.choose({ host: "shop.test", path, visitor: "v", nowMs: 10 });
  assert.ok(choice !== null);
  const request = state.exchangeStarted(choice, 10, { method, hasIdempotencyKey: false, bodyBytes: 0, path });
  if (answer.isReplayed === true) assert.ok(state.exchangeFailed(request, { hasAnswered: true, nowMs: 11 }) !== null);
  state.headArrived(request, { status: answer.status, kind: "body", nowMs: 12 });
  state.exchangeEnded(request, "complete", 13);
}

function told(state: WorkerState): readonly string[] {
  return state.report(20).records.flatMap(({ kind, kpi }) => (kpi === undefined ? [] : [`${kind} ${kpi}`]));
}

test("a visitor has set out with one route and got there with an answer of the other, each told once", () => {
  const state = worker();
  ask(state, "GET", "/basket", { status: 200 });
  ask(state, "GET", "/orders/7", { status: 200 });
  ask(state, "POST", "/orders/7", { status: 302 });
  ask(state, "POST", "/orders/7/items", { status: 200 });
  ask(state, "POST", "/orders", { status: 200 });
  assert.deepEqual(told(state), ["reached checkout"]);
  ask(state, "POST", "/orders/7", { status: 201 });
  ask(state, "POST", "/orders/8", { status: 201 });
  ask(state, "GET", "/basket", { status: 500 });
  assert.deepEqual(told(state), ["converted checkout"]);
});

test("what stable answered in the canary's place is no success of the canary's", () => {
  const state = worker([{ ...checkout, of: null }], 9_999);
  ask(state, "POST", "/orders/7", { status: 201, isReplayed: true });
  assert.deepEqual(told(state), []);
});

test("a service without KPIs, and visitors whom nothing is compared for, tell nothing", () => {
  for (const state of [worker([]), worker([checkout], 0)]) {
    ask(state, "POST", "/orders/7", { status: 201 });
    assert.deepEqual(told(state), []);
  }
});
