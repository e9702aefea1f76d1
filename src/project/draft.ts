/** What `belay init` made out about a service, before it becomes a manifest. */
export interface Draft {
  readonly service: string;
  /** Shell command line, or null when nothing is to be built. */
  readonly build: string | null;
  /** Null while nothing says how the service starts. */
  readonly command: string | null;
  /** Where the command comes from, in a few words: `scripts.start of package.json`. */
  readonly commandFrom: string;
  readonly health: string;
  /** Host names of the visitors; `*` alone is any. */
  readonly hosts: readonly string[];
  /** What was taken for granted. One sentence each. */
  readonly assumed: readonly string[];
  /** What the reader should look at before the first deploy. One sentence each. */
  readonly toCheck: readonly string[];
  /** What an imported file says and a manifest cannot. One sentence each. */
  readonly leftOut: readonly string[];
}

/** The part that a kind of project, or an imported file, knows of. */
export type DraftPart = Partial<Omit<Draft, "assumed" | "toCheck" | "leftOut">> &
  Partial<Pick<Draft, "assumed" | "toCheck" | "leftOut">>;

/** The later part wins field by field; sentences of both stay. */
export function mergeDraft(draft: Draft, part: DraftPart): Draft {
  return {
    ...draft,
    ...part,
    assumed: [...draft.assumed, ...(part.assumed ?? [])],
    toCheck: [...draft.toCheck, ...(part.toCheck ?? [])],
    leftOut: [...draft.leftOut, ...(part.leftOut ?? [])],
  };
}

/** A name that a manifest accepts: a-z, 0-9 and -, at most 63 long. */
export function toServiceName(text: string): string {
  const name = text
    .toLowerCase()
    .replace(/^@[^/]*\//, "")
    .replaceAll(/[^a-z0-9]+/g, "-")
    .slice(0, 63)
    .replaceAll(/^-+|-+$/g, "");
  return name === "" ? "service" : name;
}
