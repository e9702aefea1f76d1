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
  readonly engine?: Engine;
}

function run({ seed = 1, faults, traffic, plan: changes, engine }: Run): Played {
  const plan = { ...short, ...changes };
  const present = { visitorsPerSecond: 40, requestsPerVisitor: 3, failShare: 0, ...traffic };
  return play({
    traffic: present,
    seed,
    stable: createBehaviour(present),
    canary: createBehaviour(present, faults),
    steering: engine ?? new Engine(plan),
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
  const { harmedRequests, shieldedRequests, reason } = run({ traffic: { failShare: 1, shieldedShare: 1 } });
  assert.ok(harmedRequests > 100, "more than the budget");
  assert.equal(shieldedRequests, 0);
  assert.doesNotMatch(reason, /more requests than stable may answer/, "stable does no better, so nobody is moved");
});

// Goal: a release that no test may take back loses its visitors when the replays are spent, as in production.
// Method: failures are put on record only, so that the budget alone is left to end it.
test("when the budget is spent the proxy brakes, nobody else meets the release, and a person is asked", () => {
  const onFail = { errors: "notify", slo: "notify" } as const;
  const steps = [{ weight: 5_000, minHoldMs: 60_000 }];
  const options = { faults: { failShare: 1 }, plan: { onFail, steps } };
  const engine = new Engine({ ...short, ...options.plan });
  const end = run({ ...options, traffic: { shieldedShare: 1 }, engine });
  assert.equal(end.outcome, "held");
  assert.match(end.reason, /more requests than stable may answer in its place; going on is for a person/);
  // Fifty at once, and on top of it one in five and three a second.
  assert.ok(end.shieldedRequests >= 70 && end.shieldedRequests <= 100, String(end.shieldedRequests));
  assert.ok(end.harmedRequests <= 5, String(end.harmedRequests));
  assert.ok(run(options).harmedRequests > 1_000, "without it the release goes on failing for the whole step");
  const { canary, stable } = engine.evidence.summary();
  // Of two seconds.
  assert.ok(
    end.requests - canary.requests - stable.requests > 120,
    "what comes while the brake is on is evidence for neither side",
  );
});

test("a verdict goes before a brake of the same look", () => {
  const steps = [{ weight: 9_000, minHoldMs: 2_000 }];
  const crowd = { visitorsPerSecond: 2_000, requestsPerVisitor: 1, shieldedShare: 1 };
  const end = run({ faults: { failShare: 1 }, plan: { steps }, traffic: crowd });
  assert.equal(end.outcome, "rolled-back");
  assert.ok(end.shieldedRequests >= 50, "the budget is spent");
  assert.equal(end.tookMs, 100, "at the first look, at which the brake was on");
});

test("what is on its way when the release is taken back ends as well, and is shielded", () => {
  const steps = [{ weight: 5_000, minHoldMs: 60_000 }];
  const options = { faults: { failShare: 1, failsAfterMs: 5_000 }, plan: { steps } };
  const crowd = { visitorsPerSecond: 200 };
  const bare = run({ ...options, traffic: crowd });
  assert.equal(bare.outcome, "rolled-back");
  assert.equal(bare.harmedRequests, bare.canaryRequests);
  assert.ok(bare.canaryRequests > 200);
  const { harmedRequests, shieldedRequests } = run({ ...options, traffic: { ...crowd, shieldedShare: 1 } });
  assert.deepEqual([harmedRequests, shieldedRequests], [0, bare.canaryRequests]);
});
