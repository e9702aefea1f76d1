import { BelayError } from "../errors.ts";
import { readJsonFile, writeFileDurably } from "../ports/durable-file.ts";
import type { ProcessSpec } from "./protocol.ts";
import type { Past } from "./supervised-process.ts";

/** One process that a keeper had running: enough to know it again, and to stop it when nobody wants it any more. */
export interface RunningRecord extends Past {
  readonly name: string;
  /** Null while it waits for its next start, and of what ran once and has ended. */
  readonly pid: number | null;
  readonly startedAtTicks: number;
  readonly graceMs: number;
  /** Replaced by a newer one of its name; only its end is still to come. */
  readonly isRetiring: boolean;
}

export interface RunningState {
  readonly bootId: string;
  readonly processes: readonly RunningRecord[];
}

/** The files carry the version of their form; a newer one is refused rather than misread. */
const formVersion = 1;

/** What should run, in the order in which it was first asked for. Throws `BELAY_KEEPER_STATE_UNREADABLE`. */
export function readDesired(path: string): readonly ProcessSpec[] {
  return readState<{ processes: readonly ProcessSpec[] }>(path)?.processes ?? [];
}

/** Throws `BELAY_KEEPER_STATE_NOT_WRITTEN`: then nothing has changed. */
export function writeDesired(path: string, processes: readonly ProcessSpec[]): void {
  writeState(path, { processes });
}

/** What ran when the last keeper wrote. Throws `BELAY_KEEPER_STATE_UNREADABLE`. */
export function readRunning(path: string): RunningState {
  return readState<RunningState>(path) ?? { bootId: "", processes: [] };
}

/** Throws `BELAY_KEEPER_STATE_NOT_WRITTEN`. */
export function writeRunning(path: string, state: RunningState): void {
  writeState(path, state);
}

/** The keeper of a data folder, and how to start it again. */
export interface KeeperCommand {
  readonly argv: readonly string[];
  readonly pid: number;
  readonly startedAtTicks: number;
}

/** Throws `BELAY_KEEPER_STATE_UNREADABLE`, also when no keeper has ever started. */
export function readCommand(path: string): KeeperCommand {
  const command = readState<KeeperCommand>(path);
  if (command === undefined) throw unreadable(path, "no keeper has been started on this data folder");
  return command;
}

/** Throws `BELAY_KEEPER_STATE_NOT_WRITTEN`. */
export function writeCommand(path: string, command: KeeperCommand): void {
  writeState(path, command);
}

function readState<State extends object>(path: string): State | undefined {
  let content: unknown;
  try {
    content = readJsonFile(path);
  } catch (cause) {
    throw unreadable(path, String(cause));
  }
  if (content === undefined) return undefined;
  const state = content as State & { readonly version?: number };
  if (state.version !== formVersion)
    throw unreadable(path, `its form is version ${state.version}, this program reads ${formVersion}`);
  return state;
}

function writeState(path: string, state: object): void {
  try {
    writeFileDurably(path, `${JSON.stringify({ version: formVersion, ...state }, null, 1)}\n`);
  } catch (cause) {
    throw new BelayError({
      code: "BELAY_KEEPER_STATE_NOT_WRITTEN",
      message: `cannot write ${path}: ${String((cause as Error).message)}`,
      next: "Make room on the disk (`df -h`) and check that the data folder belongs to the user who runs Belay.",
      cause,
    });
  }
}

function unreadable(path: string, why: string): BelayError {
  return new BelayError({
    code: "BELAY_KEEPER_STATE_UNREADABLE",
    message: `cannot use ${path}: ${why}`,
    next: "Use the version of Belay that wrote it, or move the file away: then `belay up` starts everything anew.",
  });
}
