import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { openDesk } from "./cli.fixture.ts";

test("policy set sends a file that is one, for the scope that is named, and tells the place of every mistake", async (t) => {
  const desk = await openDesk(t);
  const file = join(desk.folder, "rules.yml");
  writeFileSync(file, "rollout: { harm: 90% }\nservice: shop\n");
  const wrong = await desk.run("policy", "set", "rules.yml");
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /rules\.yml:1:18 rollout\.harm: .*rules\.yml:2:1 service: /s);
  assert.equal(desk.inside.asked.length, 0);
  writeFileSync(file, "brief: always\n");
  const set = await desk.run("policy", "set", "rules.yml", "--service", "shop");
  assert.equal(set.code, 0, set.stderr);
  assert.match(set.stdout, /Pinned for shop in every environment/);
  assert.deepEqual(desk.inside.asked[0]?.request, { scope: { service: "shop", environment: null }, text: "brief: always\n" });
  assert.match((await desk.run("policy", "clear", "-e", "production")).stdout, /for every service in production any more/);
  assert.match((await desk.run("policy", "set")).stderr, /BELAY_CLI_POLICY_ACTION/);
  assert.match((await desk.run("policy", "set", "nowhere.yml")).stderr, /BELAY_CLI_FILE_UNREADABLE/);
});

test("policy show tells what is pinned, and of a service each rule with whoever says so", async (t) => {
  const desk = await openDesk(t);
  assert.match((await desk.run("policy", "show")).stdout, /^Nothing is pinned on this server\.\n$/);
  desk.inside.pinned = [
    { scope: { service: null, environment: null }, text: "brief: always\n", by: "ann", at: "2026-01-02T03:04:05Z" },
  ];
  const { stdout } = await desk.run("policy", "show", "--service", "shop");
  assert.match(stdout, /Pinned for every service in every environment by ann at 2026-01-02 03:04:05:\n +brief: always\n/);
  assert.match(stdout, /rollout\.harm +0\.2% +belay\.yml of r-1a2b/);
});
