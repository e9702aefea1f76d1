import {
  closeSync,
  constants,
  type FSWatcher,
  fstatSync,
  mkdirSync,
  openSync,
  readSync,
  statSync,
  watch,
  writeSync,
} from "node:fs";
import { Socket } from "node:net";
import type { Clock } from "../ports/clock.ts";
import { configKeyFile, readConfigKey } from "../ports/config-key.ts";
import type { Log } from "../ports/log.ts";
import { createMask, type Mask } from "../ports/masking.ts";
import { environmentPurpose, openSealed } from "../ports/sealing.ts";
import { keeperPaths } from "./command.ts";
import { openLogFile } from "./log-files.ts";
import { isRestAwaited, noteRestWritten, outputPipes, pipeOf, readSealedValues } from "./output-pipes.ts";

const lookEveryMs = 500;
/** As much as a pipe holds. */
const pipeBytesMax = 64 * 1024;
const restReadsMax = 16;

export interface OutputFilterOptions {
  readonly dataFolder: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/**
 * Writes what processes with secrets say into their log files, without the secrets. It knows nothing but what lies in the folder of
 * the pipes, so that it can be killed at any time: its next life goes on where it was, and only what it held in hand is lost.
 */
export async function runOutputFilter({ dataFolder, clock, log, signal }: OutputFilterOptions): Promise<void> {
  const { logs, output: folder } = keeperPaths(dataFolder);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const open = new Map<string, FilteredPipe>();
  const openValues = (sealed: string) => openSealedValues(dataFolder, sealed);
  const look = () => {
    const present = new Set(outputPipes(folder));
    for (const name of present) {
      const sealed = readSealedValues(folder, name);
      // Removed between two looks.
      if (sealed === undefined) continue;
      let pipe = open.get(name);
      if (pipe !== undefined && !pipe.isAt(pipeOf(folder, name))) {
        // Another process of the same name came at once: a job's next run.
        pipe.takeRest();
        pipe.close();
        open.delete(name);
        pipe = undefined;
      }
      pipe?.learn(sealed);
      const fd = pipe === undefined ? openForReading(pipeOf(folder, name)) : undefined;
      if (fd !== undefined) open.set(name, new FilteredPipe({ name, fd, logs, sealed, openValues, log }));
      if (!isRestAwaited(folder, name)) continue;
      open.get(name)?.takeRest();
      noteRestWritten(folder, name);
    }
    for (const [name, pipe] of open) {
      if (present.has(name) || !pipe.closeWhenQuiet()) continue;
      open.delete(name);
    }
  };
  const watching: FSWatcher = watch(folder, look);
  const stopLooking = clock.every(lookEveryMs, look);
  look();
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  watching.close();
  stopLooking();
  for (const pipe of open.values()) pipe.close();
}

/** For writing too: so it never ends, whoever else has it open. Undefined when it was removed between two looks. */
function openForReading(pipe: string): number | undefined {
  try {
    return openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw cause;
  }
}

class FilteredPipe {
  readonly #options: FilteredPipeOptions;
  readonly #socket: Socket;
  readonly #logFd: number;
  readonly #inode: number;
  readonly #values = new Set<string>();
  #sealed = "";
  /** Null while the values cannot be known: then nothing is written, rather than anything in clear. */
  #mask: Mask | null = null;
  #isQuiet = false;
  #hasFailed = false;

  constructor(options: FilteredPipeOptions) {
    this.#options = options;
    this.#inode = fstatSync(options.fd).ino;
    this.#logFd = openLogFile(options.logs, options.name);
    this.learn(options.sealed);
    this.#socket = new Socket({ fd: options.fd, readable: true, writable: false });
    this.#socket.on("data", (chunk: Buffer) => this.#take(chunk));
    this.#socket.on("error", (cause) =>
      options.log.error("an output cannot be read", { name: options.name, cause: cause.message }),
    );
  }

  /** What is masked from now on, beside what was before. */
  learn(sealed: string): void {
    if (sealed === this.#sealed && this.#mask !== null) return;
    const { name, log, openValues } = this.#options;
    try {
      for (const value of openValues(sealed)) this.#values.add(value);
      if (this.#mask !== null) this.#write(this.#mask.end());
      this.#mask = createMask([...this.#values]);
    } catch (cause) {
      if (sealed !== this.#sealed) {
        const why = (cause as Error).message;
        log.error("what a process writes is not kept, because nobody knows what to mask in it", { name, cause: why });
        this.#write(Buffer.from("(what follows is not kept: the key to the values that must be masked in it cannot be used)\n"));
      }
      this.#mask = null;
    }
    this.#sealed = sealed;
  }

  /** Whether this is the pipe at that path, and not one that was there before. */
  isAt(path: string): boolean {
    return statSync(path, { throwIfNoEntry: false })?.ino === this.#inode;
  }

  /** Takes what lies in the pipe without waiting for anything: of a process that has ended, all that it said. */
  takeRest(): void {
    const bytes = Buffer.alloc(pipeBytesMax);
    // Not for ever: something that got away from its process may go on writing, and comes like any other output then.
    for (let reads = 0, read = 1; reads < restReadsMax && read > 0; reads += 1) {
      read = this.#readNow(bytes);
      if (read > 0) this.#take(bytes.subarray(0, read));
    }
    if (this.#mask !== null) this.#write(this.#mask.end());
  }

  #readNow(bytes: Buffer): number {
    try {
      return readSync(this.#options.fd, bytes);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === "EAGAIN") return 0;
      throw cause;
    }
  }

  /** Its process is gone. True when nothing came since the last look: then it is closed. */
  closeWhenQuiet(): boolean {
    if (this.#isQuiet) this.close();
    const isClosed = this.#isQuiet;
    this.#isQuiet = true;
    return isClosed;
  }

  close(): void {
    this.#socket.destroy();
    if (this.#mask !== null) this.#write(this.#mask.end());
    closeSync(this.#logFd);
  }

  #take(chunk: Buffer): void {
    this.#isQuiet = false;
    if (this.#mask !== null) this.#write(this.#mask.push(chunk));
  }

  /** On a full disk a line is lost, as it is when a process writes to its log itself; it must not wait for room. */
  #write(bytes: Buffer): void {
    try {
      for (let written = 0; written < bytes.length; ) written += writeSync(this.#logFd, bytes, written);
      this.#hasFailed = false;
    } catch (cause) {
      if (!this.#hasFailed)
        this.#options.log.error("an output cannot be written", { name: this.#options.name, cause: String(cause) });
      this.#hasFailed = true;
    }
  }
}

interface FilteredPipeOptions {
  readonly name: string;
  /** Of the pipe. */
  readonly fd: number;
  readonly logs: string;
  readonly sealed: string;
  readonly log: Log;
  /** Throws when they cannot be opened. */
  openValues(sealed: string): readonly string[];
}

function openSealedValues(dataFolder: string, sealed: string): readonly string[] {
  return Object.values(openEnvironment(dataFolder, sealed));
}

/** The variables that a process gets beside those in its specification. Throws when the key is missing or is another one. */
export function openEnvironment(dataFolder: string, sealed: string): Readonly<Record<string, string>> {
  const key = readConfigKey(configKeyFile(dataFolder));
  return JSON.parse(openSealed(key, sealed, environmentPurpose)) as Readonly<Record<string, string>>;
}
