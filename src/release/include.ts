import { matchesGlob } from "node:path";

/** Tells for each glob whether it names `path`, a file or folder relative to the bundle's top. A named folder means all in it. */
export interface IncludeList {
  readonly globs: readonly string[];
  /** The globs that name this very path, by index. */
  matching(path: string): readonly number[];
}

/**
 * Globs as in a shell (`*`, `**`, `?`, `[a-z]`, `{a,b}`), relative to the service's folder. Unlike in a shell they match names that begin
 * with a dot too: what a release needs must not be lost to a habit of shells.
 */
export function createIncludeList(globs: readonly string[]): IncludeList {
  const patterns = globs.map(normalize);
  const matching = (path: string) => {
    const visible = showDots(path);
    return patterns.flatMap((pattern, index) => (pattern === "**" || matchesGlob(visible, pattern) ? [index] : []));
  };
  return { globs, matching };
}

function normalize(glob: string): string {
  const relative = glob.replace(/^(\.\/)+/, "").replace(/\/+$/, "");
  if (relative === "" || relative === ".") return "**";
  // "lib/**" is all in lib, which "lib" says too, and a folder is matched once where its files would be matched one by one.
  return showDots(relative === "**" ? relative : relative.replace(/(\/\*\*)+$/, ""));
}

/** Globs pass over a leading dot; a private-use character in its place is like any other. */
function showDots(path: string): string {
  return path.replace(/(^|[/{,])\.(?!\.?(\/|$))/g, "$1\u{f8ff}");
}
