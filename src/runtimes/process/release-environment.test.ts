import assert from "node:assert/strict";
import { test } from "node:test";
import { releaseNamed } from "../../rollout/rollout.builder.ts";
import { findRelease, shadowOf } from "../../rollout/shadow.ts";
import { releaseEnvironment, shadowVariables } from "./release-environment.ts";

const shadow = { credentials: false, config: { MAIL: "off", KEY: null }, ignore: [] };
const release = { ...releaseNamed("b2"), shadow, run: { ...releaseNamed("b2").run, instances: 3 } };
const variables = { plain: { MAIL: "on", LIMIT: "3" }, secret: { KEY: "sk_live", OTHER: "x" } };

test("a shadow knows that it is one, has its own values, and no secret that was taken from it", () => {
  const found = findRelease({ releases: { b2: release } }, shadowOf("b2"));
  assert.ok(found !== undefined);
  assert.deepEqual([found.id, found.run.instances, found.digest], ["b2-shadow", 1, release.digest]);
  const given = shadowVariables(variables, found);
  assert.deepEqual(given, { plain: { MAIL: "off", LIMIT: "3" }, secret: { OTHER: "x" } });
  const { env } = releaseEnvironment({
    release: found,
    bundleFolder: "/b",
    scratchFolder: "/s",
    nodeFolder: "/n",
    variables: given,
  });
  assert.deepEqual([env["BELAY_SHADOW"], env["MAIL"]], ["1", "off"]);
});

test("the release itself has none of it", () => {
  assert.deepEqual(shadowVariables(variables, release), variables);
  const { env } = releaseEnvironment({ release, bundleFolder: "/b", scratchFolder: "/s", nodeFolder: "/n", variables });
  assert.equal(env["BELAY_SHADOW"], undefined);
});
