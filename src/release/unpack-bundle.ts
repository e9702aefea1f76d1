import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createGunzip } from "node:zlib";
import { BelayError } from "../errors.ts";
import type { BundleFile } from "./bundle.ts";
import { type OpenBundle, unreadable } from "./bundle-file.ts";
import { badSize, leadsOutside, linkOutside, shorten } from "./bundle-list.ts";

/**
 * Writes the files of a bundle into `folder`, which is empty. Every file is made anew and none is written through a link: links
 * come last, and the list was checked. Throws `BELAY_BUNDLE_SIZE`, `BELAY_BUNDLE_CONTENT`, `BELAY_BUNDLE_LINK_OUTSIDE` or `BELAY_BUNDLE_UNREADABLE`.
 */
export async function unpackBundle(path: string, { head, contentOffset }: OpenBundle, folder: string): Promise<void> {
  const packed = createReadStream(path, { start: contentOffset });
  const plain = packed.on("error", (cause) => plain.destroy(cause)).pipe(createGunzip());
  // Thrown where the contents are read; before the first reading nobody listens yet.
  plain.on("error", () => {});
  const contents = new Contents(plain);
  const links = new Map<string, string>();
  try {
    for (const file of head.files) {
      if (file.mode === "120000") links.set(file.path, await readTarget(contents, file));
      else await writeOne(contents, folder, file);
    }
    if (!(await contents.isAtEnd())) throw badSize({ path: "the bundle" }, "there is more content than the list has files for");
  } catch (cause) {
    throw /^(Z_|ERR_TRAILING)/.test((cause as NodeJS.ErrnoException).code ?? "")
      ? unreadable("its contents do not unpack", cause)
      : cause;
  } finally {
    packed.destroy();
    plain.destroy();
  }
  await makeLinks(folder, links);
}

async function writeOne(contents: Contents, folder: string, file: BundleFile): Promise<void> {
  const path = join(folder, file.path);
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  const handle = await open(path, "wx", file.mode === "100755" ? 0o755 : 0o644);
  try {
    const hash = createHash("sha256");
    for await (const part of contents.take(file)) {
      hash.update(part);
      await handle.writeFile(part);
    }
    if (hash.digest("hex") !== file.sha256) throw otherContent(file);
  } finally {
    await handle.close();
  }
}

async function readTarget(contents: Contents, file: BundleFile): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of contents.take(file)) parts.push(Buffer.from(part));
  const target = Buffer.concat(parts);
  if (createHash("sha256").update(target).digest("hex") !== file.sha256) throw otherContent(file);
  const text = target.toString("utf8");
  if (!Buffer.from(text).equals(target)) throw linkOutside(file.path, text);
  return text;
}

/** All are known before one is made: a link may lead out through another one, although neither text says so. */
async function makeLinks(folder: string, links: ReadonlyMap<string, string>): Promise<void> {
  for (const [path, target] of links) if (leadsOutside(path, links)) throw linkOutside(path, target);
  for (const [path, target] of links) {
    await mkdir(dirname(join(folder, path)), { recursive: true, mode: 0o755 });
    await symlink(target, join(folder, path));
  }
}

/** The contents one after the other, read as far as they are asked for: what a bundle unpacks to is bounded by its checked list. */
class Contents {
  #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(stream: AsyncIterable<Buffer>) {
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  async *take(file: BundleFile): AsyncGenerator<Buffer> {
    for (let left = file.bytes; left > 0; ) {
      if (!(await this.#fill())) throw badSize(file, `${left} of its ${file.bytes} bytes are missing`);
      const part = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(part.length);
      left -= part.length;
      yield part;
    }
  }

  async isAtEnd(): Promise<boolean> {
    return !(await this.#fill());
  }

  async #fill(): Promise<boolean> {
    while (this.#rest.length === 0) {
      const next = await this.#chunks.next();
      if (next.done === true) return false;
      this.#rest = next.value;
    }
    return true;
  }
}

function otherContent({ path }: BundleFile): BelayError {
  return new BelayError({
    code: "BELAY_BUNDLE_CONTENT",
    message: `${shorten(path)} in the bundle is not what the bundle's list says`,
    next: "Build the bundle anew with `belay build`.",
  });
}
