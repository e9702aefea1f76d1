import type { Release, ReleaseId } from "./rollout.ts";

/** `<commit>-<digest>`, shortened; `<commit>-dirty-<digest>` for uncommitted changes; and behind it the config version, where there is one. */
export function releaseIdOf({
  commit,
  isDirty,
  digest,
  config,
}: Pick<Release, "commit" | "isDirty" | "digest" | "config">): ReleaseId {
  const revision = `${commit.slice(0, 7)}${isDirty ? "-dirty" : ""}-${digest.slice(0, 6)}`;
  return config === undefined ? revision : `${revision}-${config.slice(0, 6)}`;
}

/** The same revision with another configuration: nothing of it is built. */
export function withConfig(release: Release, config: string | undefined): Release {
  const changed = { ...release, config };
  return { ...changed, id: releaseIdOf(changed) };
}
