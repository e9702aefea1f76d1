import { type ChildProcessByStdio, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import type { Readable, Writable } from "node:stream";
import { BelayError } from "../errors.ts";
import { giveWay, sendSignal } from "./processes.ts";

export interface Command {
  readonly argv: readonly [string, ...string[]];
  readonly cwd: string;
  /** The whole environment; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  /** What the command reads; by default nothing. */
  readonly stdin?: string | AsyncIterable<Uint8Array>;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** A command that writes more to standard output is killed (`isCut`). 16 MiB by default. */
  readonly stdoutBytesMax?: number;
  /** Gets both outputs in the order of their arrival; nothing is kept then but the end of standard error. */
  readonly onOutput?: (chunk: Buffer) => void;
  /** Gives way to everything else that wants the processor, as `giveWay` says. */
  readonly isBackground?: true;
}

export interface CommandEnd {
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
  readonly endSignal: string | null;
  readonly stdout: Buffer;
  /** The last 64 KiB. */
  readonly stderr: string;
  readonly isTimedOut: boolean;
  readonly isCut: boolean;
}

const stdoutBytesDefault = 16 * 1024 * 1024;
const stderrBytesMax = 64 * 1024;
/** How long output is awaited from what outlived its parent and holds the pipe open. */
const lingerMs = 1000;

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/**
 * Runs a program to its end in a process group of its own, so that nothing it started outlives it: the group is killed when
 * the program ends, at the timeout and on abort. An exit code other than 0 is a result, not an error. Rejects with
 * `BELAY_COMMAND_MISSING` when there is no such program, with the signal's reason on abort, and with what `stdin` throws.
 */
export async function runCommand(command: Command): Promise<CommandEnd> {
  command.signal?.throwIfAborted();
  const child = start(command);
  const output = collectOutput(child, command);
  const input = feed(child, command.stdin);
  let isTimedOut = false;
  const onTimeout = () => {
    isTimedOut = true;
    killGroup(child);
  };
  const timer = command.timeoutMs === undefined ? undefined : setTimeout(onTimeout, command.timeoutMs);
  const onAbort = () => killGroup(child);
  command.signal?.addEventListener("abort", onAbort, { once: true });
  try {
    const end = await ended(child, command);
    command.signal?.throwIfAborted();
    input.throwFailure();
    return { ...end, ...output(), isTimedOut };
  } finally {
    clearTimeout(timer);
    command.signal?.removeEventListener("abort", onAbort);
  }
}

/**
 * Standard output of a program as a stream. Iterating rejects with what `toError` makes of the program's end unless its exit
 * code is 0; leaving the loop early kills it.
 */
export async function* streamCommand(
  command: Pick<Command, "argv" | "cwd" | "env" | "stdin">,
  toError: (end: Pick<CommandEnd, "exitCode" | "stderr">) => Error,
): AsyncGenerator<Uint8Array> {
  const child = start(command);
  const stderr = keepTail(child.stderr);
  const input = feed(child, command.stdin);
  const end = ended(child, command);
  // Awaited below; until then its failure must not count as unhandled.
  end.catch(() => {});
  try {
    for await (const chunk of child.stdout) yield chunk;
    const { exitCode } = await end;
    input.throwFailure();
    if (exitCode !== 0) throw toError({ exitCode, stderr: stderr() });
  } finally {
    killGroup(child);
  }
}

function start({
  argv: [program, ...rest],
  cwd,
  env,
  isBackground,
}: Pick<Command, "argv" | "cwd" | "env" | "isBackground">): Child {
  // Detached: a process group, which can be killed whole.
  const child = spawn(program, rest, { cwd, env, detached: true, stdio: ["pipe", "pipe", "pipe"] });
  if (isBackground === true && child.pid !== undefined) giveWay(child.pid);
  return child;
}

function killGroup({ pid }: Child): void {
  if (pid !== undefined) sendSignal(-pid, "SIGKILL");
}

/** Resolves when the program and its outputs have ended. */
function ended(child: Child, { argv, cwd }: Pick<Command, "argv" | "cwd">): Promise<Pick<CommandEnd, "exitCode" | "endSignal">> {
  return new Promise((resolve, reject) => {
    child.on("error", (cause: NodeJS.ErrnoException) => reject(cause.code === "ENOENT" ? missing(argv[0], cwd, cause) : cause));
    child.on("exit", () => {
      killGroup(child);
      const outputs = [child.stdout, child.stderr];
      // What a slow reader has not taken yet was said in time.
      const giveUp = () => {
        if (outputs.some(({ readableLength }) => readableLength > 0)) timer.refresh();
        else for (const output of outputs) output.destroy();
      };
      // One look later: this process may not have read anything for as long.
      const timer = setTimeout(() => setImmediate(giveUp), lingerMs);
      child.on("close", () => clearTimeout(timer));
    });
    child.on("close", (exitCode, endSignal) => resolve({ exitCode, endSignal }));
  });
}

/** Writes `source` to the program for as long as it runs. When the source fails, the program is killed and `throwFailure` tells. */
function feed(child: Child, source: Command["stdin"]): { readonly throwFailure: () => void } {
  let failure: { readonly cause: unknown } | undefined;
  // A program may end without reading everything: its exit code says what that means, not the broken pipe.
  child.stdin.on("error", () => {});
  if (source === undefined || typeof source === "string") {
    child.stdin.end(source ?? "");
  } else {
    const chunks = source[Symbol.asyncIterator]();
    // Asked to stop from outside, because the source may never yield again.
    child.on("close", () => void chunks.return?.()?.catch(() => {}));
    writeAll(chunks, child).catch((cause: unknown) => {
      failure = { cause };
      killGroup(child);
    });
  }
  return {
    throwFailure: () => {
      if (failure !== undefined) throw failure.cause;
    },
  };
}

async function writeAll(chunks: AsyncIterator<Uint8Array>, { stdin }: Child): Promise<void> {
  for (let next = await chunks.next(); next.done !== true && !stdin.destroyed; next = await chunks.next()) {
    if (!stdin.write(next.value) && !stdin.destroyed) await drained(stdin);
  }
  stdin.end();
}

function drained(stdin: Writable): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      stdin.off("drain", settle).off("close", settle);
      resolve();
    };
    stdin.on("drain", settle).on("close", settle);
  });
}

