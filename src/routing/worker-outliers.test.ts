import assert from "node:assert/strict";
import { test } from "node:test";
import { bucketOf } from "./assignment.ts";
import type { Pool, RoutingTable } from "./table.ts";
import { WorkerState } from "./worker-state.ts";

// Goal: an instance that answers 500 while its peers do not is tried last, and the failures of a whole canary stay its own.
test("an outlier of a pool is tried last for a while, and never because of another arm", () => {
  const state = new WorkerState({ unitOf: (visitor) => visitor });
  state.acceptTable(table, 0);
  const serve = (visitor: string, instance: string, status: number, nowMs: number) => {
    const choice = state.choose({ host: "shop.test", path: "/", visitor, nowMs });
    assert.ok(choice !== null);
    const request = state.exchangeStarted(choice, nowMs);
    state.exchangeTried(request, instance);
    state.headArrived(request, { status, kind: "body", nowMs });
    state.exchangeEnded(request, "complete", nowMs);
  };
  for (let nowMs = 0; nowMs < 12; nowMs += 1) {
    serve(
      visitorWhere((bucket) => bucket >= 5000),
      "old-1",
      500,
      nowMs,
    );
    serve(
      visitorWhere((bucket) => bucket >= 5000),
      "old-2",
      200,
      nowMs,
    );
    serve(
      visitorWhere((bucket) => bucket < 5000),
      "new-1",
      500,
      nowMs,
    );
  }
  const firsts = (nowMs: number) => new Set([1, 2, 3].map(() => state.targets(stable, nowMs)[0]?.instance));
  assert.deepEqual([...firsts(20)].sort(), ["old-2", "old-3"]);
  assert.deepEqual(state.targets(stable, 20).at(-1)?.instance, "old-1");
  const ejections = state.report(20).tallies?.map((tally) => [tally.release, tally.ejections]);
  assert.deepEqual(ejections, [
    ["old", 1],
    ["new", 0],
  ]);
  assert.equal(firsts(10_100).size, 3);
});

const stable = poolOf("old", 3);
const table: RoutingTable = {
  epoch: 1,
  services: [
    {
      service: "shop",
      environment: "production",
      routes: [{ host: "shop.test", path: "/" }],
      stable,
      exposure: { rollout: "r", epoch: 1, canary: poolOf("new", 2), weight: 5000, salt: "salt", leaseTtlMs: 10_000 },
      watch: null,
      responseDeadlineMs: 1000,
      expose: "previews",
    },
  ],
};

function poolOf(release: string, size: number): Pool {
  const targets = Array.from({ length: size }, (_, at) => ({
    instance: `${release}-${at + 1}`,
    host: "127.0.0.1",
    port: 9000 + at,
  }));
  return { release, targets };
}

function visitorWhere(isWanted: (bucket: number) => boolean): string {
  let number = 0;
  while (!isWanted(bucketOf("salt", `visitor ${number}`))) number += 1;
  return `visitor ${number}`;
}
