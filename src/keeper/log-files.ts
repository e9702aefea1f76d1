import { copyFileSync, mkdirSync, openSync, readdirSync, renameSync, rmSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import type { Log } from "../ports/log.ts";

const rotateAboveBytes = 10 * 1024 * 1024;
const rotatedFilesKept = 3;

export function logFileOf(folder: string, name: string): string {
  return join(folder, `${name}.log`);
}

/**
 * A descriptor to hand to a process as its output, to be closed by the caller after the start. It appends, also after the file
 * was truncated, and needs nobody to read it: the keeper's end breaks no pipe.
 */
export function openLogFile(folder: string, name: string): number {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return openSync(logFileOf(folder, name), "a", 0o600);
}

/**
 * Copies each log above 10 MB to `.1` (older ones move up to `.3`) and truncates it in place, since its writers keep it open. Lines
 * written between copy and truncation are lost. When the disk has no room for a copy, the log is truncated without one: a log
 * must not be what fills the disk. What cannot be rotated is told to `log` and left for the next time.
 */
export function rotateLogs(folder: string, log: Log, aboveBytes: number = rotateAboveBytes): void {
  for (const name of readdirSync(folder).filter((entry) => entry.endsWith(".log"))) {
    const path = join(folder, name);
    try {
      if (bytesOf(path) > aboveBytes) rotate(path, log);
    } catch (cause) {
      log.error("a log cannot be rotated", { path, cause: String(cause) });
    }
  }
}

function rotate(path: string, log: Log): void {
  for (let age = rotatedFilesKept - 1; age >= 1; age -= 1) {
    if (bytesOf(`${path}.${age}`) >= 0) renameSync(`${path}.${age}`, `${path}.${age + 1}`);
  }
  try {
    copyFileSync(path, `${path}.1`);
  } catch (cause) {
    rmSync(`${path}.1`, { force: true });
    log.warn("a log was cut without a copy", { path, cause: String(cause) });
  }
  truncateSync(path);
}

/** -1 when there is no such file. */
function bytesOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? -1;
}
