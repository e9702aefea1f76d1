import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { playRefusals } from "../../scripts/demo/refusals.ts";
import { findProcesses } from "./belay-processes.ts";
import { openShopScene } from "./scene.ts";
import { waitFor } from "./wait.ts";

// Goal: the three releases with which the demo shows preflight are stopped, each for its own reason, and leave nothing.
// Method: the demo's own act, without visitors.
test("the demo's releases with a missing variable, a leak and a destructive migration are stopped before anything runs", async (t) => {
  const { scene, repository } = await openShopScene(t, { checks: "{ migrations: [migrations/*.sql] }", instances: 1 });
  const { place } = scene;
  const before = new Set(findProcesses(place.dataFolder).map(({ pid }) => pid));
  const kept = readdirSync(join(place.dataFolder, "releases"));
  const said: string[] = [];
  const lines = { columns: 120, print: (line: string) => void said.push(line), live: () => {}, close: () => {} };
  const { signal } = new AbortController();
  const results = await playRefusals({ place, repositoryFolder: repository.folder, lines, signal }, repository);
  assert.deepEqual(
    results.map(({ isAsExpected }) => isAsExpected),
    [true, true, true],
    said.join("\n"),
  );
  assert.deepEqual(readdirSync(join(place.dataFolder, "releases")), kept, "no bundle is kept");
  assert.deepEqual(readdirSync(join(place.dataFolder, "building")), [], "nothing is left where they were built");
  await waitFor("no process is left", () => findProcesses(place.dataFolder).every(({ pid }) => before.has(pid)));
  assert.doesNotMatch(said.join("\n"), /3f9a71c2/, "the secret is not shown");
});
