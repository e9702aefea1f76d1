import { type Git, isCommitName, tryGit } from "./git.ts";

/** What lies between two commits, as far as the repository here has it. */
export interface CommitComparison {
  /** The newest first. */
  readonly commits: readonly ComparedCommit[];
  /** Added and removed lines; null where git does not count them. */
  readonly files: readonly { readonly path: string; readonly added: number | null; readonly removed: number | null }[];
}

export interface ComparedCommit {
  readonly id: string;
  readonly subject: string;
  /** Addresses of author, committer and co-authors, in lower case, each once. As the commit says, which anybody can write. */
  readonly people: readonly string[];
}

/** Each field ends in a NUL, which no message of a commit can hold. */
const fields = ["%H", "%ae", "%ce", "%s", "%(trailers:key=Co-authored-by,valueonly,separator=%x1f)"];
const bytesMax = 16 * 1024 * 1024;

/** From `from`, or of the commit `to` alone when there is none before. Null when the history is not here, or not whole. */
export async function compareCommits(
  git: Git,
  { from, to, cut }: { readonly from: string | null; readonly to: string; readonly cut: readonly string[] },
): Promise<CommitComparison | null> {
  if (!isCommitName(to) || (from !== null && !isCommitName(from))) return null;
  const range = from === null ? ["--max-count=1", to] : [`${from}..${to}`];
  const format = `--format=${fields.map((field) => `${field}%x00`).join("")}`;
  const log = await tryGit(git, ["log", format, "--no-show-signature", ...range, "--"], { stdoutBytesMax: bytesMax });
  if (log.exitCode !== 0 || log.isCut) return null;
  const difference = from === null ? ["diff-tree", "--root", "--no-commit-id", "-r", to] : ["diff-tree", "-r", from, to];
  const numbers = await tryGit(git, [...difference.slice(0, 1), "--numstat", "-z", "--no-renames", ...difference.slice(1)], {
    stdoutBytesMax: bytesMax,
  });
  if (numbers.exitCode !== 0 || numbers.isCut) return null;
  const commits = parseLog(log.stdout.toString("utf8"));
  // Behind a commit at which history is cut there may be others, of other people.
  if (from !== null && commits.some(({ id }) => cut.includes(id))) return null;
  return { commits, files: parseNumbers(numbers.stdout.toString("utf8")) };
}

function parseLog(text: string): readonly ComparedCommit[] {
  const parts = text.split("\0");
  return Array.from({ length: Math.floor(parts.length / fields.length) }, (_, index) => {
    const [id = "", author = "", committer = "", subject = "", coAuthors = ""] = parts.slice(index * fields.length);
    const others = coAuthors.split("\x1f").map((line) => /<([^<>]+)>/.exec(line)?.[1] ?? line);
    const people = [author, committer, ...others].map((address) => address.trim().toLowerCase());
    return { id: id.trim(), subject, people: [...new Set(people)].filter((address) => address !== "") };
  });
}

function parseNumbers(text: string): CommitComparison["files"] {
  return text
    .split("\0")
    .filter((line) => line !== "")
    .map((line) => {
      const [added = "", removed = "", ...path] = line.split("\t");
      return { path: path.join("\t"), added: countOf(added), removed: countOf(removed) };
    });
}

function countOf(text: string): number | null {
  return text === "-" ? null : Number(text);
}
