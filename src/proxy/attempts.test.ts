import assert from "node:assert/strict";
import { test } from "node:test";
import type { RoutingTable } from "../routing/table.ts";
import { WorkerState } from "../routing/worker-state.ts";
import { Attempts } from "./attempts.ts";

test("every canary instance is tried, then every one of stable, then nobody is left", () => {
  const { attempts, request } = setUp();
  assert.deepEqual(refuseAll(attempts), ["c1", "c2", "s1", "s2"]);
  assert.equal(request.hasFallenBack, true);
  assert.equal(request.release, "old");
});

test("a request that a new table takes away before it was sent goes to stable without blame", () => {
  const { attempts, request, state } = setUp();
  assert.equal(attempts.next(0)?.instance, "c1");
  assert.equal(attempts.mayStart(0), true);
  state.acceptTable(tableWith(2, false), 1);
  assert.equal(attempts.mayStart(1), false);
  assert.equal(attempts.next(1)?.instance, "s1");
  assert.equal(attempts.mayStart(1), true);
  assert.deepEqual([request.choice.arm, request.choice.unit, request.hasFallenBack], ["stable", null, false]);
});

test("a request that the canary refused before it was taken away counts as its failure", () => {
  const { attempts, request, state } = setUp();
  const first = attempts.next(0);
  assert.ok(first !== null);
  attempts.refused(first, 0);
  state.renewLease(1, 0, 1);
  assert.equal(attempts.next(1)?.instance, "s1");
  assert.deepEqual([request.choice.arm, request.hasFallenBack], ["canary", true]);
});

function refuseAll(attempts: Attempts): readonly string[] {
  const tried: string[] = [];
  for (let target = attempts.next(0); target !== null; target = attempts.next(0)) {
    tried.push(target.instance);
    attempts.refused(target, 0);
  }
  return tried;
}

function setUp() {
  const state = new WorkerState({ unitOf: (visitor) => visitor });
  state.acceptTable(tableWith(1, true), 0);
  const choice = state.choose({ host: "a", path: "/", visitor: "v", nowMs: 0 });
  assert.ok(choice !== null);
  const request = state.exchangeStarted(choice, 0);
  return { state, request, attempts: new Attempts({ state, request, nowMs: 0 }) };
}

function tableWith(epoch: number, isExposed: boolean): RoutingTable {
  const pool = (release: string, instances: readonly string[]) => ({
    release,
    targets: instances.map((instance, index) => ({ instance, host: "127.0.0.1", port: 9000 + index })),
  });
  const exposure = { rollout: "r", epoch: 1, canary: pool("new", ["c1", "c2"]), weight: 10_000, salt: "s", leaseTtlMs: 10_000 };
  const routes = [{ host: "*", path: "/" }];
  const rest = { watch: null, responseDeadlineMs: 1000, expose: "previews" as const };
  return {
    epoch,
    services: [
      {
        service: "shop",
        environment: "production",
        routes,
        stable: pool("old", ["s1", "s2"]),
        exposure: isExposed ? exposure : null,
        ...rest,
      },
    ],
  };
}
