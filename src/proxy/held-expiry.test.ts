// When requests that wait are let go, without a socket: each of them says only what it was told.
import assert from "node:assert/strict";
import { test } from "node:test";
import { FrontCounts } from "../routing/front-counts.ts";
import { type Held, HeldRequests } from "./held-requests.ts";
import { defaultLimits } from "./limits.ts";
import { shop } from "./loopback-world.ts";

function open(names: readonly string[]): {
  readonly held: HeldRequests;
  readonly told: string[];
  readonly requests: readonly Held[];
  readonly counts: FrontCounts;
} {
  const told: string[] = [];
  const counts = new FrontCounts();
  const held = new HeldRequests({ ...defaultLimits, holdMs: 1_000 }, counts);
  const requests = names.map((name) => ({
    service: shop,
    bytes: 10,
    ask: () => void told.push(`${name} asks`),
    expire: () => void told.push(`${name} expired`),
    tableServed: () => {},
  }));
  return { held, told, requests, counts };
}

test("when the time is over all who wait are let go at once, although the one that asks has heard nothing", () => {
  const { held, told, requests, counts } = open(["a", "b", "c"]);
  for (const [at, request] of requests.entries()) assert.ok(held.hold(request, at));
  held.look(100);
  held.look(999);
  assert.deepEqual(told.splice(0), ["a asks"]);
  held.look(1_000);
  assert.deepEqual(told, ["a expired", "b expired", "c expired"]);
  assert.deepEqual(counts.report().holds, [
    { service: "shop", environment: "production", waiting: 0, held: 3, expired: 3, overflowed: 0 },
  ]);
});

test("who comes late waits only for the rest of the time, and not at all after it", () => {
  const { held, told, requests } = open(["first", "late", "too late"]);
  const [first, late, tooLate] = requests as [Held, Held, Held];
  assert.ok(held.hold(first, 0));
  assert.ok(held.hold(late, 990));
  held.look(1_000);
  assert.deepEqual(told, ["first expired", "late expired"]);
  assert.ok(!held.hold(tooLate, 1_001));
});

test("who is let through in time is not let go with those who wait, and what is refused after a quiet time is another outage", () => {
  const { held, told, requests } = open(["first", "second"]);
  const [first, second] = requests as [Held, Held];
  assert.ok(held.hold(first, 0));
  held.leave(first);
  held.reached(shop);
  held.look(1_000);
  assert.deepEqual(told, []);
  assert.ok(held.hold(second, 1_001));
  held.look(2_000);
  assert.deepEqual(told.splice(0), ["second asks"]);
  held.look(2_001);
  assert.deepEqual(told, ["second expired"]);
});
