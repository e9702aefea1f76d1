import { createHash, type Hash } from "node:crypto";
import { lstat, open, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { mapFew } from "../ports/map-few.ts";

/** Files that a check reads, by paths relative to one folder. */
export interface FileTree {
  readonly folder: string;
  /** Sorted. */
  readonly files: readonly TreeFile[];
  /** Undefined when there is no such file among them. */
  read(path: string): Promise<Buffer | undefined>;
}

export interface TreeFile {
  readonly path: string;
  readonly bytes: number;
  /** What a symbolic link leads to; absent for a file. */
  readonly link?: string | undefined;
}

/** The files named by `paths` below `folder`. What is there no more is left out; its content is read when it is asked for. */
export async function openFileTree(folder: string, paths: readonly string[]): Promise<FileTree> {
  const found = await mapFew(paths, async (path): Promise<TreeFile | undefined> => {
    const file = join(folder, path);
    const facts = await lstat(file).catch(undefinedWhenGone);
    if (facts === undefined) return undefined;
    if (facts.isSymbolicLink()) return { path, bytes: facts.size, link: await readlink(file) };
    return facts.isFile() ? { path, bytes: facts.size } : undefined;
  });
  const files = found.filter((file) => file !== undefined).toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const known = new Set(files.filter(({ link }) => link === undefined).map(({ path }) => path));
  return {
    folder,
    files,
    read: async (path) => (known.has(path) ? await readFile(join(folder, path)).catch(undefinedWhenGone) : undefined),
  };
}

/** Text of a file, or undefined. */
export async function readText(tree: Pick<FileTree, "read">, path: string): Promise<string | undefined> {
  return (await tree.read(path))?.toString("utf8");
}

/** Runs `look` over all files, a few at a time, and hashes what was read in the order of the files. Files above the limit are told to `look` by their start alone. */
export async function readAll(
  tree: FileTree,
  files: readonly TreeFile[],
  options: { readonly bytesMax: number; readonly signal: AbortSignal },
  look: (file: TreeFile, content: Buffer) => void,
): Promise<string> {
  const digests = await mapFew(files, async (file) => {
    options.signal.throwIfAborted();
    const content = await readStart(join(tree.folder, file.path), options.bytesMax);
    if (content === undefined) return "";
    look(file, content);
    return `${file.path}\0${createHash("sha256").update(content).digest("hex")}\n`;
  });
  const hash = createHash("sha256");
  for (const digest of digests) hash.update(digest);
  return hash.digest("hex");
}

/** Over texts that a check read. */
export function hashOf(...contents: readonly (string | Uint8Array)[]): string {
  const hash: Hash = createHash("sha256");
  for (const content of contents) hash.update(content).update("\0");
  return hash.digest("hex");
}

async function readStart(file: string, bytesMax: number): Promise<Buffer | undefined> {
  const handle = await open(file, "r").catch(undefinedWhenGone);
  if (handle === undefined) return undefined;
  try {
    const { size } = await handle.stat();
    if (size <= bytesMax) return await handle.readFile();
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(bytesMax), 0, bytesMax, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** A file may go away while a folder is looked at; everything else is a failure. */
function undefinedWhenGone(cause: unknown): undefined {
  if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
  throw cause;
}
