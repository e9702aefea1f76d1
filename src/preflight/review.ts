import type { ReviewPlace } from "../manifest/checks.ts";
import { type CommandEnd, runCommand } from "../ports/command.ts";
import { mapFew } from "../ports/map-few.ts";
import type { CheckFinding } from "../rollout/check-result.ts";
import { type Check, type Outcome, type Subject, skipped, unchecked } from "./check.ts";
import { hashOf } from "./file-tree.ts";
import { openGithubReviews } from "./github-reviews.ts";
import { openGitlabReviews } from "./gitlab-reviews.ts";
import type { ReviewedRequest, ReviewHost } from "./review-host.ts";

/** Each field ends in a NUL, which no message of a commit can hold; git puts a line end between commits. */
const fields = [
  "%H",
  "%ae",
  "%ce",
  "%s",
  "%(trailers:key=Co-authored-by,valueonly,separator=%x1f)",
  "%(trailers:key=Reviewed-by,valueonly,separator=%x1f)",
];
const shownCommits = 20;
/** Each costs a question at least. */
const askedCommitsMax = 250;

export const review: Check = {
  name: "review",
  finds:
    "Commits since the last release that nobody but their authors has reviewed. With `checks.review.repository` GitHub or GitLab is asked: each commit must have come by a merged request that others approved, none of them one of its authors, and after its last commit. Without, `Reviewed-by` lines are read, which are claims: anybody can write them, and it says so.",
  runs: "Where `checks.review` asks for it, from the second release on.",
  timeoutMs: () => 120_000,

  async run(subject: Subject, signal): Promise<Outcome> {
    const { manifest, repository, previous, commit } = subject;
    const { review: spec } = manifest.checks;
    if (spec === null) return skipped("checks.review does not ask for it");
    if (previous === null || commit === null) return skipped("there is no release before it to count the commits from");
    if (repository === null) return unchecked("there is no repository to read the commits from", "Deploy from a repository.");
    const end = await readLog(subject, { repository, range: `${previous.commit}..${commit}` }, signal);
    if (end.exitCode !== 0)
      return unchecked(
        `git cannot tell the commits since ${previous.id}: ${end.stderr.trim().split("\n").at(-1) ?? ""}`,
        "Deploy from a repository with its whole history (`git fetch --unshallow`).",
      );
    const commits = parseLog(end.stdout.toString("utf8"));
    const seen = { kind: "inspected", inspected: commits.length, noun: `commits since ${previous.id}` } as const;
    const { place, approvals } = spec;
    if (place === null) {
      const findings = judgeClaims(commits, approvals);
      return { ...seen, findings, inputsSha256: hashOf(end.stdout), tool: { name: "git log", version: "" } };
    }
    if (commits.length > askedCommitsMax)
      return unchecked(
        `${commits.length} commits since ${previous.id} are more than are asked about (${askedCommitsMax})`,
        "Release more often, or accept by a waiver of the check review that this release is not looked at whole.",
      );
    const token = place.token === null ? null : subject.secretValue(place.token);
    const host = place.provider === "github" ? openGithubReviews(place, token) : openGitlabReviews(place, token);
    const asked = await mapFew(commits, async (each) => ({ commit: each, requests: await host.requestsOf(each.id, signal) }));
    return {
      ...seen,
      findings: judgeRequests(asked, { host, place, approvals }),
      inputsSha256: hashOf(end.stdout, JSON.stringify(asked)),
      tool: { name: place.provider === "github" ? "GitHub" : "GitLab", version: "" },
    };
  },
};

function readLog(
  { commands }: Pick<Subject, "commands">,
  { repository, range }: { readonly repository: string; readonly range: string },
  signal: AbortSignal,
): Promise<CommandEnd> {
  // Git is the machine's own, never one that the release brings along.
  const path = (commands.env["PATH"] ?? "").split(":").filter((folder) => !folder.endsWith("/node_modules/.bin"));
  return runCommand({
    argv: ["git", "log", `--format=${fields.map((field) => `${field}%x00`).join("")}`, "--no-show-signature", range, "--"],
    cwd: repository,
    env: { ...commands.env, PATH: path.join(":"), LC_ALL: "C", GIT_CONFIG_NOSYSTEM: "1", GIT_TERMINAL_PROMPT: "0" },
    signal,
  });
}

