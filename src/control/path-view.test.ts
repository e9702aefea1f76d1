import assert from "node:assert/strict";
import { test } from "node:test";
import type { PathCount } from "../routing/path-tree.ts";
import { viewPaths } from "./path-view.ts";
import { WorkerNumbers } from "./worker-numbers.ts";

const place = { environment: "production", name: "shop" };

function counted(path: string, methods: PathCount["methods"], cookies = 0): PathCount {
  return { host: "shop.test", path, methods, cookies };
}

function report(
  worker: string,
  paths: readonly PathCount[],
  { service = "shop", environment = "production", boot = "a", forMs = 3_600_000 } = {},
) {
  const tally = { service, environment, forMs, paths };
  return { worker, boot, paths: [tally], newVisitors: [], lostRecords: 0 };
}

const workers = (...boots: readonly string[]) =>
  boots.map((key) => ({ worker: key.split("/")[0] ?? "", boot: key.split("/")[1] ?? "", isConnected: true }));

test("what the workers counted is one sum, and a report takes the place of the one before", () => {
  const numbers = new WorkerNumbers();
  numbers.absorb(report("p-1", [counted("/products", { GET: 4 })]));
  numbers.absorb(report("p-1", [counted("/products", { GET: 6 }, 1), counted("/orders", { POST: 5 })]));
  numbers.absorb(report("p-2", [counted("/products", { GET: 3, HEAD: 1 })], { forMs: 7_200_000 }));
  numbers.absorb(report("p-2", [counted("/other", { GET: 9 })], { service: "blog" }));
  numbers.absorb(report("p-2", [counted("/other", { GET: 9 })], { environment: "staging" }));
  assert.deepEqual(viewPaths(place, numbers.of(workers("p-1/a", "p-2/a"))), {
    service: "shop",
    environment: "production",
    watchedMs: 7_200_000,
    paths: [counted("/products", { GET: 9, HEAD: 1 }, 1), counted("/orders", { POST: 5 })],
  });
});

test("a name that few asked for is shown by no name, however many workers saw it", () => {
  const numbers = new WorkerNumbers();
  numbers.absorb(report("p-1", [counted("/people/smith", { GET: 2 }), counted("/people/all", { GET: 3 })]));
  numbers.absorb(report("p-2", [counted("/people/smith", { POST: 2 }), counted("/people/all", { GET: 2 })]));
  assert.deepEqual(viewPaths(place, numbers.of(workers("p-1/a", "p-2/a"))).paths, [
    counted("/people/all", { GET: 5 }),
    counted("/people/*", { GET: 2, POST: 2 }),
  ]);
});

test("workers from before it was counted, and services without traffic, show nothing", () => {
  const numbers = new WorkerNumbers();
  numbers.absorb({ worker: "p-1", boot: "a", newVisitors: [], lostRecords: 0 });
  const { watchedMs, paths } = viewPaths(place, numbers.of(workers("p-1/a")));
  assert.deepEqual([watchedMs, paths], [0, []]);
});
