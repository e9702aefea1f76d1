import { existsSync } from "node:fs";
import { mkdir, open, rename } from "node:fs/promises";
import { join } from "node:path";
import { BelayError } from "../errors.ts";
import { readJsonFile, writeFileDurably } from "../ports/durable-file.ts";
import { mapFew } from "../ports/map-few.ts";
import { type BundleFile, copyBundle, describeFile, digestOf, listPaths } from "./bundle.ts";
import { removeFolder, seal } from "./folders.ts";

export interface StoredBundle {
  readonly digest: string;
  readonly fileCount: number;
  readonly bytes: number;
}

/** Bundles by digest: `<folder>/<digest>/files` and beside it `files.json`, the list that the digest is of. Never changed, all read-only. */
export class BundleStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Keeps what the globs name in `from`. `unfinished` is a path on the same disk where nothing is. A bundle that is there
   * already and whole is left alone; one that was changed is replaced.
   */
  async add(options: {
    readonly from: string;
    readonly include: readonly string[] | null;
    readonly unfinished: string;
    /** Called before anything is kept; when it rejects, nothing is. */
    readonly inspect?: (folder: string, paths: readonly string[]) => Promise<void>;
  }): Promise<StoredBundle> {
    const { from, include, unfinished, inspect } = options;
    const files = await copyBundle({ from, to: join(unfinished, "files"), include });
    const paths = files.map(({ path }) => path);
    await inspect?.(join(unfinished, "files"), paths);
    const digest = digestOf(files);
    writeFileDurably(join(unfinished, "files.json"), `${JSON.stringify({ format: 1, files }, null, 1)}\n`, 0o444);
    await seal(join(unfinished, "files"));
    await this.#place(digest, unfinished);
    return { digest, fileCount: files.length, bytes: files.reduce((sum, file) => sum + file.bytes, 0) };
  }

  /** The folder of the bundle's files, each of which was just hashed. Throws `BELAY_RELEASE_MISSING` or `BELAY_RELEASE_CHANGED`. */
  async verifiedFolder(digest: string): Promise<string> {
    const folder = join(this.#folder, digest);
    if (!existsSync(folder)) throw missing(folder);
    const difference = await findDifference(folder, digest);
    if (difference !== undefined) throw changed(folder, difference);
    return join(folder, "files");
  }

  /** The files of a bundle by their list, unchecked; undefined when there is none. */
  list(digest: string): readonly BundleFile[] | undefined {
    return readFileList(join(this.#folder, digest, "files.json"));
  }

  async #place(digest: string, unfinished: string): Promise<void> {
    const folder = join(this.#folder, digest);
    await mkdir(this.#folder, { recursive: true, mode: 0o755 });
    if (existsSync(folder)) {
      try {
        await this.verifiedFolder(digest);
        return;
      } catch (cause) {
        if (!(cause instanceof BelayError) || cause.code !== "BELAY_RELEASE_CHANGED") throw cause;
      }
      // Instances may still run from it, and somebody may want to see what was changed.
      await removeFolder(`${folder}.changed`);
      await rename(folder, `${folder}.changed`);
    }
    await rename(unfinished, folder);
    await syncFolder(this.#folder);
  }
}

/** In words, or undefined. What cannot be read is not what was built either, unless it is we who have too many files open. */
async function findDifference(folder: string, digest: string): Promise<string | undefined> {
  try {
    const listed = readFileList(join(folder, "files.json"));
    if (listed === undefined || digestOf(listed) !== digest) return "files.json was changed";
    return await firstDifference(listed, join(folder, "files"));
  } catch (cause) {
    if (!(cause instanceof Error) || !("syscall" in cause) || !("code" in cause)) throw cause;
    if (cause.code === "EMFILE" || cause.code === "ENFILE") throw cause;
    return `it cannot be read: ${cause.message}`;
  }
}

function readFileList(path: string): readonly BundleFile[] | undefined {
  try {
    const content = readJsonFile(path) as { readonly files?: readonly BundleFile[] } | undefined;
    return Array.isArray(content?.files) && content.files.every((file) => typeof file === "object" && file !== null)
      ? content.files
      : undefined;
  } catch (cause) {
    if (cause instanceof SyntaxError) return undefined;
    throw cause;
  }
}

/** In words, or undefined. Python's compiled copies are no difference: the interpreter writes them beside the sources that it runs. */
async function firstDifference(listed: readonly BundleFile[], folder: string): Promise<string | undefined> {
  const present = new Set(existsSync(folder) ? await listPaths(folder) : []);
  const found = await mapFew(listed, async (file) => ({
    file,
    now: present.has(file.path) ? await describeFile(folder, file.path) : undefined,
  }));
  for (const { file, now } of found) {
    if (now === undefined) return `${file.path} is missing`;
    if (now.sha256 !== file.sha256 || now.bytes !== file.bytes) return `${file.path} has another content`;
    if (now.mode !== file.mode) return `${file.path} has mode ${now.mode} instead of ${file.mode}`;
    present.delete(file.path);
  }
  const added = [...present].find((path) => !/(^|\/)__pycache__\/[^/]+\.pyc$/.test(path));
  return added === undefined ? undefined : `${added} was added`;
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function missing(folder: string): BelayError {
  return new BelayError({
    code: "BELAY_RELEASE_MISSING",
    message: `the bundle ${folder} is not there`,
    next: "Deploy its commit again.",
  });
}

function changed(folder: string, words: string): BelayError {
  return new BelayError({
    code: "BELAY_RELEASE_CHANGED",
    message: `the bundle ${folder} is not what was built: ${words}`,
    next: "Deploy the commit again, which builds it anew; if the service writes into its own folder, let it write elsewhere.",
  });
}