function judgeClaims(commits: readonly LoggedCommit[], approvals: number): readonly CheckFinding[] {
  const lacking = commits.filter(({ reviewers }) => reviewers.length < approvals);
  const findings = lacking
    .slice(0, shownCommits)
    .map((commit) =>
      unreviewed(
        commit,
        `was reviewed by ${commit.reviewers.length === 0 ? "nobody" : commit.reviewers.length} besides its authors; ${wanted(approvals)}`,
        "Have it reviewed; the one who did adds `Reviewed-by: Name <address>` to its message.",
      ),
    );
  if (lacking.length > 0 || commits.length === 0) return findings;
  const whose = commits.length === 1 ? "1 commit is" : `${commits.length} commits are`;
  return [
    {
      rule: "claimed",
      level: "warn",
      message: `the reviews of ${whose} lines of their messages, which anybody can write`,
      fix: "Name the place where they are reviewed (checks.review.repository), and it is asked.",
    },
  ];
}

interface Asked {
  readonly commit: LoggedCommit;
  /** Null when the place does not know the commit. */
  readonly requests: readonly ReviewedRequest[] | null;
}

function judgeRequests(
  asked: readonly Asked[],
  { host, place, approvals }: { readonly host: ReviewHost; readonly place: ReviewPlace; readonly approvals: number },
): readonly CheckFinding[] {
  const where = `${place.path} on ${new URL(place.api).hostname}`;
  const lacking = asked.flatMap(({ commit, requests }): CheckFinding[] => {
    const fix = `Have it reviewed and merged by a ${host.noun}; for a change that cannot wait, a waiver says who answers for it.`;
    const claim =
      commit.reviewers.length === 0 ? "" : ` (its message claims a review by ${commit.reviewers.join(", ").slice(0, 100)})`;
    if (requests === null)
      return [unreviewed(commit, `is not known to ${where}: nobody can have reviewed it there${claim}`, fix)];
    const merged = requests.filter(({ isMerged }) => isMerged);
    if (merged.length === 0) return [unreviewed(commit, `came by no merged ${host.noun} of ${where}${claim}`, fix)];
    const lacks = merged.map((request) => whatLacks(request, approvals));
    if (lacks.includes(null)) return [];
    return [unreviewed(commit, `came by ${lacks.join(", and by ")}${claim}`, fix)];
  });
  return lacking.slice(0, shownCommits);
}

/** Null when enough others stand by the whole of it. */
function whatLacks({ name, authors, approvals, objections }: ReviewedRequest, needed: number): string | null {
  const others = approvals.filter(({ by }) => !authors.includes(by));
  const current = new Set(others.filter(({ isOfLastCommit }) => isOfLastCommit).map(({ by }) => by));
  const objectors = objections.filter((by) => !authors.includes(by));
  if (objectors.length > 0) return `${name}, for which ${objectors.join(", ")} asked for changes`;
  if (current.size >= needed) return null;
  if (others.length > current.size) return `${name}, which was approved before its last commit and not after it`;
  if (current.size > 0) return `${name}, which ${current.size} besides its authors approved; ${wanted(needed)}`;
  return `${name}, which nobody but its authors ${approvals.length > 0 ? "approved" : "has seen"}`;
}

function wanted(approvals: number): string {
  return `${approvals} ${approvals === 1 ? "is" : "are"} asked for`;
}

function unreviewed({ id, subject }: LoggedCommit, words: string, fix: string): CheckFinding {
  return { rule: "unreviewed", level: "fail", message: `${id.slice(0, 12)} (${subject.slice(0, 60)}) ${words}`, fix };
}

interface LoggedCommit {
  readonly id: string;
  readonly subject: string;
  /** Addresses of those who say that they reviewed it and had no part in it. */
  readonly reviewers: readonly string[];
}

function parseLog(text: string): readonly LoggedCommit[] {
  const parts = text.split("\0");
  const count = Math.floor(parts.length / fields.length);
  return Array.from({ length: count }, (_, index) => {
    const record = parts.slice(index * fields.length, (index + 1) * fields.length);
    const [id = "", author = "", committer = "", subject = "", coAuthors = "", reviewedBy = ""] = record;
    const own = new Set([author, committer, ...addresses(coAuthors)].map((address) => address.toLowerCase()));
    const reviewers = [...new Set(addresses(reviewedBy).map((address) => address.toLowerCase()))];
    return { id: id.trim(), subject, reviewers: reviewers.filter((address) => !own.has(address)) };
  });
}

function addresses(trailers: string): readonly string[] {
  return trailers
    .split("\x1f")
    .map((line) => /<([^<>]+)>/.exec(line)?.[1] ?? line.trim())
    .filter((address) => address !== "");
}
