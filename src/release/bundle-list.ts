import { isAbsolute } from "node:path/posix";
import { BelayError } from "../errors.ts";
import type { BundleFile } from "./bundle.ts";

/** What a bundle may hold. Above it a bundle is refused before anything of it is written. */
export interface BundleLimits {
  readonly filesMax: number;
  /** Of all files together, unpacked. */
  readonly contentBytesMax: number;
  /** Of the bundle as it is sent. */
  readonly bundleBytesMax: number;
}

export const bundleLimits: BundleLimits = {
  filesMax: 100_000,
  contentBytesMax: 4 * 1024 ** 3,
  bundleBytesMax: 1024 ** 3,
};

/** Linux takes 255 bytes for a name, and 4,096 for a path with the folder that it will lie in. */
const nameBytesMax = 255;
const pathBytesMax = 2_048;
const linkBytesMax = 4_096;

const kinds: Readonly<Record<string, string>> = {
  "01": "a fifo",
  "02": "a device",
  "04": "a folder",
  "06": "a device",
  "14": "a socket",
  "16": "a submodule",
};

/**
 * Checks a list from outside before a single file of it is written. Throws `BELAY_BUNDLE_TOO_LARGE`, `BELAY_BUNDLE_PATH`,
 * `BELAY_BUNDLE_PATHS_COLLIDE`, `BELAY_BUNDLE_FILE_KIND` or `BELAY_BUNDLE_SIZE`.
 */
export function checkBundleList(files: readonly BundleFile[], limits: BundleLimits): void {
  if (files.length > limits.filesMax) throw bundleTooLarge(`${files.length} files, above ${limits.filesMax}`);
  for (const file of files) {
    const wrong = whatIsWrongWithPath(file.path);
    if (wrong !== undefined) throw badPath(file.path, wrong);
    checkKind(file);
    if (!Number.isSafeInteger(file.bytes) || file.bytes < 0) throw badSize(file, `${file.bytes} is no size`);
    if (file.mode === "120000" && file.bytes > linkBytesMax) throw badSize(file, "a link's target is never that long");
  }
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  if (bytes > limits.contentBytesMax) throw bundleTooLarge(`${bytes} bytes in its files, above ${limits.contentBytesMax}`);
  checkCollisions(files);
}

function whatIsWrongWithPath(path: string): string | undefined {
  if (path === "") return "is empty";
  if (isAbsolute(path)) return "is absolute";
  if (path.includes("\0")) return "has a NUL character";
  if (!path.isWellFormed()) return "is not valid text";
  const names = path.split("/");
  if (names.includes("..")) return "leaves the bundle by ..";
  if (names.includes(".") || names.includes("")) return "is not in its plain form";
  if (Buffer.byteLength(path) > pathBytesMax || names.some((name) => Buffer.byteLength(name) > nameBytesMax))
    return "is too long";
  return undefined;
}

function checkKind({ path, mode }: BundleFile): void {
  if (mode === "100644" || mode === "100755" || mode === "120000") return;
  const text: string = mode;
  const special = /^10([1-7])/.test(text) ? "a file with setuid, setgid or sticky bit" : undefined;
  throw new BelayError({
    code: "BELAY_BUNDLE_FILE_KIND",
    message: `${shorten(path)} is ${special ?? kinds[text.slice(0, 2)] ?? "of no known kind"} (mode ${shorten(text)}); a bundle holds files and links only`,
    next: "Build the bundle with `belay build`, which makes no such entries.",
  });
}

/** No two paths may be the same file on a disk that ignores case or composes letters, and nothing may lie below a file or a link. */
function checkCollisions(files: readonly BundleFile[]): void {
  const taken = new Map<string, string>();
  for (const { path } of files) {
    const key = foldPath(path);
    const other = taken.get(key);
    if (other === path) throw collision(path, "is there twice");
    if (other !== undefined) throw collision(path, `differs from ${shorten(other)} in case or form of letters only`);
    taken.set(key, path);
  }
  const folders = new Map<string, string>();
  for (const { path } of files) {
    const names = path.split("/");
    for (let depth = 1; depth < names.length; depth += 1) {
      const folder = names.slice(0, depth).join("/");
      const key = foldPath(folder);
      const file = taken.get(key);
      if (file !== undefined) throw collision(path, `lies below ${shorten(file)}, which is no folder`);
      const other = folders.get(key) ?? folder;
      if (other !== folder)
        throw collision(path, `lies in ${shorten(folder)}, which differs from ${shorten(other)} in case or form only`);
      folders.set(key, folder);
    }
  }
}

function foldPath(path: string): string {
  return path.normalize("NFKC").toUpperCase().toLowerCase().normalize("NFKC");
}

/** As many as the kernel follows in one path. */
const hopsMax = 40;

/**
 * Whether the link at `path` leads out of the bundle, by its text or through other links of it. `targets` are those of all links, by
 * path. What is not in the bundle counts as a folder: where the bundle will lie, something may be there.
 */
export function leadsOutside(path: string, targets: ReadonlyMap<string, string>): boolean {
  const at: string[] = [];
  const ahead = path.split("/");
  for (let hops = 0; hops <= hopsMax; ) {
    const name = ahead.shift();
    if (name === undefined) return false;
    if (name === "..") {
      if (at.pop() === undefined) return true;
    } else if (name !== "" && name !== ".") {
      const target = targets.get([...at, name].join("/"));
      if (target === undefined) at.push(name);
      else if (target === "" || target.includes("\0") || isAbsolute(target)) return true;
      else {
        hops += 1;
        ahead.unshift(...target.split("/"));
      }
    }
  }
  return false;
}

export function linkOutside(path: string, target: string): BelayError {
  return new BelayError({
    code: "BELAY_BUNDLE_LINK_OUTSIDE",
    message: `${shorten(path)} is a link to ${shorten(target)}, which is outside the bundle`,
    next: "Copy in release.build what the link leads to, then build the bundle anew.",
  });
}

export function bundleTooLarge(words: string): BelayError {
  return new BelayError({
    code: "BELAY_BUNDLE_TOO_LARGE",
    message: `the bundle is too large: ${words}`,
    next: "Name what the service needs in release.include, and leave caches and data out.",
  });
}

/** The content does not fit the list. */
export function badSize({ path }: Pick<BundleFile, "path">, words: string): BelayError {
  return new BelayError({
    code: "BELAY_BUNDLE_SIZE",
    message: `${shorten(path)} has another size than the bundle says: ${words}`,
    next: "Build the bundle anew with `belay build`.",
  });
}

function badPath(path: string, words: string): BelayError {
  return new BelayError({
    code: "BELAY_BUNDLE_PATH",
    message: `the path ${JSON.stringify(shorten(path))} ${words}`,
    next: "Build the bundle with `belay build`; rename the file when its name is too long.",
  });
}

function collision(path: string, words: string): BelayError {
  return new BelayError({
    code: "BELAY_BUNDLE_PATHS_COLLIDE",
    message: `${shorten(path)} ${words}`,
    next: "Rename one of them, then build the bundle anew: it must mean the same on each machine.",
  });
}

/** Names come from outside: whole ones could fill a screen. */
export function shorten(text: string): string {
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}
