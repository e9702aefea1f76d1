import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import { review } from "./review.ts";
import { type Answering, github, gitlab, openReviewServer } from "./review-host.fixture.ts";
import { runChecks } from "./run-checks.ts";
import { subjectOf, toldOf } from "./subject.fixture.ts";

// Goal: only a merged request that others approved, after its last commit, counts; and what cannot be told is never a pass.
// Method: a server that answers in the real formats, on this machine's loopback.

const folder = mkdtempSync(join(tmpdir(), "belay-reviewed-"));
after(() => rmSync(folder, { recursive: true, force: true }));

function git(...words: string[]): string {
  const own = ["-c", "user.name=Ann", "-c", "user.email=ann@example.com"];
  return execFileSync("git", [...own, ...words], { cwd: folder, encoding: "utf8" }).trim();
}
git("init", "--quiet");
git("commit", "--quiet", "--allow-empty", "-m", "released");
const released = git("rev-parse", "HEAD");
git("commit", "--quiet", "--allow-empty", "-m", "change\n\nReviewed-by: Bob <bob@example.com>");
const head = git("rev-parse", "HEAD");

async function reviewed(t: TestContext, provider: string, answer: Answering, more = "") {
  const { url, asked } = await openReviewServer(t, answer);
  const repository = `repository: "${url}/acme/shop", provider: ${provider}, api: "${url}", token: REVIEW_TOKEN`;
  const checks = `{ review: { ${repository} }${more} }`;
  const secrets = { REVIEW_TOKEN: "t0ken-of-the-test" };
  const subject = await subjectOf(t, { checks, secrets, repository: folder, previous: { commit: released } });
  const options = { subject: { ...subject, commit: head }, signal: new AbortController().signal, version: "1" };
  const [result] = await runChecks([review], options);
  assert.ok(result !== undefined);
  assert.doesNotMatch(JSON.stringify(result), /t0ken/);
  return { asked, status: result.status, told: toldOf(result), message: result.findings[0]?.message ?? "", result };
}

/** GitHub, with one pull request #12 of ann's. */
function githubWith(
  reviews: readonly object[],
  commits: readonly object[] = [github.commit("1", "ann")],
  pulls?: readonly object[],
): Answering {
  return (path) => {
    if (path.startsWith(`/repos/acme/shop/commits/${head}/pulls`)) return pulls ?? [github.pull(12, "Ann", "abc")];
    if (path.startsWith("/repos/acme/shop/pulls/12/reviews")) return reviews;
    if (path.startsWith("/repos/acme/shop/pulls/12/commits")) return commits;
    return assert.fail(path);
  };
}

test("GitHub: a merged pull request that another approved at its last commit is a review, and the token goes there alone", async (t) => {
  const approved = await reviewed(t, "github", githubWith([github.review("bob", "APPROVED", "abc")]));
  assert.deepEqual([approved.status, approved.told], ["pass", []]);
  assert.equal(approved.asked[0]?.headers.authorization, "Bearer t0ken-of-the-test");
});

test("GitHub: what is no approval, by whom and when", async (t) => {
  const of = async (...rest: Parameters<typeof githubWith>) => (await reviewed(t, "github", githubWith(...rest))).message;
  assert.match(
    await of([]),
    /came by #12, which nobody but its authors has seen \(its message claims a review by bob@example\.com\)$/,
  );
  assert.match(await of([github.review("ANN", "APPROVED", "abc")]), /nobody but its authors approved/);
  assert.match(
    await of([github.review("bob", "APPROVED", "abc")], [github.commit("1", "bob")]),
    /nobody but its authors approved/,
  );
  assert.match(await of([github.review("bob", "APPROVED", "old")]), /approved before its last commit and not after it/);
  assert.match(await of([github.review("bob", "COMMENTED", "abc")]), /nobody but its authors has seen/);
  assert.match(await of([github.review("helper", "APPROVED", "abc", "Bot")]), /nobody but its authors has seen/);
  assert.match(
    await of([github.review("bob", "APPROVED", "abc"), github.review("bob", "DISMISSED", "abc")]),
    /nobody but its authors has seen/,
  );
  assert.match(
    await of([github.review("cid", "CHANGES_REQUESTED", "old"), github.review("bob", "APPROVED", "abc")]),
    /#12, for which cid asked for changes/,
  );
  assert.match(await of([], [], []), /came by no merged pull request of acme\/shop on 127\.0\.0\.1/);
  assert.match(await of([], [], [github.pull(12, "ann", "abc", null)]), /came by no merged pull request/);
  const unknown = await reviewed(t, "github", (_, __, response) => {
    response.statusCode = 422;
    return { message: `No commit found for SHA: ${head}`, documentation_url: "https://docs.github.com/rest" };
  });
  assert.deepEqual([unknown.status, unknown.told], ["fail", ["unreviewed"]]);
  assert.match(unknown.message, /is not known to acme\/shop/);
});

test("GitHub: all pages are read, and an approval on the second counts", async (t) => {
  const many = Array.from({ length: 100 }, () => github.review("cid", "COMMENTED", "abc"));
  const pages: Answering = (path, request, response) => {
    if (!path.includes("/reviews")) return githubWith([])(path, request, response);
    // Its own address of the next page is another host's, and is not followed.
    if (path.endsWith("page=1")) response.setHeader("link", '<http://192.0.2.1/evil?page=2>; rel="next"');
    return path.endsWith("page=1") ? many : [github.review("bob", "APPROVED", "abc")];
  };
  assert.equal((await reviewed(t, "github", pages)).status, "pass");
  const endless: Answering = (path, request, response) => {
    response.setHeader("link", '<http://127.0.0.1/>; rel="next"');
    return githubWith([])(path, request, response);
  };
  const result = await reviewed(t, "github", endless);
  assert.deepEqual([result.status, result.told], ["error", ["unchecked"]]);
  assert.match(result.message, /goes on after 20 pages/);
});

