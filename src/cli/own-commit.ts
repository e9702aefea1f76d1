import { BelayError } from "../errors.ts";
import { openPack } from "../release/pack-commit.ts";
import { commitDirtyTree, type WorkTree } from "../release/work-tree.ts";
import type { CommandContext } from "./command.ts";
import { harmless } from "./show-table.ts";

/** The commit that a command means: the present one, or one made of the uncommitted changes where that is allowed. */
export interface ChosenCommit {
  readonly tree: WorkTree;
  readonly commit: string;
  readonly isDirty: boolean;
  /** First line of its message, for people. */
  readonly subject: string;
}

/** Throws `BELAY_RELEASE_DIRTY`. */
export async function chooseCommit(tree: WorkTree, allowsDirty: boolean): Promise<ChosenCommit> {
  const { isDirty } = tree;
  if (isDirty && !allowsDirty) throw dirtyTree(tree);
  const commit = isDirty ? await commitDirtyTree(tree) : tree.commit;
  return { tree, commit, isDirty, subject: isDirty ? "uncommitted changes" : harmless(tree.subject) };
}

/** Sends a commit that the control plane does not have yet. */
export async function sendCommit(
  { client }: Pick<CommandContext, "client">,
  { repository }: WorkTree,
  commit: string,
): Promise<void> {
  const known = await client.knownCommits();
  if (known.includes(commit)) return;
  const { pack, shallow } = await openPack({ folder: repository, commit, known });
  await client.sendPack({ commit, shallow, pack });
}

function dirtyTree({ dirtyFiles }: WorkTree): BelayError {
  const shown = dirtyFiles.slice(0, 10).map((file) => `\n    ${harmless(file)}`);
  const rest = dirtyFiles.length > shown.length ? `\n    and ${dirtyFiles.length - shown.length} more` : "";
  return new BelayError({
    code: "BELAY_RELEASE_DIRTY",
    message: `the work tree has changes that are in no commit:${shown.join("")}${rest}`,
    next: "Commit or stash them, or take them as they are with --allow-dirty.",
  });
}
