import { type Stats, statSync } from "node:fs";
import { extname, join } from "node:path";
import type { AssetRoute } from "../routing/table.ts";

/** A file of a release that visitors have met, which the release that serves now does not know. */
export interface KeptAsset {
  readonly file: string;
  readonly bytes: number;
  readonly contentType: string;
}

const contentTypes: Readonly<Record<string, string>> = {
  ".avif": "image/avif",
  ".css": "text/css; charset=utf-8",
  ".gif": "image/gif",
  ".ico": "image/x-icon",
  ".jpeg": "image/jpeg",
  ".jpg": "image/jpeg",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".mjs": "text/javascript; charset=utf-8",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".ttf": "font/ttf",
  ".txt": "text/plain; charset=utf-8",
  ".wasm": "application/wasm",
  ".webp": "image/webp",
  ".woff": "font/woff",
  ".woff2": "font/woff2",
};

/**
 * Looks a path up in the bundles of an asset route, the newest first; null when none has it. `path` is as it came, without
 * query. Nothing outside of the declared folders is ever found: bundles hold no link that leaves them.
 */
export function findKeptAsset(options: {
  readonly releasesFolder: string;
  readonly routes: readonly AssetRoute[];
  readonly path: string;
}): KeptAsset | null {
  for (const { path, sources } of options.routes) {
    const below = path.endsWith("/") ? path : `${path}/`;
    const segments = options.path.startsWith(below) ? plainSegments(options.path.slice(below.length)) : null;
    if (segments === null) continue;
    for (const { digest, folder } of sources) {
      const file = join(options.releasesFolder, digest, "files", folder, ...segments);
      const found = statOf(file);
      if (found?.isFile() === true) return { file, bytes: found.size, contentType: contentTypeOf(file) };
    }
  }
  return null;
}

/** Undefined too for a name that no file can have, as anybody may ask for one. */
function statOf(file: string): Stats | undefined {
  try {
    return statSync(file, { throwIfNoEntry: false });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENAMETOOLONG") return undefined;
    throw cause;
  }
}

/** Decoded, and none of them a way out; null when any is. */
function plainSegments(path: string): readonly string[] | null {
  let decoded: string[];
  try {
    decoded = path.split("/").map((segment) => decodeURIComponent(segment));
  } catch {
    return null;
  }
  const isPlain = (segment: string) => segment !== "" && segment !== "." && segment !== ".." && !/[/\\\0]/.test(segment);
  return decoded.every(isPlain) ? decoded : null;
}

function contentTypeOf(file: string): string {
  return contentTypes[extname(file).toLowerCase()] ?? "application/octet-stream";
}
