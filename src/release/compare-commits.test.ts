import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { compareCommits } from "./compare-commits.ts";
import { createUserGit } from "./git.ts";

function openRepository(t: Pick<TestContext, "after">) {
  const folder = mkdtempSync(join(tmpdir(), "belay-compare-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const git = (...words: readonly string[]) =>
    execFileSync("git", words, { cwd: folder, encoding: "utf8", stdio: "pipe" }).trim();
  git("init", "--quiet", "--initial-branch=main");
  return {
    git: createUserGit(folder),
    commit: (author: string, committer: string, message: string, content: string) => {
      writeFileSync(join(folder, "a.txt"), content);
      git("add", "--all");
      const who = ["-c", "user.name=C", "-c", `user.email=${committer}`, "-c", "commit.gpgsign=false"];
      git(...who, "commit", "--quiet", `--author=A <${author}>`, "--message", message);
      return git("rev-parse", "HEAD");
    },
  };
}

test("author, committer and co-authors of every commit between, and the lines that changed", async (t) => {
  const { git, commit } = openRepository(t);
  const from = commit("old@example.com", "old@example.com", "first", "1\n");
  const second = commit("Ann@Example.com", "ci@example.com", "second\n\nCo-authored-by: Dave <dave@example.com>", "1\n2\n");
  const to = commit("bob@example.com", "bob@example.com", "third", "2\n3\n4\n");
  assert.deepEqual(await compareCommits(git, { from, to, cut: [] }), {
    commits: [
      { id: to, subject: "third", people: ["bob@example.com"] },
      { id: second, subject: "second", people: ["ann@example.com", "ci@example.com", "dave@example.com"] },
    ],
    files: [{ path: "a.txt", added: 3, removed: 1 }],
  });
  const alone = await compareCommits(git, { from: null, to, cut: [] });
  assert.deepEqual(
    alone?.commits.map(({ id }) => id),
    [to],
    "of a first release only its own commit counts",
  );
  assert.equal(await compareCommits(git, { from, to, cut: [second] }), null, "behind a cut there may be others");
  assert.equal(await compareCommits(git, { from: "1".repeat(40), to, cut: [] }), null);
  assert.equal(await compareCommits(git, { from: "--output=x", to, cut: [] }), null);
});
