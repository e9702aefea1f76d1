import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, open, readlink, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import * as z from "zod";
import { BelayError } from "../errors.ts";
import { mapFew } from "../ports/map-few.ts";
import { type BundleFile, describeFile, digestOf, listPaths } from "./bundle.ts";
import { type BundleLimits, bundleLimits, checkBundleList } from "./bundle-list.ts";

/**
 * A bundle as one file: a line `belay-bundle 1 <sha256 of everything after this line>`, a line of JSON (the head), and the contents
 * of the files in the order of the list, one after the other, in one gzip stream. A link's content is where it leads.
 */
export interface BundleHead {
  readonly commit: string;
  readonly isDirty: boolean;
  /** Folder of the service inside the repository, "" for its top. */
  readonly root: string;
  /** Text of the commit's belay.yml. */
  readonly manifest: string;
  /** Who built it and where, as that machine says. */
  readonly builtBy: { readonly name: string; readonly host: string };
  /** sha256, in hex, over the list of files. */
  readonly digest: string;
  readonly files: readonly BundleFile[];
}

export interface OpenBundle {
  /** What the first line says, and what the rest was found to be. */
  readonly sha256: string;
  readonly head: BundleHead;
  /** Where the gzip stream begins. */
  readonly contentOffset: number;
}

const firstLineBytes = "belay-bundle 1 \n".length + 64;
const headBytesMax = 64 * 1024 * 1024;
const who = z.string().max(255);

const headSchema: z.ZodType<BundleHead> = z.strictObject({
  commit: z.string().regex(/^[0-9a-f]{40}$/),
  isDirty: z.boolean(),
  root: z
    .string()
    .max(1024)
    .regex(/^(?!\/)(?!.*(^|\/)\.\.?(\/|$))[^\0\r\n\\]*$/),
  manifest: z.string().max(1024 * 1024),
  builtBy: z.strictObject({ name: who, host: who }),
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  files: z.array(
    // The mode is looked at with the paths, where what is wrong with it can be said.
    z.strictObject({
      path: z.string(),
      mode: z.string() as unknown as z.ZodType<BundleFile["mode"]>,
      bytes: z.number(),
      sha256: z.string(),
    }),
  ),
});

/** Writes what lies in `folder` as one file; the file is there whole or not at all. Throws what `checkBundleList` throws. */
export async function writeBundle(options: {
  readonly folder: string;
  readonly about: Omit<BundleHead, "digest" | "files">;
  readonly to: string;
}): Promise<{ readonly sha256: string; readonly head: BundleHead }> {
  const { folder, about, to } = options;
  const described = await mapFew(await listPaths(folder), (path) => describeFile(folder, path));
  const files = described.filter((file) => file !== undefined);
  checkBundleList(files, bundleLimits);
  const head = { ...about, digest: digestOf(files), files };
  const unfinished = `${to}.unfinished`;
  const handle = await open(unfinished, "w", 0o644);
  try {
    const hash = createHash("sha256");
    const append = async (chunk: Buffer) => {
      hash.update(chunk);
      await handle.appendFile(chunk);
    };
    await handle.appendFile(firstLine("0".repeat(64)));
    await append(Buffer.from(`${JSON.stringify(head)}\n`));
    await pipeline(Readable.from(contents(folder, files)), createGzip(), async (chunks: AsyncIterable<Buffer>) => {
      for await (const chunk of chunks) await append(chunk);
    });
    const sha256 = hash.digest("hex");
    await handle.write(firstLine(sha256), 0);
    await handle.sync();
    await rename(unfinished, to);
    return { sha256, head };
  } finally {
    await handle.close();
    await rm(unfinished, { force: true });
  }
}

async function* contents(folder: string, files: readonly BundleFile[]): AsyncGenerator<Buffer> {
  for (const { path, mode } of files) {
    if (mode === "120000") yield Buffer.from(await readlink(join(folder, path)));
    else for await (const chunk of createReadStream(join(folder, path))) yield chunk as Buffer;
  }
}