test("what a server answers instead of an answer could not be checked, and stops production", async (t) => {
  const odd: Readonly<Record<string, Answering>> = {
    "answered 401": (_, __, response) => void response.writeHead(401).end("{}"),
    "answered 404": (_, __, response) => void response.writeHead(404).end('{"message":"Not Found"}'),
    "answered 500": (_, __, response) => void response.writeHead(500).end("{}"),
    "answered 302": (_, __, response) => void response.writeHead(302, { location: "http://192.0.2.1/" }).end(),
    "asked too often; it answers again at 2026-11-21T18:40:00Z": (_, __, response) =>
      void response.writeHead(403, { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1795286400" }).end("{}"),
    "asked too often; it answers again in 60 s": (_, __, response) =>
      void response.writeHead(429, { "retry-after": "60" }).end("{}"),
    "could not be asked": (_, request) => void request.socket.destroy(),
    "is not of this API": () => "<html>please log in</html>",
    "answered something that is not of this API": () => ({ items: [] }),
    "/pulls answered something that is not of this API": () => [{ number: "12; rm -rf", merged_at: "2026-01-01T00:00:00Z" }],
    "answers more than 8 MB": (_, __, response) => void response.end(Buffer.alloc(9 * 1024 * 1024, 32)),
  };
  for (const [words, answer] of Object.entries(odd)) {
    const { status, told, message, result } = await reviewed(t, "github", answer);
    assert.deepEqual([status, told, result.blocks], ["error", ["unchecked"], true], words);
    assert.ok(message.includes(words), `${message} should say: ${words}`);
  }
});

/** GitLab, with one merge request !7 of ann's whose last push was at noon. */
function gitlabWith(approvers: Parameters<typeof gitlab.approvals>[1], notes: readonly object[] = [], author = "ann"): Answering {
  const at = "/projects/acme%2Fshop";
  return (path) => {
    if (path.startsWith(`${at}/repository/commits/${head}/merge_requests`)) return [gitlab.merge(7, author)];
    if (path.startsWith(`${at}/merge_requests/7/approvals`)) return gitlab.approvals(7, approvers);
    if (path.startsWith(`${at}/merge_requests/7/versions`))
      return [gitlab.version("2026-09-07T12:00:00.000Z"), gitlab.version("2026-09-06T12:00:00.000Z")];
    if (path.startsWith(`${at}/merge_requests/7/notes`)) return notes;
    return assert.fail(path);
  };
}

test("GitLab: an approval of another after the last push is a review, by its own time or by GitLab's note of it", async (t) => {
  const approved = await reviewed(t, "gitlab", gitlabWith([{ by: "bob", at: "2026-09-07T12:30:00.000Z" }]));
  assert.deepEqual([approved.status, approved.told], ["pass", []]);
  assert.equal(approved.asked[0]?.headers["private-token"], "t0ken-of-the-test");
  const note = gitlab.note("bob", "approved this merge request", "2026-09-07T12:30:00.000Z");
  assert.equal((await reviewed(t, "gitlab", gitlabWith([{ by: "bob" }], [note]))).status, "pass");
});

test("GitLab: an approval that is older, of the author, or of an unknown time is none", async (t) => {
  const of = async (...rest: Parameters<typeof gitlabWith>) => reviewed(t, "gitlab", gitlabWith(...rest));
  assert.match((await of([{ by: "bob", at: "2026-09-07T11:30:00.000Z" }])).message, /approved before its last commit/);
  assert.match((await of([{ by: "Ann", at: "2026-09-07T12:30:00.000Z" }])).message, /nobody but its authors approved/);
  assert.match((await of([])).message, /!7, which nobody but its authors has seen/);
  const forged = gitlab.note("bob", "approved this merge request", "2026-09-07T12:30:00.000Z", false);
  const unknown = await of([{ by: "bob" }], [forged]);
  assert.deepEqual([unknown.status, unknown.told], ["error", ["unchecked"]]);
  assert.match(unknown.message, /does not tell whether !7 was approved before or after/);
  const absent = await reviewed(
    t,
    "gitlab",
    (_, __, response) => void response.writeHead(404).end('{"message":"404 Commit Not Found"}'),
  );
  assert.deepEqual([absent.status, absent.told], ["fail", ["unreviewed"]]);
  const closed = await reviewed(
    t,
    "gitlab",
    (_, __, response) => void response.writeHead(404).end('{"message":"404 Project Not Found"}'),
  );
  assert.equal(closed.status, "error");
});

test("a waiver accepts an unreviewed commit, and a token that is not there could not be checked", async (t) => {
  const waivers = ", waivers: [{ check: review, rule: unreviewed, reason: at night, by: ann, until: 2099-01-01 }]";
  const waived = await reviewed(t, "github", githubWith([]), waivers);
  assert.deepEqual([waived.status, waived.result.findings[0]?.waived?.by], ["pass", "ann"]);
  const checks = "{ review: { repository: https://github.com/acme/shop, token: OTHER } }";
  const subject = await subjectOf(t, { checks, repository: folder, previous: { commit: released } });
  const [result] = await runChecks([review], {
    subject: { ...subject, commit: head },
    signal: new AbortController().signal,
    version: "1",
  });
  assert.deepEqual([result?.status, result?.findings[0]?.message], ["error", "there is no secret OTHER"]);
});
