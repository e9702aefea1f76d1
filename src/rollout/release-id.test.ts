import assert from "node:assert/strict";
import { test } from "node:test";
import { releaseIdOf, withConfig } from "./release-id.ts";
import { releaseNamed } from "./rollout.builder.ts";

test("a release is its revision and its config version, and without configuration its revision alone", () => {
  const revision = { commit: "a".repeat(40), isDirty: false, digest: "b".repeat(64) };
  assert.equal(releaseIdOf(revision), "aaaaaaa-bbbbbb");
  assert.equal(releaseIdOf({ ...revision, isDirty: true, config: "0123456789ab" }), "aaaaaaa-dirty-bbbbbb-012345");
});

test("another configuration makes another release of the same revision", () => {
  const release = { ...releaseNamed("a"), ...{ config: "0123456789ab" } };
  const other = withConfig(release, "ba9876543210");
  assert.notEqual(other.id, withConfig(release, release.config).id);
  assert.deepEqual({ ...other, id: "", config: "" }, { ...release, id: "", config: "" });
});
