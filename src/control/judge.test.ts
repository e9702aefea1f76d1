import assert from "node:assert/strict";
import { test } from "node:test";
import { Story } from "../rollout/rollout.builder.ts";
import type { Instance } from "../runtimes/runtime.ts";
import { judge, type Sight } from "./judge.ts";
import { RolloutWatch } from "./rollout-watch.ts";

/** A deploy whose candidate wants two instances, of which the ledger knows one as ready. */
function starting(exits: number, kind: "deploy" | "rollback" = "deploy"): Sight {
  const { service, rollout } = new Story().withStable().request("b2");
  const release = service.releases["b2"];
  assert.ok(release !== undefined);
  const releases = { ...service.releases, b2: { ...release, run: { ...release.run, instances: 2 } } };
  const unready: Instance = {
    id: "shop.b2.2",
    service: "shop",
    environment: "production",
    release: "b2",
    host: "127.0.0.1",
    port: 4_999,
    state: "unready",
    exits,
    reason: "ended",
  };
  return {
    service: { ...service, releases },
    rollout: { ...rollout, kind },
    watch: RolloutWatch.begin(rollout.plan, 0, 0),
    candidates: [unready],
    shadows: [],
    brakes: [],
    brakedForMs: 0,
    candidateDownForMs: 0,
    candidateUnreadyForMs: 0,
    candidateCrashLoop: null,
    nowMs: 0,
    now: Temporal.Instant.fromEpochMilliseconds(0),
  };
}

test("a candidate that ends by itself again and again before all of it is ready is given up", () => {
  assert.equal(judge(starting(4)), null);
  assert.deepEqual(judge(starting(5)), {
    kind: "candidate-failed",
    reason: "shop.b2.2 ended by itself 5 times before all instances were ready",
  });
});

test("a rollback goes on waiting for the release that served before", () => {
  assert.equal(judge(starting(9, "rollback")), null);
});

test("a candidate of which an instance does not answer any more is not waited for for ever", () => {
  assert.equal(judge({ ...starting(1), candidateUnreadyForMs: 29_000 }), null);
  assert.deepEqual(judge({ ...starting(1), candidateUnreadyForMs: 30_000 }), {
    kind: "candidate-failed",
    reason: "shop.b2.2 was ready once and has not answered for 30 s: ended",
  });
});

test("a rollback goes to the instances that answer when others of the release do not come back, and is given up when none does", () => {
  assert.equal(judge({ ...starting(0, "rollback"), candidateUnreadyForMs: 4_000 }), null);
  assert.deepEqual(judge({ ...starting(0, "rollback"), candidateUnreadyForMs: 5_000 }), { kind: "candidate-ready" });
  const none = starting(0, "rollback");
  const service = { ...none.service, instances: {} };
  assert.equal(judge({ ...none, service, candidateUnreadyForMs: 5_000 }), null);
  assert.equal(judge({ ...none, service, candidateUnreadyForMs: 30_000 })?.kind, "candidate-failed");
});

test("a canary that has spent the replays is braked, and paused when the evidence does not speak within two seconds", () => {
  const story = new Story().exposed();
  const { exposureEpoch, id: rollout, plan } = story.rollout;
  const brake = { service: "shop", environment: "production", rollout, exposureEpoch, by: "budget", worker: "proxy-1" } as const;
  const sight = (rest: Partial<Sight>): Sight => ({
    ...starting(0),
    service: story.service,
    rollout: story.rollout,
    watch: RolloutWatch.begin(plan, 0, 0),
    candidates: [],
    ...rest,
  });
  const braked = judge(sight({ brakes: [brake] })) ?? assert.fail();
  assert.deepEqual(braked, { kind: "braked", by: "budget", worker: "proxy-1", exposureEpoch });
  story.tell(braked);
  assert.equal(judge(sight({ brakedForMs: 1_900 })), null);
  const settled = judge(sight({ brakedForMs: 2_000, service: { ...story.service, instances: {} } }));
  assert.ok(settled?.kind === "brake-settled" && settled.into === "paused", JSON.stringify(settled));
  assert.match(settled.reason, /failed more requests than stable may answer in its place; going on is for a person/);
});
