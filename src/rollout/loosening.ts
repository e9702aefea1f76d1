/** Something that a release would make less strict than it is. */
export interface Loosening {
  /** Where it stands in belay.yml: `rollout.harm`. */
  readonly field: string;
  /** Both as belay.yml would say it. */
  readonly was: string;
  readonly asked: string;
  /** `was` is pinned on the server, so that what is asked counts in no later rollout either. Absent: it counts from the next one on. */
  readonly isPinned?: true | undefined;
}

export function describeLoosening({ field, was, asked, isPinned }: Loosening): string {
  if (isPinned === true) return `${field}: ${was} is pinned on the server, and ${asked} does not count`;
  return `${field}: ${was} still counts, and ${asked} from the next rollout on`;
}

/** What a release asks for itself; what is pinned is nobody's to ask. */
export function ownLoosenings(loosenings: readonly Loosening[]): readonly Loosening[] {
  return loosenings.filter(({ isPinned }) => isPinned !== true);
}
