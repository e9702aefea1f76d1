import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { constants, copyFile, lstat, mkdir, readdir, readlink, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { BelayError } from "../errors.ts";
import { mapFew } from "../ports/map-few.ts";
import { createIncludeList, type IncludeList } from "./include.ts";
import { whereLinkLeads } from "./links.ts";

/** One file of a bundle. `120000` is a link, and its content is where it leads. */
export interface BundleFile {
  readonly path: string;
  readonly mode: "100644" | "100755" | "120000";
  readonly bytes: number;
  readonly sha256: string;
}

/** sha256, in hex, over the sorted list: equal digests are equal bundles, byte for byte, with modes and links. */
export function digestOf(files: readonly BundleFile[]): string {
  const lines = files.map(({ path, mode, bytes, sha256 }) => JSON.stringify([path, mode, bytes, sha256]));
  return createHash("sha256").update(lines.join("\n")).digest("hex");
}

/**
 * Copies what the globs name (null is everything) from `from` to `to` and returns the sorted list of it. Empty folders and
 * times of change are not part of a bundle. Throws `BELAY_RELEASE_INCLUDE_EMPTY`, `BELAY_RELEASE_LINK_OUTSIDE`,
 * `BELAY_RELEASE_FILE_KIND` or `BELAY_RELEASE_FILE_NAME`.
 */
export async function copyBundle(options: {
  readonly from: string;
  readonly to: string;
  readonly include: readonly string[] | null;
}): Promise<readonly BundleFile[]> {
  const { from, to, include } = options;
  const paths = await selectFiles(from, include === null ? null : createIncludeList(include));
  if (paths.length === 0) throw nothingIncluded(include ?? ["**"]);
  const files = await mapFew(paths, (path) => copyOne(from, to, path));
  const links = files.filter((file) => file.mode === "120000");
  await mapFew(links, ({ path }) => demandLink(from, to, path));
  return files;
}

/** Every path below `folder` that is no folder, sorted. */
export function listPaths(folder: string): Promise<readonly string[]> {
  return selectFiles(folder, null);
}

/** Stands for a list that names all, in place of the globs that match. */
const everything: readonly number[] = [-1];

async function selectFiles(folder: string, include: IncludeList | null): Promise<readonly string[]> {
  const found: string[] = [];
  const used = new Set<number>();
  const walk = async (parent: string, inherited: readonly number[]): Promise<void> => {
    for (const entry of await readdir(join(folder, parent), { withFileTypes: true })) {
      const path = parent === "" ? entry.name : `${parent}/${entry.name}`;
      // Below a folder that a glob names everything belongs to it.
      const matching = inherited.length > 0 ? inherited : (include?.matching(path) ?? everything);
      if (entry.isDirectory()) await walk(path, matching);
      else if (matching.length > 0) {
        for (const index of matching) used.add(index);
        found.push(path);
      }
    }
  };
  await walk("", []);
  const unused = (include?.globs ?? []).filter((_, index) => !used.has(index));
  if (unused.length > 0) throw nothingIncluded(unused);
  return found.sort();
}

async function copyOne(from: string, to: string, path: string): Promise<BundleFile> {
  const source = join(from, path);
  const target = join(to, path);
  const facts = await lstat(source).catch((cause: unknown) => {
    throw path.includes("\u{fffd}") ? unreadableName(path, cause) : cause;
  });
  await mkdir(dirname(target), { recursive: true });
  if (facts.isSymbolicLink()) await symlink(await readlink(source), target);
  else if (facts.isFile()) await copyFile(source, target, constants.COPYFILE_FICLONE);
  else throw otherKind(path);
  // Hashed where it is kept: the list tells of what is stored, whatever happens to the source meanwhile.
  const file = await describeFile(to, path);
  if (file === undefined) throw otherKind(path);
  return file;
}

/** Undefined for what is neither a file nor a link. */
export async function describeFile(folder: string, path: string): Promise<BundleFile | undefined> {
  const file = join(folder, path);
  const facts = await lstat(file);
  if (facts.isSymbolicLink()) {
    const target = Buffer.from(await readlink(file));
    return { path, mode: "120000", bytes: target.length, sha256: createHash("sha256").update(target).digest("hex") };
  }
  if (!facts.isFile()) return undefined;
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return { path, mode: (facts.mode & 0o100) === 0 ? "100644" : "100755", bytes: facts.size, sha256: hash.digest("hex") };
}

/** A link must stay inside, and must lead in the bundle to what it led to where it was built. */
async function demandLink(from: string, to: string, path: string): Promise<void> {
  const before = await whereLinkLeads(from, path);
  if (before === "outside") {
    throw new BelayError({
      code: "BELAY_RELEASE_LINK_OUTSIDE",
      message: `${path} is a link to ${await readlink(join(from, path))}, which is outside the bundle and will not be there when it runs`,
      next: "Copy in release.build what the link leads to, or leave the link out of release.include.",
    });
  }
  if (before === "inside" && (await whereLinkLeads(to, path)) !== "inside") {
    throw new BelayError({
      code: "BELAY_RELEASE_LINK_BROKEN",
      message: `${path} is a link to ${await readlink(join(from, path))}, which release.include leaves out`,
      next: "Add what the link leads to to release.include, or leave the link out too.",
    });
  }
}

function nothingIncluded(globs: readonly string[]): BelayError {
  return new BelayError({
    code: "BELAY_RELEASE_INCLUDE_EMPTY",
    message: `release.include: ${globs.map((glob) => `"${glob}"`).join(", ")} ${globs.length === 1 ? "names" : "name"} no file after the build`,
    next: "Correct or remove it in belay.yml; paths are relative to the folder of belay.yml.",
  });
}

function otherKind(path: string): BelayError {
  return new BelayError({
    code: "BELAY_RELEASE_FILE_KIND",
    message: `${path} is neither a file nor a link, and a bundle holds nothing else`,
    next: "Remove it in release.build, or leave it out of release.include.",
  });
}

function unreadableName(path: string, cause: unknown): BelayError {
  return new BelayError({
    code: "BELAY_RELEASE_FILE_NAME",
    message: `the name of ${path} is not valid UTF-8`,
    next: "Give the file another name, or leave it out of release.include.",
    cause,
  });
}
