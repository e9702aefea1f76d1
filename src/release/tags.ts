import { BelayError } from "../errors.ts";
import type { ReleaseTag } from "../rollout/release-tag.ts";
import { createUserGit, lastWords, runGit, tryGit } from "./git.ts";

/** The tag of this name in the user's repository; null when there is none. Changes nothing. */
export async function readTag(repository: string, name: string): Promise<ReleaseTag | null> {
  const git = createUserGit(repository);
  const format = "--format=%(refname)%00%(objectname)%00%(objecttype)%00%(*objectname)";
  // A pattern names all that lies below it, too.
  const lines = (await runGit(git, ["for-each-ref", format, `refs/tags/${name}`])).split("\n").map((line) => line.split("\0"));
  const [, object, type, peeled = ""] = lines.find(([ref]) => ref === `refs/tags/${name}`) ?? [];
  if (object === undefined) return null;
  const isAnnotated = type === "tag";
  return { name, object, commit: isAnnotated ? peeled : object, isAnnotated };
}

/**
 * Makes an annotated tag on a commit, under the user's own name and with their own settings, such as signing. The same tag there
 * already is left as it is. Throws `BELAY_TAG_TAKEN` or `BELAY_TAG_FAILED`.
 */
export async function makeTag(
  repository: string,
  { name, commit, message }: { readonly name: string; readonly commit: string; readonly message: string },
): Promise<void> {
  const present = await readTag(repository, name);
  if (present?.isAnnotated === true && present.commit === commit) return;
  if (present !== null) throw tagTaken(present, commit);
  const end = await tryGit(createUserGit(repository), ["tag", "--annotate", "--message", message, name, commit]);
  if (end.exitCode === 0) return;
  throw new BelayError({
    code: "BELAY_TAG_FAILED",
    message: `git cannot make the tag ${name}: ${lastWords(end.stderr)}`,
    next: "Do what git says there, such as `git config user.name` and `user.email`, then deploy again.",
  });
}

function tagTaken({ name, commit: other, isAnnotated }: ReleaseTag, commit: string): BelayError {
  return new BelayError({
    code: "BELAY_TAG_TAKEN",
    message: isAnnotated
      ? `the tag ${name} is on commit ${other.slice(0, 12)}, and the release is of ${commit.slice(0, 12)}`
      : `there is a tag ${name} already, and it is no annotated one`,
    next: isAnnotated
      ? "Raise the version in package.json or VERSION, commit it, and deploy again."
      : `Run \`git tag --delete ${name}\` if it may go, then deploy again.`,
  });
}
