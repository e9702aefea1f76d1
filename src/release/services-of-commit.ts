import { posix } from "node:path";
import { createUserGit, isCommitName, runGit, splitNul, tryGit } from "./git.ts";
import { createIncludeList } from "./include.ts";

/** A belay.yml of a commit. */
export interface ManifestOfCommit {
  /** Its folder inside the repository, "" for the top. */
  readonly root: string;
  readonly text: string;
}

/** The manifests in `below` and under it, in the order of their folders. Throws `BELAY_RELEASE_GIT_FAILED`. */
export async function readManifests(repository: string, commit: string, below: string): Promise<readonly ManifestOfCommit[]> {
  const git = createUserGit(repository);
  const listed = splitNul(await runGit(git, ["ls-tree", "-r", "-z", "--name-only", "--full-tree", commit]));
  const paths = listed.filter((path) => posix.basename(path) === "belay.yml" && isBelow(path, below)).sort();
  const found: ManifestOfCommit[] = [];
  for (const path of paths) {
    const folder = posix.dirname(path);
    found.push({ root: folder === "." ? "" : folder, text: await runGit(git, ["cat-file", "blob", `${commit}:${path}`]) });
  }
  return found;
}

/** Files that are not the same in both commits; null when this repository does not have the older one. */
export async function changedFiles(repository: string, from: string, to: string): Promise<readonly string[] | null> {
  const git = createUserGit(repository);
  if (!isCommitName(from)) return null;
  const known = await tryGit(git, ["rev-parse", "--verify", "--quiet", `${from}^{commit}`]);
  if (known.exitCode !== 0) return null;
  // Both names of a renamed file count, and so does a change of mode alone.
  return splitNul(await runGit(git, ["diff-tree", "-r", "-z", "--name-only", "--no-renames", "--full-index", from, to]));
}

/** Those of `files` that are of the service in `root`: in its folder, or named by one of the globs, which are relative to it. */
export function filesOf(files: readonly string[], root: string, watch: readonly string[]): readonly string[] {
  const globs = watch.map((glob) => posix.join(root, glob)).filter((glob) => !glob.startsWith("../"));
  const watched = createIncludeList(globs);
  const folders = (path: string) => path.split("/").map((_, index, parts) => parts.slice(0, index + 1).join("/"));
  return files.filter((path) => isBelow(path, root) || folders(path).some((part) => watched.matching(part).length > 0));
}

/** The globs that lead out of the repository, and so never name anything. */
export function globsOutside(root: string, watch: readonly string[]): readonly string[] {
  return watch.filter((glob) => posix.join(root, glob).startsWith("../"));
}

function isBelow(path: string, folder: string): boolean {
  return folder === "" || path.startsWith(`${folder}/`);
}
