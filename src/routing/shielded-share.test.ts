import assert from "node:assert/strict";
import { test } from "node:test";
import type { Route } from "../rollout/rollout.ts";
import type { PathCount } from "./path-tree.ts";
import { shieldedShare } from "./shielded-share.ts";

const host = "shop.test";
const routes: readonly Route[] = [
  { host, path: "/" },
  { host, path: "/cart", idempotent: true },
  { host, path: "/pay", idempotent: "key" },
  { host, path: "/live", shield: "off" },
];

function seen(path: string, methods: PathCount["methods"], of = host): PathCount {
  return { host: of, path, methods, cookies: 0 };
}

test("reads and what is declared idempotent are covered; the rest is named by route and method, the most frequent first", () => {
  const { requests, share, unshielded } = shieldedShare(routes, [
    seen("/", { GET: 50, HEAD: 5, OPTIONS: 5 }),
    seen("/orders", { POST: 3 }),
    seen("/orders/*", { POST: 3, DELETE: 1, other: 1 }),
    seen("/cart/items", { POST: 20, PATCH: 4 }),
    seen("/pay", { GET: 1, POST: 4 }),
    seen("/live/**", { GET: 3 }),
  ]);
  assert.equal(requests, 100);
  assert.equal(share, 0.85);
  assert.deepEqual(unshielded, [
    { route: "shop.test/", method: "POST", requests: 6, why: "not-repeatable" },
    { route: "shop.test/pay", method: "POST", requests: 4, why: "key" },
    { route: "shop.test/live", method: "GET", requests: 3, why: "switched-off" },
    { route: "shop.test/", method: "DELETE", requests: 1, why: "not-repeatable" },
    { route: "shop.test/", method: "other", requests: 1, why: "not-repeatable" },
  ]);
});

test("what no route of the manifest covers any more is not counted, and nothing is no share", () => {
  assert.deepEqual(shieldedShare(routes, [seen("/", { GET: 9 }, "old.test")]), { requests: 0, share: 0, unshielded: [] });
});

test("a route of any host covers what a host has no route for", () => {
  const any: Route = { host: "*", path: "/", idempotent: true };
  assert.equal(shieldedShare([{ host, path: "/shop" }, any], [seen("/", { POST: 1 }), seen("/shop", { POST: 1 })]).share, 0.5);
});