/**
 * Reads the head and checks that the file is what its first line says, byte for byte, and that the head is one of a bundle.
 * Throws `BELAY_BUNDLE_UNREADABLE`, `BELAY_BUNDLE_FORMAT`, `BELAY_BUNDLE_CHANGED`, `BELAY_BUNDLE_DIGEST` and what `checkBundleList` throws.
 */
export async function openBundle(path: string, limits: BundleLimits = bundleLimits): Promise<OpenBundle> {
  const handle = await openFile(path);
  try {
    const sha256 = parseFirstLine(await readAt(handle, 0, firstLineBytes));
    const hash = createHash("sha256");
    await pipeline(handle.createReadStream({ start: firstLineBytes, autoClose: false }), hash);
    if (hash.digest("hex") !== sha256) throw changed(path);
    const line = await readLine(handle);
    const head = parseHead(line);
    checkBundleList(head.files, limits);
    if (digestOf(head.files) !== head.digest) throw otherDigest();
    return { sha256, head, contentOffset: firstLineBytes + line.length + 1 };
  } finally {
    await handle.close();
  }
}

function firstLine(sha256: string): string {
  return `belay-bundle 1 ${sha256}\n`;
}

function parseFirstLine(line: Buffer): string {
  const text = line.toString("latin1");
  const [, version, sha256] = /^belay-bundle (\d+) (?:([0-9a-f]{64})\n)?/.exec(text) ?? [];
  if (version !== undefined && version !== "1") {
    throw new BelayError({
      code: "BELAY_BUNDLE_FORMAT",
      message: `the bundle has format ${version}; this program knows format 1`,
      next: "Build and deploy with the same version of Belay.",
    });
  }
  if (sha256 === undefined) throw unreadable("its first line is not one of a bundle");
  return sha256;
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (cause) {
    throw unreadable(`${path} cannot be opened (${(cause as NodeJS.ErrnoException).code ?? "no code"})`, cause);
  }
}

async function readLine(handle: FileHandle): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (let offset = firstLineBytes; offset < firstLineBytes + headBytesMax; ) {
    const part = await readAt(handle, offset, 64 * 1024);
    const end = part.indexOf(0x0a);
    parts.push(end === -1 ? part : part.subarray(0, end));
    if (end !== -1) return Buffer.concat(parts);
    if (part.length === 0) break;
    offset += part.length;
  }
  throw unreadable("its head has no end");
}

async function readAt(handle: FileHandle, position: number, bytes: number): Promise<Buffer> {
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(bytes), 0, bytes, position);
  return buffer.subarray(0, bytesRead);
}

function parseHead(line: Buffer): BundleHead {
  let value: unknown;
  try {
    value = JSON.parse(line.toString("utf8"));
  } catch (cause) {
    throw unreadable("its head is not JSON", cause);
  }
  const parsed = headSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw unreadable(`its head is not one of a bundle: ${issue?.path.join(".") ?? ""} ${issue?.message ?? ""}`.slice(0, 300));
}

export function unreadable(words: string, cause?: unknown): BelayError {
  const next = "Give a file that `belay build -o` wrote.";
  return new BelayError({ code: "BELAY_BUNDLE_UNREADABLE", message: `the bundle cannot be read: ${words}`, next, cause });
}

function changed(path: string): BelayError {
  return new BelayError({
    code: "BELAY_BUNDLE_CHANGED",
    message: `the bundle ${path} is not what was built: it was changed or cut off since`,
    next: "Fetch it again from where it was built, or build it anew.",
  });
}

export function otherDigest(): BelayError {
  return new BelayError({
    code: "BELAY_BUNDLE_DIGEST",
    message: "the bundle's digest is not the one of its list of files",
    next: "Build the bundle anew with `belay build`.",
  });
}
