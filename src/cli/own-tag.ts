import { readFileSync } from "node:fs";
import { join } from "node:path";
import { BelayError } from "../errors.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { tagName } from "../preflight/tag.ts";
import { versionOf } from "../preflight/version.ts";
import { makeTag, readTag } from "../release/tags.ts";
import type { WorkTree } from "../release/work-tree.ts";
import type { ReleaseTag } from "../rollout/release-tag.ts";

/** What tags are called where belay.yml does not say. */
const usualForm = "v{version}";

/**
 * The tag of the version that the service has, to be told to the control plane, which has no tags: nothing when belay.yml does not
 * ask for one. With `isMade` it is made first. Throws `BELAY_TAG_…`.
 */
export async function ownTag(options: {
  readonly tree: Pick<WorkTree, "repository" | "root">;
  readonly manifest: Pick<Manifest, "service" | "checks">;
  readonly commit: string;
  readonly isMade: boolean;
}): Promise<{ readonly tag?: ReleaseTag | null }> {
  const { tree, manifest, commit, isMade } = options;
  const { repository, root } = tree;
  if (manifest.checks.tag === null && !isMade) return {};
  const version = await versionOf(async (file) => readIfThere(join(repository, root, file)));
  if (version === null) {
    if (!isMade) return { tag: null };
    throw new BelayError({
      code: "BELAY_TAG_NO_VERSION",
      message: "neither package.json nor VERSION names a version that a tag could have",
      next: 'Write "version": "1.4.0" into package.json, or 1.4.0 into a file VERSION, and commit it.',
    });
  }
  const name = tagName(manifest.checks.tag ?? usualForm, version);
  if (isMade) await makeTag(repository, { name, commit, message: `${manifest.service} ${version}` });
  return { tag: await readTag(repository, name) };
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    // A folder of that name, such as a package's VERSION/, is no file that names one.
    if (["ENOENT", "EISDIR", "ENOTDIR"].includes((cause as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw cause;
  }
}
