import assert from "node:assert/strict";
import { test } from "node:test";
import { aRelease, aRollout, aStatus } from "../api/fake-views.ts";
import { openDesk } from "./cli.fixture.ts";
import { describeWayBack } from "./rollback-words.ts";

const [view] = aStatus().services;

test("a rollback says whether it aborts, switches to what is warm, or has to start a release first", () => {
  assert.ok(view !== undefined);
  assert.match(describeWayBack(view, undefined), /is aborted.*r-1a2b.*milliseconds/);
  const promoted = { ...view, rollout: aRollout({ outcome: "promoted" }) };
  assert.match(
    describeWayBack(promoted, undefined),
    /^No release is warm: the one before r-1a2b, if there is one, is started first.*seconds/,
  );
  const instance = { ...view.instances[0], id: "shop-0", release: "r-0" };
  const warm = {
    ...promoted,
    warm: aRelease({ id: "r-0" }),
    instances: [...view.instances, instance as (typeof view.instances)[number]],
  };
  assert.match(describeWayBack(warm, undefined), /^r-0 is warm.*milliseconds/);
  assert.match(describeWayBack(warm, "r-old"), /r-old is not running.*started first.*seconds/);
  assert.match(describeWayBack(view, "r-old"), /ends\. r-old/);
});

test("the words come before the rollback, and a control plane that cannot say them is no hindrance", async (t) => {
  const desk = await openDesk(t);
  desk.inside.rollouts = [aRollout({ outcome: "aborted", by: "person" })];
  const result = await desk.run("rollback", "shop");
  assert.match(result.stdout, /^Rollout shop-20260101-a1b2 is aborted: everyone goes back to r-1a2b/);
  desk.inside.status = { ...desk.inside.status, services: [] };
  assert.equal((await desk.run("rollback", "shop")).code, 0);
});
