import assert from "node:assert/strict";
import { test } from "node:test";
import { plan as short } from "../rollout/rollout.builder.ts";
import type { Plan } from "../rollout/rollout.ts";
import { createBehaviour } from "./behaviour.ts";
import { Engine } from "./engine.ts";
import { type Played, play } from "./play.ts";
import type { Traffic } from "./traffic.ts";

interface Run {
  readonly seed?: number;
  readonly faults?: Parameters<typeof createBehaviour>[1];
  readonly traffic?: Partial<Traffic>;
  readonly plan?: Partial<Plan>;
}

function run({ seed = 1, faults, traffic, plan: changes }: Run): Played {
  const plan = { ...short, ...changes };
  const present = { visitorsPerSecond: 40, requestsPerVisitor: 3, failShare: 0, ...traffic };
  return play({
    traffic: present,
    seed,
    stable: createBehaviour(present),
    canary: createBehaviour(present, faults),
    steering: new Engine(plan),
    deadlineMs: plan.responseDeadlineMs,
    untilMs: 600_000,
  });
}

const seeds = [1, 2, 3, 4, 5, 6, 7, 8];

test("what is shielded harms nobody and counts against the release all the same", () => {
  for (const seed of seeds) {
    const bare = run({ seed, faults: { failShare: 1 } });
    const whole = run({ seed, faults: { failShare: 1 }, traffic: { shieldedShare: 1 } });
    const none = { harmedRequests: 0, harmedVisitors: 0, excessRequests: 0, shieldedRequests: bare.harmedRequests };
    assert.deepEqual(whole, { ...bare, ...none });
  }
});

test("of the requests that only some may be repeated of, the others reach their visitors", () => {
  const faults = { failShare: 0.1 };
  const both = seeds.map((seed) => ({
    bare: run({ seed, faults }),
    half: run({ seed, faults, traffic: { shieldedShare: 0.5 } }),
  }));
  for (const { bare, half } of both) assert.equal(half.harmedRequests + half.shieldedRequests, bare.harmedRequests);
  assert.ok(both.some(({ half }) => half.harmedRequests > 0) && both.some(({ half }) => half.shieldedRequests > 0));
});

test("without a share nobody is shielded", () => {
  const { harmedRequests, shieldedRequests } = run({ faults: { failShare: 1 } });
  assert.ok(harmedRequests > 0);
  assert.equal(shieldedRequests, 0);
});

test("what stable fails as well when it is asked in the canary's place reaches its visitor", () => {
  const { harmedRequests, shieldedRequests } = run({ traffic: { failShare: 1, shieldedShare: 1 } });
  assert.ok(harmedRequests > 50, "more than the budget, and no brake, since stable does no better");
  assert.equal(shieldedRequests, 0);
});

// Goal: a release that no test may take back loses its visitors when the replays are spent, as in production.
// Method: failures are put on record only, so that the budget alone is left to end it.
test("when the budget is spent the proxy brakes, nobody else meets the release, and a person is asked", () => {
  const onFail = { errors: "notify", slo: "notify" } as const;
  const steps = [{ weight: 5_000, minHoldMs: 60_000 }];
  const options = { faults: { failShare: 1 }, plan: { onFail, steps } };
  const end = run({ ...options, traffic: { shieldedShare: 1 } });
  assert.equal(end.outcome, "held");
  assert.match(end.reason, /more requests than stable may answer in its place; going on is for a person/);
  assert.ok(end.shieldedRequests >= 50, String(end.shieldedRequests));
  assert.ok(end.harmedRequests <= 5, String(end.harmedRequests));
  const bare = run(options);
  assert.ok(bare.harmedRequests > 10 * end.canaryRequests, "without it the release goes on failing for the whole step");
});

test("a verdict that is reached while the brake settles wins", () => {
  // Goal: the 2 s of a brake count what is on its way. Method: a step at which so many come at once that the budget is gone before the next look.
  const steps = [{ weight: 9_000, minHoldMs: 2_000 }];
  const burst = { visitorsPerSecond: 2_000, requestsPerVisitor: 1, shieldedShare: 1 };
  const end = run({ faults: { failShare: 1 }, plan: { steps }, traffic: burst });
  assert.equal(end.outcome, "rolled-back");
  assert.ok(end.shieldedRequests >= 50);
});
