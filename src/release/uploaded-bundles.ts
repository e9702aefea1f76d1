import { existsSync } from "node:fs";
import { mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import { BelayError } from "../errors.ts";
import { readJsonFile, writeFileDurably } from "../ports/durable-file.ts";
import { openBundle, otherDigest } from "./bundle-file.ts";
import { type BundleLimits, bundleLimits, bundleTooLarge } from "./bundle-list.ts";
import type { BundleStore } from "./bundle-store.ts";
import type { ReceivedBundle, Releases } from "./releases.ts";
import { unpackBundle } from "./unpack-bundle.ts";

type Upload = Parameters<Releases["receiveBundle"]>[0];

/** What came with each uploaded bundle, by its sha256: `<folder>/<sha256>.json`. The files themselves are in the store, by digest. */
export class UploadedBundles {
  readonly #folder: string;
  readonly #store: BundleStore;
  readonly #limits: BundleLimits;

  constructor(folder: string, store: BundleStore, limits: BundleLimits = bundleLimits) {
    this.#folder = folder;
    this.#store = store;
    this.#limits = limits;
  }

  /** `work` is an empty folder of its own on the same disk, which the caller removes whatever happens. */
  async receive({ sha256, bundle }: Upload, work: string): Promise<ReceivedBundle> {
    const file = join(work, "upload");
    await this.#save(bundle, file);
    const opened = await openBundle(file, this.#limits);
    if (opened.sha256 !== sha256) throw notTheOneNamed(sha256, opened.sha256);
    const unpacked = join(work, "files");
    await mkdir(unpacked, { mode: 0o700 });
    await unpackBundle(file, opened, unpacked);
    const { digest, fileCount, bytes } = await this.#store.add({
      from: unpacked,
      include: null,
      unfinished: join(work, "bundle"),
    });
    // Listed anew from the disk, as a bundle that is built here is.
    if (digest !== opened.head.digest) throw otherDigest();
    const { files: _, ...about } = opened.head;
    const received: ReceivedBundle = { ...about, sha256, fileCount, bytes };
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    // Last: a bundle that is known is there whole.
    writeFileDurably(this.#path(sha256), `${JSON.stringify({ format: 1, ...received }, null, 1)}\n`);
    return received;
  }

  /** Throws `BELAY_BUNDLE_UNKNOWN`. */
  read(sha256: string): ReceivedBundle {
    const found = /^[0-9a-f]{64}$/.test(sha256) && existsSync(this.#path(sha256)) ? readJsonFile(this.#path(sha256)) : undefined;
    if (found !== undefined) return found as ReceivedBundle;
    throw new BelayError({
      code: "BELAY_BUNDLE_UNKNOWN",
      message: `no bundle with sha256 ${sha256.slice(0, 64)} was ever sent to this control plane`,
      next: "Run `belay deploy --bundle <file>`, which sends it.",
    });
  }

  async #save(bundle: AsyncIterable<Uint8Array>, file: string): Promise<void> {
    const handle = await open(file, "wx", 0o600);
    try {
      let bytes = 0;
      for await (const chunk of bundle) {
        bytes += chunk.byteLength;
        if (bytes > this.#limits.bundleBytesMax) throw bundleTooLarge(`more than ${this.#limits.bundleBytesMax} bytes were sent`);
        await handle.writeFile(chunk);
      }
    } finally {
      await handle.close();
    }
  }

  #path(sha256: string): string {
    return join(this.#folder, `${sha256}.json`);
  }
}

/** The bundle is whole, and another one than was meant. */
export function notTheOneNamed(expected: string, found: string): BelayError {
  return new BelayError({
    code: "BELAY_BUNDLE_NOT_EXPECTED",
    message: `this is the bundle with sha256 ${found}, and the one with ${expected.slice(0, 64)} was named`,
    next: "Deploy the bundle that was built, with the sha256 that `belay build` printed for it.",
  });
}
