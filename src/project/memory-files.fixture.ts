import type { ProjectFiles } from "./project-files.ts";

/** A folder that is none. `ignored` lie on disk and in no commit. */
export function filesOf(contents: Readonly<Record<string, string>>, ignored: readonly string[] = []): ProjectFiles {
  return {
    name: "My Shop",
    paths: Object.keys(contents).toSorted(),
    isIgnored: (path) => ignored.includes(path),
    read: (path) => contents[path],
  };
}
