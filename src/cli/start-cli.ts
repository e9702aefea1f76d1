import { homedir, userInfo } from "node:os";
import { createInterface } from "node:readline/promises";
import type { WriteStream } from "node:tty";
import { createPlatform } from "../app/start-platform.ts";
import type { Clock } from "../ports/clock.ts";
import { userEnvironment } from "../ports/environment.ts";
import type { Random } from "../ports/random.ts";
import type { CliIo, Output } from "./cli-io.ts";
import { exitCodes } from "./command.ts";
import { readInput } from "./read-input.ts";
import { runCli } from "./run-cli.ts";

export interface StartCliOptions {
  readonly program: { readonly node: string; readonly main: string };
  readonly clock: Clock;
  readonly random: Random;
}

/** A signal to the whole process group arrives twice, the second time by way of bin/belay.js; people are slower. */
const sameInterruptionMs = 200;

/** Runs the command line in this process's own terminal. The first Ctrl-C asks the command to end, the second one ends it. */
export async function startCli({ program, clock, random }: StartCliOptions): Promise<number> {
  const interruption = new AbortController();
  let interruptedAtMs = Number.POSITIVE_INFINITY;
  const interrupt = () => {
    const nowMs = clock.monotonicMs();
    if (nowMs - interruptedAtMs > sameInterruptionMs) process.exit(exitCodes.cancelled);
    interruptedAtMs = Math.min(interruptedAtMs, nowMs);
    interruption.abort();
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, interrupt);
  const io: CliIo = {
    stdout: toOutput(process.stdout),
    stderr: toOutput(process.stderr),
    env: userEnvironment(),
    cwd: process.cwd(),
    user: { name: userName(), home: homedir(), isRoot: process.getuid?.() === 0 },
    clock,
    random,
    platform: createPlatform({ program, clock, random }),
    interrupted: interruption.signal,
    readInput: (prompt) => readInput(prompt, interruption.signal),
    ask: (question) => ask(question, interruption.signal),
    confirm: async (question) => isYes(await ask(question, interruption.signal)),
  };
  return runCli(process.argv.slice(2), io);
}

function toOutput(stream: WriteStream): Output {
  // Whoever reads may stop to (`belay history | head`): then there is nobody left to write for.
  stream.on("error", (cause: NodeJS.ErrnoException) => {
    if (cause.code !== "EPIPE") throw cause;
    process.exit(exitCodes.done);
  });
  return {
    write: (text) => void stream.write(text),
    get isTerminal() {
      return stream.isTTY === true;
    },
    get columns() {
      return stream.columns ?? 80;
    },
  };
}

/** A user without an entry in the system's list (as in some containers) is known by number. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid-${process.getuid?.() ?? "unknown"}`;
  }
}

function isYes(answer: string | undefined): boolean | undefined {
  return answer === undefined ? undefined : /^y(es)?$/i.test(answer);
}

async function ask(question: string, signal: AbortSignal): Promise<string | undefined> {
  if (!process.stdin.isTTY || !process.stdout.isTTY) return undefined;
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  // Ctrl-D, which answers nothing.
  const ended = new Promise<undefined>((resolve) => terminal.once("close", () => resolve(undefined)));
  try {
    return await Promise.race([terminal.question(question, { signal }), ended]);
  } finally {
    terminal.close();
  }
}
