import { existsSync } from "node:fs";
import { chmod, lstat, open, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { mapFew } from "../ports/map-few.ts";

/** Removes a folder with all in it, also what was made read-only; builds do that to their caches, and bundles are. */
export async function removeFolder(folder: string): Promise<void> {
  if (!existsSync(folder)) return;
  await eachEntry(folder, async (path, isFolder) => {
    if (isFolder) await chmod(path, 0o700);
  });
  // What was killed a moment ago may still have written into a folder that was read already.
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}

/** Takes the right to write from everything in `folder`, itself included, and returns when all of it is on the disk. Links are left alone. */
export async function seal(folder: string): Promise<void> {
  const files: string[] = [];
  const folders: string[] = [];
  await eachEntry(folder, async (path, isFolder) => {
    if (isFolder) folders.push(path);
    else if (!(await lstat(path)).isSymbolicLink()) files.push(path);
  });
  // One by one: to flush the whole file system would wait for what others write, too.
  await mapFew(files, (path) => sealOne(path, (mode) => ((mode & 0o100) === 0 ? 0o444 : 0o555)));
  await mapFew(folders, (path) => sealOne(path, () => 0o555));
}

async function sealOne(path: string, toMode: (mode: number) => number): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.chmod(toMode((await handle.stat()).mode));
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function eachEntry(path: string, action: (path: string, isFolder: boolean) => Promise<void>): Promise<void> {
  await action(path, true);
  for (const entry of await readdir(path, { withFileTypes: true })) {
    const inner = join(path, entry.name);
    if (entry.isDirectory()) await eachEntry(inner, action);
    else await action(inner, false);
  }
}
