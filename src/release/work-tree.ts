import { copyFile, mkdtemp, rm, stat, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { BelayError } from "../errors.ts";
import { createUserGit, type Git, lastWords, runGit, splitNul, tryGit } from "./git.ts";

/** What `belay deploy` finds where it is called. */
export interface WorkTree {
  /** The repository's top folder. */
  readonly repository: string;
  /** The folder asked about, relative to the top; "" for the top itself. */
  readonly root: string;
  readonly commit: string;
  /** First line of the commit's message. */
  readonly subject: string;
  /** True when tracked files were changed, or files are there that git neither tracks nor ignores. */
  readonly isDirty: boolean;
  readonly dirtyFiles: readonly string[];
}

/** Reads, and changes nothing. Throws `BELAY_RELEASE_NO_REPOSITORY` or `BELAY_RELEASE_NO_COMMIT`. */
export async function readWorkTree(folder: string): Promise<WorkTree> {
  const git = createUserGit(folder);
  const top = await tryGit(git, ["rev-parse", "--show-toplevel"]);
  if (top.exitCode !== 0) throw noRepository(folder, top.stderr);
  const head = await tryGit(git, ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]);
  if (head.exitCode !== 0) throw noCommit(folder);
  const commit = head.stdout.toString().trim();
  const prefix = stripNewline(await runGit(git, ["rev-parse", "--show-prefix"]));
  const subject = stripNewline(await runGit(git, ["log", "-1", "--no-show-signature", "--format=%s", commit]));
  const dirtyFiles = await readDirtyFiles(git);
  return {
    repository: stripNewline(top.stdout.toString()),
    root: prefix.replace(/\/$/, ""),
    commit,
    subject,
    isDirty: dirtyFiles.length > 0,
    dirtyFiles,
  };
}

/**
 * Makes a commit of the work tree as it is, ignored files left out, on top of the present one, and returns its name. The
 * user's index, branches and files stay as they are; the same content gives the same commit. Throws `BELAY_RELEASE_UNMERGED`.
 */
export async function commitDirtyTree({ repository, commit }: Pick<WorkTree, "repository" | "commit">): Promise<string> {
  const git = createUserGit(repository);
  const unmerged = new Set(
    splitNul(await runGit(git, ["ls-files", "--unmerged", "-z"])).map((line) => line.slice(line.indexOf("\t") + 1)),
  );
  if (unmerged.size > 0) throw unmergedFiles([...unmerged]);
  const folder = await mkdtemp(join(tmpdir(), "belay-index-"));
  try {
    const index = join(folder, "index");
    const present = resolve(repository, stripNewline(await runGit(git, ["rev-parse", "--git-path", "index"])));
    await copyIndex(present, index);
    await runGit(git, ["add", "--all"], { env: { GIT_INDEX_FILE: index } });
    const tree = stripNewline(await runGit(git, ["write-tree"], { env: { GIT_INDEX_FILE: index } }));
    const message = `Uncommitted changes on ${commit.slice(0, 12)}`;
    return stripNewline(
      await runGit(git, ["commit-tree", tree, "-p", commit, "-m", message], { env: await identity(git, commit) }),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * A copy knows which files git has already read; without it every file would be hashed anew. It is as old as the original: git
 * reads a file again unless it is older than the index, so in a younger copy a change made right after a `git add` would go unseen.
 */
async function copyIndex(present: string, copy: string): Promise<void> {
  const found = await stat(present).catch(() => undefined);
  if (found === undefined) return;
  await copyFile(present, copy);
  // To whole seconds, rounded down: an older copy costs git a second look, a younger one a change.
  await utimes(copy, found.atime, Math.floor(found.mtimeMs / 1000));
}

/** Not the user's: it is not their commit. With the parent's date, so that deploying the same content twice is the same commit. */
async function identity(git: Git, parent: string): Promise<Readonly<Record<string, string>>> {
  const date = stripNewline(await runGit(git, ["log", "-1", "--no-show-signature", "--format=%cd", "--date=raw", parent]));
  const person = { NAME: "Belay", EMAIL: "belay@localhost", DATE: date };
  return Object.fromEntries(
    ["AUTHOR", "COMMITTER"].flatMap((role) => Object.entries(person).map(([key, value]) => [`GIT_${role}_${key}`, value])),
  );
}

async function readDirtyFiles(git: Git): Promise<readonly string[]> {
  const status = await runGit(git, [
    "status",
    "--porcelain=v1",
    "-z",
    "--untracked-files=all",
    "--no-renames",
    "--ignore-submodules=none",
  ]);
  return splitNul(status).map((line) => line.slice(3));
}

function stripNewline(text: string): string {
  return text.replace(/\n$/, "");
}

function noRepository(folder: string, stderr: string): BelayError {
  const isOfOther = stderr.includes("dubious ownership");
  return new BelayError({
    code: "BELAY_RELEASE_NO_REPOSITORY",
    message: isOfOther
      ? `git does not trust the repository at ${folder}: it belongs to another user`
      : `${folder} is not in the work tree of a git repository (${lastWords(stderr)})`,
    next: isOfOther
      ? `Run \`git config --global --add safe.directory ${folder}\` if you trust it.`
      : "Run `git init`, `git add` and `git commit` there, or change to the folder that holds belay.yml.",
  });
}

function noCommit(folder: string): BelayError {
  return new BelayError({
    code: "BELAY_RELEASE_NO_COMMIT",
    message: `the repository at ${folder} has no commit yet, and a release is built from a commit`,
    next: "Run `git add --all && git commit`, then deploy again.",
  });
}

function unmergedFiles(files: readonly string[]): BelayError {
  return new BelayError({
    code: "BELAY_RELEASE_UNMERGED",
    message: `a merge is not finished: ${files.slice(0, 5).join(", ")}`,
    next: "Finish the merge, or give it up with `git merge --abort`, then deploy again.",
  });
}
