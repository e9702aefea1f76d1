import { readlink, realpath } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, resolve } from "node:path";

/**
 * Where the link at `path` in `folder` leads. "outside" is also an absolute link, whatever it points at: the folder will lie
 * elsewhere when it is used. "nowhere" would be inside, but nothing is there.
 */
export async function whereLinkLeads(folder: string, path: string): Promise<"inside" | "outside" | "nowhere"> {
  const target = await readlink(join(folder, path));
  if (isAbsolute(target) || !isInside(folder, resolve(folder, dirname(path), target))) return "outside";
  let real: string;
  try {
    real = await realpath(join(folder, path));
  } catch (cause) {
    if (["ENOENT", "ENOTDIR", "ELOOP"].includes((cause as NodeJS.ErrnoException).code ?? "")) return "nowhere";
    throw cause;
  }
  // Through other links a path can leave although its text does not.
  return isInside(await realpath(folder), real) ? "inside" : "outside";
}

function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== ".." && !way.startsWith("../");
}
