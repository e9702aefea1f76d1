import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { review } from "./review.ts";
import { runChecks } from "./run-checks.ts";
import { subjectOf, toldOf } from "./subject.fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "belay-review-"));
after(() => rmSync(folder, { recursive: true, force: true }));

function git(...words: string[]): string {
  return execFileSync("git", ["-c", "user.name=Ann", "-c", "user.email=ann@example.com", ...words], {
    cwd: folder,
    encoding: "utf8",
  }).trim();
}

function commit(...message: string[]): string {
  git("commit", "--quiet", "--allow-empty", ...message.flatMap((paragraph) => ["-m", paragraph]));
  return git("rev-parse", "HEAD");
}

git("init", "--quiet");
const released = commit("released");

async function reviewed(
  t: { after(work: () => void): void },
  head: string,
  checks = "{ review: { approvals: 1 } }",
  from = released,
) {
  const subject = await subjectOf(t, { checks, repository: folder, previous: { commit: from } });
  const options = { subject: { ...subject, commit: head }, signal: new AbortController().signal, version: "1" };
  const [result] = await runChecks([review], options);
  assert.ok(result !== undefined);
  return result;
}

test("a commit that another person reviewed is told as a claim; one that nobody or its own author reviewed stops the release", async (t) => {
  const fine = commit("fine", "Reviewed-by: Bob <bob@example.com>");
  const claimed = await reviewed(t, fine);
  assert.deepEqual([claimed.status, claimed.blocks, ...toldOf(claimed)], ["warn", false, "claimed"]);
  const own = commit(
    "own",
    "Reviewed-by: Ann <ANN@example.com>\nReviewed-by: Cid <cid@example.com>\nCo-authored-by: Cid <cid@example.com>",
  );
  const result = await reviewed(t, own);
  assert.deepEqual([result.status, result.evidence.inspected, ...toldOf(result)], ["fail", 2, "unreviewed"]);
  assert.match(result.findings[0]?.message ?? "", new RegExp(`^${own.slice(0, 12)} \\(own\\) was reviewed by nobody`));
  const two = await reviewed(t, fine, "{ review: { approvals: 2 } }");
  assert.equal(two.status, "fail");
  const waived = await reviewed(t, own, "{ review: {}, waivers: [{ check: review, reason: r, by: ann, until: 2099-01-01 }] }");
  assert.equal(waived.status, "pass");
});

test("commits that git does not know, and no commit at all, could not be checked; unasked it does not look", async (t) => {
  assert.equal((await reviewed(t, released, undefined, "d".repeat(40))).status, "error");
  assert.equal((await reviewed(t, released)).status, "error");
  assert.equal((await reviewed(t, released, "{}")).status, "skipped");
});
