import { lstat, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { BelayError } from "../errors.ts";
import { mapFew } from "../ports/map-few.ts";
import { type Git, lastWords, runGit, splitNul, tryGit } from "./git.ts";
import { whereLinkLeads } from "./links.ts";

/** The most that a list of a commit's files may take. */
const listBytesMax = 256 * 1024 * 1024;
const lfsPrefix = Buffer.from("version https://git-lfs.github.com/spec/v1\n");
const lfsBytesMax = 1024;
const gitCryptPrefix = Buffer.from("\0GITCRYPT\0");

interface TreeEntry {
  readonly mode: string;
  readonly path: string;
}

type Trouble = "submodule" | "lfs" | "encrypted" | "link" | "name";

/**
 * Writes the tree of `commit` into `folder`, which is empty: what a check-out would give, not what `git archive` would, which
 * leaves out and rewrites files by attributes. What cannot be shipped as it is meant is refused by name when it lies in `root` (""
 * is all), and left out elsewhere, so that a build that needs it fails and ships nothing wrong.
 * Throws `BELAY_RELEASE_SUBMODULE`, `BELAY_RELEASE_LFS`, `BELAY_RELEASE_ENCRYPTED`, `BELAY_RELEASE_LINK_OUTSIDE`,
 * `BELAY_RELEASE_FILE_NAME` or `BELAY_RELEASE_ROOT_MISSING`.
 */
export async function exportCommit(options: {
  readonly git: Git;
  readonly commit: string;
  readonly root: string;
  readonly folder: string;
  /** A path where nothing is: git's index of the export. */
  readonly indexFile: string;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { git, commit, root, folder, indexFile, signal } = options;
  const entries = parseTree(
    await runGit(git, ["ls-tree", "-r", "-z", "--full-tree", commit], { stdoutBytesMax: listBytesMax, signal }),
  );
  const isInRoot = ({ path }: TreeEntry) => root === "" || path.startsWith(`${root}/`);
  if (!entries.some(isInRoot)) throw rootMissing(commit, root);
  const env = { GIT_INDEX_FILE: indexFile, GIT_WORK_TREE: folder };
  await runGit({ ...git, cwd: folder }, ["read-tree", commit], { env, signal });
  const checkOut = await tryGit({ ...git, cwd: folder }, ["checkout-index", "--all", "--quiet"], { env, signal });
  if (checkOut.exitCode !== 0) throw exportFailed(commit, lastWords(checkOut.stderr));
  const found = await mapFew(entries, async (entry) => ({ entry, trouble: await troubleWith(folder, entry) }));
  const troubled = found.filter(({ trouble }) => trouble !== undefined);
  for (const trouble of ["submodule", "lfs", "encrypted", "link", "name"] as const) {
    const paths = troubled.filter((one) => one.trouble === trouble && isInRoot(one.entry)).map(({ entry }) => entry.path);
    if (paths.length > 0) throw refused(trouble, paths);
  }
  for (const { entry } of troubled) await rm(join(folder, entry.path), { recursive: true, force: true });
}

function parseTree(listed: string): readonly TreeEntry[] {
  return splitNul(listed).map((line) => ({ mode: line.slice(0, 6), path: line.slice(line.indexOf("\t") + 1) }));
}

async function troubleWith(folder: string, { mode, path }: TreeEntry): Promise<Trouble | undefined> {
  if (mode === "160000") return "submodule";
  const file = join(folder, path);
  try {
    const facts = await lstat(file);
    if (facts.isSymbolicLink()) return (await whereLinkLeads(folder, path)) === "outside" ? "link" : undefined;
    const start = await readStart(file);
    if (start.equals(lfsPrefix) && facts.size < lfsBytesMax) return "lfs";
    return start.subarray(0, gitCryptPrefix.length).equals(gitCryptPrefix) ? "encrypted" : undefined;
  } catch (cause) {
    // Git wrote the file's bytes; if its name cannot be found by its text, the name is not UTF-8.
    if ((cause as NodeJS.ErrnoException).code === "ENOENT" && path.includes("\u{fffd}")) return "name";
    throw cause;
  }
}

async function readStart(file: string): Promise<Buffer> {
  const handle = await open(file, "r");
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(lfsPrefix.length), 0, lfsPrefix.length, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

const refusals: Readonly<Record<Trouble, { readonly code: BelayError["code"]; readonly words: string; readonly next: string }>> =
  {
    submodule: {
      code: "BELAY_RELEASE_SUBMODULE",
      words: "submodules, whose content is not part of the commit",
      next: "Put the content into the repository (`git rm` the submodule, then `git subtree add`), or fetch it in release.build.",
    },
    lfs: {
      code: "BELAY_RELEASE_LFS",
      words: "pointers of Git LFS, whose content is not part of the commit",
      next: "Put the content into the repository with `git lfs migrate export --include=<files>`, or remove the files and fetch them in release.build.",
    },
    encrypted: {
      code: "BELAY_RELEASE_ENCRYPTED",
      words: "files encrypted by git-crypt, which the service could not read",
      next: "Keep secrets out of the repository, or commit the files without encryption.",
    },
    link: {
      code: "BELAY_RELEASE_LINK_OUTSIDE",
      words: "links that are absolute or leave the repository",
      next: "Make the links relative, to files in the repository, or remove them.",
    },
    name: {
      code: "BELAY_RELEASE_FILE_NAME",
      words: "files whose names are not valid UTF-8",
      next: "Rename the files with `git mv`, commit and deploy again.",
    },
  };

function refused(trouble: Trouble, paths: readonly string[]): BelayError {
  const { code, words, next } = refusals[trouble];
  const more = paths.length > 5 ? ` and ${paths.length - 5} more` : "";
  return new BelayError({ code, message: `the commit holds ${words}: ${paths.slice(0, 5).join(", ")}${more}`, next });
}

function rootMissing(commit: string, root: string): BelayError {
  return new BelayError({
    code: "BELAY_RELEASE_ROOT_MISSING",
    message: `commit ${commit.slice(0, 12)} has no file ${root === "" ? "at all" : `in the folder ${root}`}`,
    next: "Commit the service's files, then deploy again.",
  });
}

function exportFailed(commit: string, words: string): BelayError {
  return new BelayError({
    code: "BELAY_RELEASE_EXPORT_FAILED",
    message: `the files of commit ${commit.slice(0, 12)} could not be written: ${words}`,
    next: "Check that the disk of the data folder has room, then deploy again.",
  });
}
