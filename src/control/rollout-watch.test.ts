import assert from "node:assert/strict";
import { test } from "node:test";
import { plan } from "../rollout/rollout.builder.ts";
import type { OnFail } from "../rollout/rollout.ts";
import { RolloutWatch } from "./rollout-watch.ts";

const stage = { kind: "step", step: 0 } as const;

function cohortThatFails(slo: OnFail | undefined): RolloutWatch {
  const steps = [{ weight: 0, minHoldMs: 0, cohort: "internal" }, ...plan.steps];
  const watch = RolloutWatch.begin({ ...plan, steps, onFail: { slo } }, 0, 0);
  for (let member = 0; member < 20; member += 1) {
    const unit = member.toString(16).padStart(16, "0");
    const base = { rollout: "r", unit, weight: 0, exposureEpoch: 1, atMs: member } as const;
    watch.absorb({ ...base, kind: "served", arm: "outside" });
    watch.absorb({ ...base, kind: "failed", arm: "cohort" });
  }
  return watch;
}

test("a cohort that misses the objective takes the release back, holds it or is put on record, as the plan says of the objective", () => {
  const back = cohortThatFails(undefined);
  assert.equal(back.verdict(stage).kind, "fail");
  assert.deepEqual(back.alarms(stage), []);
  for (const onFail of ["hold", "notify"] as const) {
    const watch = cohortThatFails(onFail);
    assert.equal(watch.verdict(stage).kind, "inconclusive");
    const [alarm] = watch.alarms(stage);
    assert.equal(`${alarm?.metric} ${alarm?.onFail}`, `slo ${onFail}`);
    assert.match(alarm?.reason ?? "", /of the cohort failed on the canary/);
  }
});
