import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { checkMarkdown } from "../../scripts/tidy/markdown.ts";
import { readTree } from "../../scripts/tidy/tree.ts";
import { getPage } from "./get-page.ts";
import { missingRegistry, packBelay, runOnHost } from "./installed-package.ts";
import { openScene } from "./scene.ts";
import { createRepository } from "./shop-repository.ts";

// Goal: what is published works where nothing of this project is.
// Method: pack, install into an empty folder with the host's own npm and Node, then go from --version to a served release.
test("the packed tarball, installed into an empty folder, serves a first release", {
  skip: await missingRegistry(),
}, async (t) => {
  const home = openScene(t).place.folder;
  const tarball = await packBelay(join(home, "packed"));
  const empty = join(home, "empty");
  mkdirSync(empty);

  const withoutScripts = await runOnHost(empty, "npm", ["install", "--ignore-scripts", tarball]);
  assert.equal(withoutScripts.code, 0, withoutScripts.text);
  const belay = join(empty, "node_modules/.bin/belay");
  const told = await runOnHost(empty, belay, ["--version"]);
  assert.equal(told.code, 1);
  assert.match(
    told.text,
    /install scripts\. In .*\/empty, run `npm rebuild node --ignore-scripts=false`[\s\S]*BELAY_NODE_MISSING/,
  );
  const rebuilt = await runOnHost(empty, "npm", ["rebuild", "node", "--ignore-scripts=false"]);
  assert.equal(rebuilt.code, 0, rebuilt.text);
  assert.match((await runOnHost(empty, belay, ["--version"])).text, /^\d+\.\d+\.\d+\n$/);

  const program = realpathSync(join(empty, "node_modules/belay-deploy"));
  assert.ok(!existsSync(join(program, "src")), "the package carries no TypeScript");
  assert.deepEqual(checkMarkdown(readTree(program)), [], "its pages lead to what is in it");
  const scene = openScene(t, program);
  const repository = await createRepository(join(scene.place.folder, "hello"));
  cpSync(join(import.meta.dirname, "../../examples/hello-node"), repository.folder, { recursive: true });
  await repository.commitFile("README.md", "hello\n");
  cpSync(join(repository.folder, "server.js"), join(empty, "server.js"));
  await scene.expectBelay(["init"], { cwd: empty });
  assert.ok(existsSync(join(empty, "belay.yml")));
  await scene.expectBelay(["check"], { cwd: repository.folder });
  await scene.up();
  const rollout = await scene.deploy(repository);
  assert.equal(rollout.outcome, "promoted");
  assert.equal((await getPage(await scene.baseUrl(), "hello.example.com")).text, "Hello from a release\n");
  await scene.expectBelay(["down", "--yes"]);
});
