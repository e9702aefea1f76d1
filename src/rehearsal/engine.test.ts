import assert from "node:assert/strict";
import { test } from "node:test";
import { plan } from "../rollout/rollout.builder.ts";
import { createBehaviour } from "./behaviour.ts";
import { Engine } from "./engine.ts";
import { type Played, play } from "./play.ts";
import type { Traffic } from "./traffic.ts";

const traffic: Traffic = { visitorsPerSecond: 40, requestsPerVisitor: 3, failShare: 0 };

function run(seed: number, faults: Parameters<typeof createBehaviour>[1], own: Partial<Traffic> = {}): Played {
  const present = { ...traffic, ...own };
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

test("a good release passes its gates by evidence and is promoted, without harm", () => {
  for (const seed of seeds) {
    const end = run(seed, {});
    assert.deepEqual([end.outcome, end.isEarned, end.harmedRequests], ["promoted", true, 0]);
  }
});

test("a release that fails everything is taken back at its first step, after a handful of visitors", () => {
  for (const seed of seeds) {
    const end = run(seed, { failShare: 1 });
    assert.deepEqual([end.outcome, end.weight], ["rolled-back", 500]);
    assert.ok(end.harmedVisitors >= 2 && end.harmedVisitors <= 6, String(end.harmedVisitors));
    assert.equal(end.excessRequests, end.harmedRequests);
  }
});

test("what fails on both sides alike rolls nothing back, and harm that stable would have done is no excess", () => {
  const both = run(1, {}, { failShare: 0.02 });
  assert.notEqual(both.metric, "errors");
  assert.ok(both.harmedRequests > 0);
  assert.equal(both.excessRequests, 0);
});

test("an answer behind the deadline is a failure, and one that takes its time ends when it ends", () => {
  const slow = run(1, { slowdown: 100_000 });
  assert.equal(slow.outcome, "rolled-back");
  assert.ok(slow.tookMs > plan.responseDeadlineMs, "the first failure is known when its deadline is over");
});

test("without visitors a step ends for want of them and a person is asked", () => {
  const end = run(1, {}, { visitorsPerSecond: 0 });
  assert.equal(end.outcome, "held");
  assert.match(end.reason, /not enough evidence/);
});

test("the same seed gives the same numbers, another one others", () => {
  assert.deepEqual(run(3, { failShare: 0.3 }), run(3, { failShare: 0.3 }));
  assert.notDeepEqual(run(3, { failShare: 0.3 }), run(4, { failShare: 0.3 }));
  const shielded = () => run(3, { failShare: 0.3 }, { shieldedShare: 0.5 });
  assert.deepEqual(shielded(), shielded());
});

test("visitors of a closed circle return as themselves", () => {
  // Goal: eight visitors can be scored once each, and no more. Method: the step ends for want of new ones.
  const end = run(1, {}, { circle: 8 });
  assert.equal(end.outcome, "held");
});