function collectOutput(
  child: Child,
  { onOutput, stdoutBytesMax = stdoutBytesDefault }: Command,
): () => Pick<CommandEnd, "stdout" | "stderr" | "isCut"> {
  const stdout: Buffer[] = [];
  let stdoutBytes = 0;
  let isCut = false;
  const stderr = keepTail(child.stderr);
  if (onOutput !== undefined) {
    child.stdout.on("data", onOutput);
    child.stderr.on("data", onOutput);
  } else {
    child.stdout.on("data", (chunk: Buffer) => {
      stdoutBytes += chunk.length;
      isCut ||= stdoutBytes > stdoutBytesMax;
      if (isCut) killGroup(child);
      else stdout.push(chunk);
    });
  }
  return () => ({ stdout: Buffer.concat(stdout), stderr: stderr(), isCut });
}

function keepTail(stream: Readable): () => string {
  let tail = Buffer.alloc(0);
  stream.on("data", (chunk: Buffer) => {
    tail = Buffer.concat([tail, chunk]).subarray(-stderrBytesMax);
  });
  return () => tail.toString("utf8");
}

function missing(program: string, cwd: string, cause: Error): BelayError {
  const isFolderMissing = !existsSync(cwd);
  return new BelayError({
    code: "BELAY_COMMAND_MISSING",
    message: isFolderMissing
      ? `${program} was to run in ${cwd}, which does not exist`
      : `the program ${program} is not installed, or not on the PATH`,
    next: isFolderMissing ? `Check the name of the folder ${cwd}.` : `Install ${program}, then try again.`,
    cause,
  });
}
