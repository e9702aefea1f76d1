import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "../ports/command.ts";
import { userEnvironment } from "../ports/environment.ts";

/** A service's folder, as far as git would put it into a commit. */
export interface ProjectFiles {
  /** Name of the folder itself. */
  readonly name: string;
  /** Paths relative to the folder, sorted, without what git ignores. */
  readonly paths: readonly string[];
  /** There on disk, yet ignored by git, so that no commit holds it. */
  isIgnored(path: string): boolean;
  /** Undefined when it is not among the paths, or too large to be what a person wrote. */
  read(path: string): string | undefined;
}

const bytesMax = 256 * 1024;
const filesMax = 20_000;
/** Folders that hold no one's own source, for a folder that is in no repository. */
const skipped = new Set([".git", "node_modules", ".venv", "venv", "__pycache__"]);

/** Reads the list of files once. In no repository, or without git, nothing counts as ignored but the usual folders. */
export async function openProjectFiles(folder: string): Promise<ProjectFiles> {
  const listed = await listByGit(folder);
  const paths = (listed ?? listByWalk(folder)).slice(0, filesMax).toSorted();
  const known = new Set(paths);
  return {
    name: folder.split("/").findLast((part) => part !== "") ?? "service",
    paths,
    isIgnored: (path) => !known.has(path) && isFile(join(folder, path)),
    read: (path) => (known.has(path) ? readText(join(folder, path)) : undefined),
  };
}

/** Undefined when git cannot say. */
async function listByGit(folder: string): Promise<readonly string[] | undefined> {
  const env = { ...userEnvironment(), LC_ALL: "C", GIT_OPTIONAL_LOCKS: "0" };
  const argv = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"] as const;
  try {
    const { exitCode, stdout } = await runCommand({ argv, cwd: folder, env, timeoutMs: 30_000 });
    if (exitCode !== 0) return undefined;
    return [...new Set(stdout.toString("utf8").split("\0"))].filter((path) => path !== "" && isFile(join(folder, path)));
  } catch (cause) {
    if ((cause as { readonly code?: unknown }).code !== "BELAY_COMMAND_MISSING") throw cause;
    return undefined;
  }
}

function listByWalk(folder: string): readonly string[] {
  const found: string[] = [];
  const walk = (parent: string) => {
    for (const entry of readdirSync(join(folder, parent), { withFileTypes: true })) {
      if (found.length >= filesMax) return;
      const path = parent === "" ? entry.name : `${parent}/${entry.name}`;
      if (entry.isDirectory() && !skipped.has(entry.name)) walk(path);
      else if (entry.isFile()) found.push(path);
    }
  };
  walk("");
  return found;
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

function readText(path: string): string | undefined {
  const { size } = statSync(path);
  return size > bytesMax ? undefined : readFileSync(path, "utf8");
}
