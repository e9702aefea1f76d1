import { spawn } from "node:child_process";
import { closeSync, readFileSync } from "node:fs";
import type { Writable } from "node:stream";
import type { Clock } from "../ports/clock.ts";
import { printDescriptors } from "../ports/inherited.ts";
import type { Log } from "../ports/log.ts";
import { giveWay, isAlive, readProcess } from "../ports/processes.ts";
import type { Listener } from "./listeners.ts";
import { openLogFile } from "./log-files.ts";
import { awaitRest, openOutputPipe } from "./output-pipes.ts";
import type { ProcessSpec } from "./protocol.ts";

/** A process that was started and may have ended since. The leader of a session of its own, so that no signal spreads to it. */
export interface RunningProcess {
  readonly pid: number;
  readonly startedAtTicks: number;
  /** How it ended: "exit code 1", "signal SIGKILL". Never rejects. */
  readonly ended: Promise<string>;
  /** Of what runs once and has its output masked: to be called after its end; resolves when the log has all of it, or will not. */
  finishOutput?(): Promise<void>;
}

/** How a start can fail: the reason in words ("ENOENT: ..."). */
export interface FailedStart {
  readonly failure: string;
}

const adoptedPollMs = 100;
const firstFreeFd = 3;

/** Where the output of a process goes, and how its sealed variables are opened (which may throw). */
export interface StartSurroundings {
  readonly logFolder: string;
  readonly outputFolder: string;
  readonly clock: Clock;
  readonly log: Log;
  openEnvironment(sealed: string): Readonly<Record<string, string>>;
}

/** Starts what the specification says. Output goes to its log file by descriptor, or to the pipe of what masks it; keys go by pipe. */
export function startProcess(
  spec: ProcessSpec,
  listeners: readonly Listener[],
  surroundings: StartSurroundings,
): RunningProcess | FailedStart {
  const sockets = spec.sockets.map((name) => listeners.find((listener) => listener.name === name));
  const missing = spec.sockets.find((_, index) => sockets[index] === undefined);
  if (missing !== undefined) return { failure: `there is no listening socket called ${missing}` };
  const [command = "", ...words] = spec.argv;
  let output: number | undefined;
  try {
    const keys = Object.entries(spec.keys).map(([name, path]) => ({ name, content: readFileSync(path) }));
    const { logFolder, outputFolder, openEnvironment } = surroundings;
    const { sealedEnv } = spec;
    const secrets = sealedEnv === undefined ? {} : openEnvironment(sealedEnv);
    output = sealedEnv === undefined ? openLogFile(logFolder, spec.name) : openOutputPipe(outputFolder, spec.name, sealedEnv);
    const child = spawn(command, words, {
      cwd: spec.cwd,
      env: { ...secrets, ...spec.env, ...handoverEnv(spec) },
      detached: true,
      stdio: ["ignore", output, output, ...sockets.map((listener) => listener?.fd), ...keys.map(() => "pipe" as const)],
    });
    if (spec.isBackground === true && child.pid !== undefined) giveWay(child.pid);
    for (const [index, { content }] of keys.entries()) sendKey(child.stdio[firstFreeFd + sockets.length + index], content);
    const running = watchChild(child);
    if (sealedEnv === undefined || spec.isOnce !== true || "failure" in running) return running;
    // Kept open: a pipe that nobody has open loses what is in it, and the filter may not have come to it before a short command ends.
    const pipe = output;
    output = undefined;
    return { ...running, finishOutput: () => finishOutput(pipe, spec.name, surroundings) };
  } catch (cause) {
    return { failure: String((cause as Error).message) };
  } finally {
    if (output !== undefined) closeSync(output);
  }
}

async function finishOutput(pipe: number, name: string, { outputFolder, clock, log }: StartSurroundings): Promise<void> {
  try {
    await awaitRest(outputFolder, name, clock);
  } catch (cause) {
    // On a disk that is full the filter writes nothing either.
    if (!(cause instanceof Error) || !("code" in cause)) throw cause;
    log.warn("the end of an output may be missing in its log", { name, cause: cause.message });
  } finally {
    closeSync(pipe);
  }
}

/** Watches a process that another keeper started. Its parent is somebody else, so how it ends stays unknown. */
export function adoptProcess(known: { readonly pid: number; readonly startedAtTicks: number }, clock: Clock): RunningProcess {
  const ended = new Promise<string>((resolve) => {
    const stop = clock.every(adoptedPollMs, () => {
      if (isAlive(known.pid, known.startedAtTicks)) return;
      stop();
      resolve("ended; started by an earlier keeper, so its exit code is unknown");
    });
  });
  return { ...known, ended };
}

/** Variables that tell a process which descriptors it inherits; absent where there is none. */
function handoverEnv(spec: ProcessSpec): Record<string, string> {
  const number = (names: readonly string[], from: number) =>
    printDescriptors(Object.fromEntries(names.map((name, index) => [name, from + index])));
  const keyNames = Object.keys(spec.keys);
  return {
    ...(spec.sockets.length > 0 ? { BELAY_SOCKETS: number(spec.sockets, firstFreeFd) } : {}),
    ...(keyNames.length > 0 ? { BELAY_KEYS: number(keyNames, firstFreeFd + spec.sockets.length) } : {}),
  };
}

function sendKey(pipe: unknown, content: Uint8Array): void {
  const writable = pipe as Writable;
  // Whoever ends before it has read its key is started anew and gets it then.
  writable.on("error", () => {});
  writable.end(content);
}

function watchChild(child: ReturnType<typeof spawn>): RunningProcess | FailedStart {
  const ended = new Promise<string>((resolve) => {
    child.once("exit", (code, signal) => resolve(signal === null ? `exit code ${code}` : `signal ${signal}`));
    child.once("error", (cause) => resolve(`could not be started: ${cause.message}`));
  });
  if (child.pid === undefined) return { failure: `could not be started: ${child.spawnfile} was not found or may not be run` };
  // Until its parent has collected it, which takes a turn of the event loop, even a process that ended at once has an entry.
  return { pid: child.pid, startedAtTicks: readProcess(child.pid)?.startedAtTicks ?? 0, ended };
}
