import { type FileHandle, open, stat } from "node:fs/promises";

/** How far a log was read. Survives the rotation of `log-files.ts`, which copies to `.1` and truncates in place. */
export interface LogPlace {
  readonly offset: number;
  /** Inode of the `.1` beside it; another one means that the log was rotated since. 0 is none. */
  readonly rotated: number;
}

export interface LogLines {
  readonly lines: readonly string[];
  readonly place: LogPlace;
  /** More lines lie there already than one call returns. */
  readonly hasMore: boolean;
}

const bytesMax = 1024 * 1024;

/** The last `count` lines, of the last MB. With too few of them the rotated log before is read as well. */
export async function readLogEnd(path: string, count: number): Promise<LogLines> {
  const { size, rotated } = await look(path);
  const present = await readLines(path, { from: Math.max(0, size - bytesMax), to: size });
  const isWhole = size <= bytesMax;
  const missing = count - present.length;
  const before = missing > 0 && isWhole && rotated.size > 0 ? await readLogTail(`${path}.1`, rotated.size, missing) : [];
  return { lines: [...before, ...present.slice(-count)], place: { offset: size, rotated: rotated.inode }, hasMore: false };
}

/**
 * Whole lines that were written after `place`, also when the log was rotated meanwhile; at most about a MB. Of a log that is
 * done, because its writer has ended, the last line is told whole or not.
 */
export async function readLogSince(
  path: string,
  place: LogPlace,
  { isDone }: { readonly isDone: boolean } = { isDone: false },
): Promise<LogLines> {
  const { size, rotated } = await look(path);
  // A copy whose original is not yet cut shows as a log at least as long as the copy.
  const isRotated = rotated.inode !== place.rotated && size < rotated.size;
  if (isRotated && rotated.size > place.offset) {
    const rest = await readWholeLines(`${path}.1`, { from: place.offset, to: rotated.size, isLast: true });
    const hasMore = rest.offset < rotated.size;
    // Read on in the copy as long as it has more; only then in the log, from its start.
    const next = hasMore ? { offset: rest.offset, rotated: place.rotated } : { offset: 0, rotated: rotated.inode };
    return { lines: rest.lines, place: next, hasMore: true };
  }
  const from = isRotated || size < place.offset ? 0 : place.offset;
  const { lines, offset } = await readWholeLines(path, { from, to: size, isLast: isDone });
  const inode = isRotated || size < place.offset ? rotated.inode : place.rotated;
  return {
    lines,
    place: { offset, rotated: inode },
    hasMore: lines.length > 0 && offset < size && offset - from >= bytesMax / 2,
  };
}

interface Look {
  readonly size: number;
  readonly rotated: { readonly inode: number; readonly size: number };
}

async function look(path: string): Promise<Look> {
  const [present, before] = await Promise.all([statOrNull(path), statOrNull(`${path}.1`)]);
  return { size: present?.size ?? 0, rotated: { inode: before?.ino ?? 0, size: before?.size ?? 0 } };
}

async function statOrNull(path: string): Promise<{ readonly size: number; readonly ino: number } | null> {
  return stat(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return null;
    throw cause;
  });
}

async function readLogTail(path: string, size: number, count: number): Promise<readonly string[]> {
  return (await readLines(path, { from: Math.max(0, size - bytesMax), to: size })).slice(-count);
}

/** Without the first line when it was cut; with the last one, whole or not. */
async function readLines(path: string, { from, to }: { readonly from: number; readonly to: number }): Promise<readonly string[]> {
  const text = (await readBytes(path, from, to)).toString("utf8");
  if (text === "") return [];
  const lines = text.replace(/\n$/, "").split("\n");
  return from === 0 ? lines : lines.slice(1);
}

async function readWholeLines(
  path: string,
  { from, to, isLast }: { readonly from: number; readonly to: number; readonly isLast: boolean },
): Promise<{ readonly lines: readonly string[]; readonly offset: number }> {
  const bytes = await readBytes(path, from, Math.min(to, from + bytesMax));
  const isEnd = from + bytes.length >= to;
  const newline = bytes.lastIndexOf(0x0a);
  // A line longer than what is read at once is passed on in pieces; so is the last one of a log that will not grow any more.
  const end =
    newline === -1
      ? bytes.length >= bytesMax || (isLast && isEnd)
        ? bytes.length
        : 0
      : isLast && isEnd
        ? bytes.length
        : newline + 1;
  const text = bytes.subarray(0, end).toString("utf8");
  return { lines: text === "" ? [] : text.replace(/\n$/, "").split("\n"), offset: from + end };
}

async function readBytes(path: string, from: number, to: number): Promise<Buffer> {
  if (to <= from) return Buffer.alloc(0);
  let handle: FileHandle;
  try {
    handle = await open(path, "r");
  } catch (cause) {
    // Rotated away between the look and the reading: the next look finds it under its other name.
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return Buffer.alloc(0);
    throw cause;
  }
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(to - from), 0, to - from, from);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
