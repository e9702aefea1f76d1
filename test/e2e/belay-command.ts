import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";

export const projectFolder: string = join(import.meta.dirname, "../..");

/** Everything that one user of Belay has for herself: a data folder, a home, and the program that she calls. */
export interface Place {
  readonly folder: string;
  readonly dataFolder: string;
  /** Folder of the checkout whose `bin/belay.js` is called. */
  readonly programFolder: string;
}

export function placeIn(folder: string, programFolder: string = projectFolder): Place {
  return { folder, dataFolder: join(folder, "data"), programFolder };
}

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly durationMs: number;
}

export interface CommandOptions {
  readonly cwd?: string;
  readonly signal?: AbortSignal;
  /** Called with each whole line, of standard output or error, as it comes. */
  readonly onLine?: (line: string) => void;
  readonly env?: Readonly<Record<string, string>>;
  /** Standard input; nothing when absent. */
  readonly input?: string;
}

/**
 * Runs `belay` as a user does, as a process of its own with nothing of the caller's environment but PATH and where compiled sources are
 * kept. Never rejects for an exit code; rejects with the signal's reason when it was aborted.
 */
export async function runBelay(place: Place, words: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const startedAtMs = performance.now();
  const command = spawn(process.execPath, [join(place.programFolder, "bin/belay.js"), ...words], {
    cwd: options.cwd ?? place.folder,
    env: { ...environmentOf(place), ...options.env },
    stdio: ["pipe", "pipe", "pipe"],
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    // An aborted command is waited for, too: whoever clears up next must find all that it started.
    command.once("error", (cause) => command.pid === undefined && reject(cause));
    command.once("close", resolve);
  });
  command.stdin.on("error", (cause: NodeJS.ErrnoException) => {
    // A command may end before it has read anything.
    if (cause.code !== "EPIPE") throw cause;
  });
  command.stdin.end(options.input ?? "");
  const stdout = collect(command.stdout, options.onLine);
  const stderr = collect(command.stderr, options.onLine);
  const code = await ended;
  options.signal?.throwIfAborted();
  return { code, stdout: stdout(), stderr: stderr(), durationMs: performance.now() - startedAtMs };
}

/** The last JSON document of a command's standard output. */
export function jsonOf(result: CommandResult): unknown {
  const lines = result.stdout.trimEnd().split("\n");
  for (let from = lines.length - 1; from >= 0; from -= 1) {
    if (!/^[[{]/.test(lines[from] ?? "")) continue;
    return JSON.parse(lines.slice(from).join("\n"));
  }
  throw new Error(`no JSON document in the output (exit code ${result.code}): ${result.stdout}${result.stderr}`);
}

/** What a user's shell sets: the variables that a next command in the same place needs are among them. */
export function environmentOf(place: Place): Record<string, string> {
  const home = join(place.folder, "home");
  mkdirSync(home, { recursive: true });
  // More than half of what a short command takes is the compiling of its sources: once for a run of the tests is enough. Only of this
  // checkout: every copy would be kept beside it for ever.
  const compileCache = place.programFolder === projectFolder ? process.env["NODE_COMPILE_CACHE"] : undefined;
  return {
    ...(compileCache === undefined ? {} : { NODE_COMPILE_CACHE: compileCache }),
    PATH: process.env["PATH"] ?? "/usr/bin:/bin",
    LANG: "C.UTF-8",
    HOME: home,
    XDG_STATE_HOME: join(home, "state"),
    XDG_CONFIG_HOME: join(home, "config"),
    BELAY_DATA: place.dataFolder,
  };
}

function collect(stream: NodeJS.ReadableStream, onLine: ((line: string) => void) | undefined): () => string {
  let text = "";
  let partial = "";
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    text += chunk;
    const lines = (partial + chunk).split("\n");
    partial = lines.pop() ?? "";
    if (onLine !== undefined) lines.forEach(onLine);
  });
  return () => text;
}
