import { spawnSync } from "node:child_process";
import { constants, existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../ports/clock.ts";
import { writeFileDurably } from "../ports/durable-file.ts";
import { systemPath } from "../ports/environment.ts";

/**
 * The output of a process that knows secrets goes through a named pipe, `<folder>/<name>.pipe`, to the process that masks them
 * (`output-filter.ts`); beside it lie the values that it masks, sealed. Whoever writes into the pipe holds it open for reading, too:
 * nobody gets a broken pipe when the filter, the keeper or both are killed, and what was written waits for the next filter.
 */
const pipeEnd = ".pipe";
const pollMs = 20;
/** A filter that was killed is back by then; the log of what ended lacks its end otherwise, and nobody waits for ever. */
const restPatienceMs = 30_000;

/** The keeper's name for the filter. */
export const outputFilterName = "output";

/** A descriptor to hand to a process as its output; to be closed by the caller after the start. */
export function openOutputPipe(folder: string, name: string, sealed: string): number {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  // First the values: a pipe without them would be read by nobody.
  if (readSealedValues(folder, name) !== sealed) writeFileDurably(sealedFileOf(folder, name), sealed);
  const pipe = pipeOf(folder, name);
  if (!existsSync(pipe)) makePipe(pipe);
  return openSync(pipe, constants.O_RDWR);
}

/**
 * For a process that has ended: resolves when the filter has written down all that it said, or does not come. Whoever holds the pipe
 * open meanwhile keeps what is in it.
 */
export async function awaitRest(folder: string, name: string, clock: Clock): Promise<void> {
  const mark = restMarkOf(folder, name);
  writeFileSync(mark, "");
  const untilMs = clock.monotonicMs() + restPatienceMs;
  while (existsSync(mark) && clock.monotonicMs() < untilMs) await clock.sleep(pollMs);
  rmSync(mark, { force: true });
}

/** Whether somebody awaits the rest of an output. */
export function isRestAwaited(folder: string, name: string): boolean {
  return existsSync(restMarkOf(folder, name));
}

export function noteRestWritten(folder: string, name: string): void {
  rmSync(restMarkOf(folder, name), { force: true });
}

/** To be called when nothing of the process runs any more; the filter reads what is left. */
export function removeOutputPipe(folder: string, name: string): void {
  rmSync(pipeOf(folder, name), { force: true });
  rmSync(sealedFileOf(folder, name), { force: true });
  noteRestWritten(folder, name);
}

/** Names of the processes whose output goes through a pipe. */
export function outputPipes(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith(pipeEnd))
    .map((file) => file.slice(0, -pipeEnd.length));
}

export function pipeOf(folder: string, name: string): string {
  return join(folder, `${name}${pipeEnd}`);
}

/** Undefined when there are none (any more). */
export function readSealedValues(folder: string, name: string): string | undefined {
  try {
    return readFileSync(sealedFileOf(folder, name), "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw cause;
  }
}

function restMarkOf(folder: string, name: string): string {
  return join(folder, `${name}.ended`);
}

function sealedFileOf(folder: string, name: string): string {
  return join(folder, `${name}.sealed`);
}

/** Node cannot make one itself. */
function makePipe(path: string): void {
  const { status, stderr, error } = spawnSync("mkfifo", ["-m", "600", path], { env: { PATH: systemPath }, encoding: "utf8" });
  if (status !== 0) throw new Error(`the pipe for its output could not be made: ${error?.message ?? stderr.trim()}`);
}
