import type { Release, ReleaseId } from "./rollout.ts";
import type { Service } from "./service.ts";

/** What a release's manifest says of its copies. Comes from the manifest of its own commit and never changes. */
export interface ShadowSpec {
  /** Copies carry the client's Cookie and Authorization. */
  readonly credentials: boolean;
  /** In place of the release's own variables; null is a variable that its shadow does not get. */
  readonly config: Readonly<Record<string, string | null>>;
  /** Fields that are not compared. */
  readonly ignore: readonly string[];
}

export const plainShadow: ShadowSpec = { credentials: false, config: {}, ignore: [] };

const suffix = "-shadow";

/** The release under which the instances of a shadow run: they are no instances of the release itself, and never serve a visitor. */
export function shadowOf(id: ReleaseId): ReleaseId {
  return `${id}${suffix}`;
}

export function isShadow(id: ReleaseId): boolean {
  return id.endsWith(suffix);
}

/** A release by id, or the shadow of one: one instance of the same files, which knows that it is a shadow. */
export function findRelease({ releases }: Pick<Service, "releases">, id: ReleaseId): Release | undefined {
  const known = releases[id];
  if (known !== undefined || !isShadow(id)) return known;
  const original = releases[id.slice(0, -suffix.length)];
  return original === undefined ? undefined : { ...original, id, run: { ...original.run, instances: 1 } };
}
