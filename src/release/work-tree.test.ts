import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { createTestFolder, TestRepository } from "./test-repository.ts";
import { commitDirtyTree, readWorkTree } from "./work-tree.ts";

const folder = createTestFolder(after);
let count = 0;
const newFolder = () => join(folder, `${count++} ü\t'`);

test("a clean work tree is its commit, seen from any folder in it", async () => {
  const repository = new TestRepository(newFolder());
  const commit = repository.commit({ "apps/shop/belay.yml": "version: 1" }, "Sell things\n\nAt last.");
  const top = { repository: repository.folder, root: "", commit, subject: "Sell things", isDirty: false, dirtyFiles: [] };
  assert.deepEqual(await readWorkTree(repository.folder), top);
  assert.deepEqual(await readWorkTree(join(repository.folder, "apps", "shop")), { ...top, root: "apps/shop" });
});

test("changed, deleted, staged and untracked files make it dirty, ignored ones do not", async () => {
  const repository = new TestRepository(newFolder());
  repository.commit({ a: "1", b: "1", c: "1", ".gitignore": "*.log\n" });
  repository.write({ a: "2", "new file\nwith lines": "", "x.log": "" });
  rmSync(join(repository.folder, "b"));
  repository.git("mv", "c", "d");
  const { isDirty, dirtyFiles } = await readWorkTree(repository.folder);
  assert.equal(isDirty, true);
  assert.deepEqual([...dirtyFiles].sort(), ["a", "b", "c", "d", "new file\nwith lines"]);
});

test("a commit of the dirty tree has all changes, and leaves index, branch and files alone", async () => {
  const repository = new TestRepository(newFolder());
  repository.commit({ a: "1", b: "1", ".gitignore": "*.log\n" });
  const dated = { GIT_AUTHOR_DATE: "1700000000 +0200", GIT_COMMITTER_DATE: "1700000000 +0200" };
  repository.gitWith({ env: dated }, "commit", "--quiet", "--amend", "--no-edit", "--date", dated.GIT_AUTHOR_DATE);
  repository.write({ a: "2", new: "3", "x.log": "" });
  rmSync(join(repository.folder, "b"));
  repository.git("add", "a");
  repository.write({ a: "4" });
  const state = () => [
    readFileSync(join(repository.folder, ".git", "index")).toString("hex"),
    repository.git("rev-parse", "HEAD"),
    repository.git("for-each-ref"),
    repository.git("reflog"),
  ];
  const before = state();
  const tree = await readWorkTree(repository.folder);
  const commit = await commitDirtyTree(tree);
  assert.deepEqual(state(), before);
  assert.equal(repository.git("show", `${commit}:a`), "4");
  assert.equal(repository.git("ls-tree", "--name-only", commit), ".gitignore\na\nnew");
  assert.equal(repository.git("rev-parse", `${commit}^`), tree.commit);
  const dates = (name: string) => repository.git("show", "--no-patch", "--format=%ad %cd", "--date=raw", name);
  assert.equal(dates(commit), dates(tree.commit), "the same content is the same commit, whenever it is made");
  assert.equal(await commitDirtyTree(tree), commit);
});

test("it works from within a hook, where git binds its children to the index of the commit", async () => {
  const repository = new TestRepository(newFolder());
  const commit = repository.commit({ a: "1" });
  const script = `import { readWorkTree } from ${JSON.stringify(import.meta.resolve("./work-tree.ts"))}; console.log(JSON.stringify(await readWorkTree(${JSON.stringify(repository.folder)})));`;
  const env = { PATH: process.env["PATH"] ?? "", GIT_DIR: "/nowhere", GIT_INDEX_FILE: "/nowhere/index", GIT_WORK_TREE: "/" };
  const output = execFileSync(process.execPath, ["--input-type=module", "--eval", script], { env, encoding: "utf8" });
  assert.equal(JSON.parse(output).commit, commit);
});

test("no repository, no commit and no such folder are refused, each with what to do", async () => {
  const plain = newFolder();
  mkdirSync(plain, { recursive: true });
  await assert.rejects(readWorkTree(plain), { code: "BELAY_RELEASE_NO_REPOSITORY", next: /git init/ });
  const empty = new TestRepository(newFolder());
  await assert.rejects(readWorkTree(empty.folder), { code: "BELAY_RELEASE_NO_COMMIT", next: /git commit/ });
  await assert.rejects(readWorkTree(join(plain, "nowhere")), { code: "BELAY_COMMAND_MISSING", message: /nowhere/ });
});

test("an unfinished merge is not committed as it is", async () => {
  const repository = new TestRepository(newFolder());
  repository.commit({ a: "1" });
  repository.git("checkout", "--quiet", "-b", "side");
  repository.commit({ a: "2" });
  repository.git("checkout", "--quiet", "main");
  repository.commit({ a: "3" });
  assert.throws(() => repository.git("merge", "side"));
  await assert.rejects(commitDirtyTree(await readWorkTree(repository.folder)), { code: "BELAY_RELEASE_UNMERGED", message: /a$/ });
});
