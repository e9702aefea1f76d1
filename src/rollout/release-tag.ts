/** A tag of git as whoever deployed found it in their repository: their claim, as is all that they say of a commit's surroundings. */
export interface ReleaseTag {
  readonly name: string;
  /** Object name of the tag itself: another one when it was made again. That of the commit when it is not annotated. */
  readonly object: string;
  readonly commit: string;
  readonly isAnnotated: boolean;
}
