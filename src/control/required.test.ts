import assert from "node:assert/strict";
import { test } from "node:test";
import { newService } from "../rollout/fold.ts";
import { releaseNamed } from "../rollout/rollout.builder.ts";
import { requireTarget } from "./required.ts";

test("what is no way back is refused by what happened to it", () => {
  const releases = Object.fromEntries(["a", "b", "c", "d"].map((id) => [id, { ...releaseNamed(id), commit: "c0ffee" }]));
  const service = { ...newService("production", "shop"), releases, stable: "b", promotedBefore: ["a", "b"], goneBackFrom: ["c"] };
  assert.equal(requireTarget(service, "a").id, "a");
  assert.equal(requireTarget(service, null).id, "a");
  assert.throws(() => requireTarget(service, "d"), {
    code: "BELAY_ROLLBACK_NEVER_PROMOTED",
    message: "d was never promoted, so it is not a way back",
  });
  assert.throws(() => requireTarget(service, "c"), {
    code: "BELAY_ROLLBACK_GONE_BACK_FROM",
    message: "shop went back from c, so it is a way forward and not a way back",
    next: "Run `belay deploy` from its commit c0ffee, or choose one of a.",
  });
  assert.throws(() => requireTarget(service, "b"), { code: "BELAY_RELEASE_SERVES_ALREADY" });
});
