import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { removeFolder } from "./folders.ts";
import { changedFiles, filesOf, globsOutside, readManifests } from "./services-of-commit.ts";
import { TestRepository } from "./test-repository.ts";

function openRepository(t: { after(clear: () => Promise<void>): void }): TestRepository {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "belay-services-")));
  t.after(() => removeFolder(folder));
  return new TestRepository(folder);
}

test("the manifests of a commit are found in and below a folder, as the commit has them", async (t) => {
  const repository = openRepository(t);
  const files = { "web/belay.yml": "web", "api/belay.yml": "api", "api/v2/belay.yml": "v2", "api-old/belay.yml": "old" };
  const commit = repository.commit({ ...files, "web/not-belay.yml": "no" });
  repository.write({ "web/belay.yml": "not committed" });
  const found = async (below: string) =>
    (await readManifests(repository.folder, commit, below)).map(({ root, text }) => `${root}=${text}`);
  assert.deepEqual(await found(""), ["api-old=old", "api=api", "api/v2=v2", "web=web"]);
  assert.deepEqual(await found("api"), ["api=api", "api/v2=v2"]);
  const top = repository.commit({ "belay.yml": "top" });
  assert.equal((await readManifests(repository.folder, top, ""))[3]?.root, "");
});

test("changed are files with another content, mode or name; an older commit that is not here has no answer", async (t) => {
  const repository = openRepository(t);
  const first = repository.commit({ "a/x": "1", "a/y": "1", "b/z": "a longer text that git takes for the same file" });
  repository.git("mv", "b/z", "b/moved");
  chmodSync(join(repository.folder, "a/y"), 0o755);
  repository.write({ "ä/ö": "new" });
  const second = repository.commit();
  const changed = await changedFiles(repository.folder, first, second);
  assert.deepEqual([...(changed ?? [])].sort(), ["a/y", "b/moved", "b/z", "ä/ö"].sort());
  assert.equal(await changedFiles(repository.folder, "0".repeat(40), second), null);
  assert.equal(await changedFiles(repository.folder, "--output=x", second), null);
});

test("a service is its folder and what it watches, by globs from there, and nothing else", () => {
  const files = ["apps/shop/server.js", "apps/shopping/server.js", "packages/shared/a/b.js", "packages/other.js", "README.md"];
  assert.deepEqual(filesOf(files, "apps/shop", []), ["apps/shop/server.js"]);
  assert.deepEqual(filesOf(files, "apps/shop", ["../../packages/shared/**"]), ["apps/shop/server.js", "packages/shared/a/b.js"]);
  assert.deepEqual(filesOf(files, "apps/shop", ["../../packages/*.js"]), ["apps/shop/server.js", "packages/other.js"]);
  assert.deepEqual(filesOf(files, "apps/shop", ["../../../packages/**"]), ["apps/shop/server.js"]);
  assert.deepEqual(filesOf(files, "", []), files);
  assert.deepEqual(globsOutside("apps/shop", ["../../x", "../../../x", "y"]), ["../../../x"]);
});
