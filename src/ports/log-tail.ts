import { open } from "node:fs/promises";

const tailBytesMax = 64 * 1024;

/** The last `count` lines of a text file, at most 64 KB of them; empty when there is no such file. */
export async function readLastLines(path: string, count: number): Promise<string> {
  const file = await open(path, "r").catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return undefined;
    throw cause;
  });
  if (file === undefined) return "";
  try {
    const { size } = await file.stat();
    const from = Math.max(0, size - tailBytesMax);
    const buffer = Buffer.alloc(size - from);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, from);
    return buffer.toString("utf8", 0, bytesRead).trimEnd().split("\n").slice(-count).join("\n");
  } finally {
    await file.close();
  }
}
