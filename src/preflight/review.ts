import { runCommand } from "../ports/command.ts";
import type { CheckFinding } from "../rollout/check-result.ts";
import { type Check, type Outcome, quick, type Subject, skipped, unchecked } from "./check.ts";
import { hashOf } from "./file-tree.ts";

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

export const review: Check = {
  name: "review",
  finds:
    "Commits since the last release that nobody but their authors has reviewed. It reads `Reviewed-by` lines, which are claims: anybody can write them, and it says so.",
  runs: "Where `checks.review` asks for it, from the second release on.",
  timeoutMs: quick,

  async run({ manifest, repository, previous, commit, commands }: Subject, signal): Promise<Outcome> {
    const { review: spec } = manifest.checks;
    if (spec === null) return skipped("checks.review does not ask for it");
    if (previous === null || commit === null) return skipped("there is no release before it to count the commits from");
    if (repository === null) return unchecked("there is no repository to read the commits from", "Deploy from a repository.");
    const argv = [
      "git",
      "log",
      `--format=${fields.map((field) => `${field}%x00`).join("")}`,
      "--no-show-signature",
      `${previous.commit}..${commit}`,
      "--",
    ] as const;
    // Git is the machine's own, never one that the release brings along.
    const path = (commands.env["PATH"] ?? "").split(":").filter((folder) => !folder.endsWith("/node_modules/.bin"));
    const end = await runCommand({
      argv,
      cwd: repository,
      env: { ...commands.env, PATH: path.join(":"), LC_ALL: "C", GIT_CONFIG_NOSYSTEM: "1", GIT_TERMINAL_PROMPT: "0" },
      signal,
    });
    if (end.exitCode !== 0)
      return unchecked(
        `git cannot tell the commits since ${previous.id}: ${end.stderr.trim().split("\n").at(-1) ?? ""}`,
        "Deploy from a repository with its whole history (`git fetch --unshallow`).",
      );
    const commits = parseLog(end.stdout.toString("utf8"));
    const lacking = commits.filter(({ reviewers }) => reviewers.length < spec.approvals);
    const findings = lacking.slice(0, shownCommits).map(
      ({ id, subject, reviewers }): CheckFinding => ({
        rule: "unreviewed",
        level: "fail",
        message: `${id.slice(0, 12)} (${subject.slice(0, 60)}) was reviewed by ${reviewers.length === 0 ? "nobody" : reviewers.length} besides its authors; ${spec.approvals} ${spec.approvals === 1 ? "is" : "are"} asked for`,
        fix: "Have it reviewed; the one who did adds `Reviewed-by: Name <address>` to its message.",
      }),
    );
    if (lacking.length === 0 && commits.length > 0)
      findings.push({
        rule: "claimed",
        level: "warn",
        message: `the reviews of ${commits.length} ${commits.length === 1 ? "commit is" : "commits are"} lines of their messages, which anybody can write`,
        fix: "Sign commits, or let the place where they are reviewed forbid unreviewed merges.",
      });
    return {
      kind: "inspected",
      inspected: commits.length,
      noun: `commits since ${previous.id}`,
      findings,
      inputsSha256: hashOf(end.stdout),
      tool: { name: "git log", version: "" },
    };
  },
};

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
