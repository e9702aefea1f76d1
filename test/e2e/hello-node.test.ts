import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { getPage } from "./get-page.ts";
import { openScene } from "./scene.ts";
import { createRepository } from "./shop-repository.ts";

test("a six-line manifest is enough: the service is deployed, answers, is shown, and is gone after down", async (t) => {
  const scene = openScene(t);
  const repository = await createRepository(join(scene.place.folder, "hello"));
  cpSync(join(import.meta.dirname, "../../examples/hello-node"), repository.folder, { recursive: true });
  await repository.commitFile("README.md", "hello\n");
  await scene.up();
  const typedAtMs = performance.now();
  const rollout = await scene.deploy(repository);
  const servedAfterMs = performance.now() - typedAtMs;
  t.diagnostic(`from the command to served: ${servedAfterMs.toFixed(0)} ms`);
  assert.ok(servedAfterMs < 60_000, "a first deploy has nothing to wait for but its start");
  assert.equal(rollout.outcome, "promoted");
  assert.equal(rollout.by, "plan");
  assert.match(rollout.reason, /first release/);
  for (const field of [
    "rollout",
    "service",
    "environment",
    "release",
    "outcome",
    "by",
    "reason",
    "seconds",
    "canaryRequests",
    "canaryErrors",
    "harmed",
    "shielded",
    "unitsCanary",
  ]) {
    assert.ok(field in rollout, `${field} is in the document`);
  }

  const url = await scene.baseUrl();
  const answer = await getPage(url, "hello.example.com");
  assert.equal(answer.text, "Hello from a release\n");
  assert.equal(answer.headers["belay-release"], undefined, "nobody is told the release unless the manifest says so");
  assert.equal((await getPage(url, "other.example.com")).status, 404);

  for (const words of [["status"], ["history"], ["explain", "hello"], ["logs", "hello"], ["--help"]])
    await scene.expectBelay(words);
  await scene.expectBelay(["down", "--yes"]);
  await assert.rejects(getPage(url, "hello.example.com"));
});
